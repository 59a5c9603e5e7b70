"""What `configure`, `enable`, `disable`, `contextualize` and views are in other processes.

logger-api.md, section 36: rows 13 and 20; beyond.md, rows 1, 3 and 8c
"""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

START = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format=FORMAT)

    def patch(record):
        record["extra"]["patched"] = record["process"].name

    def work(connection):
        for line in iter(connection.recv, None):
            try:
                exec(line, globals())
                connection.send(None)
            except Exception as error:
                connection.send(repr(error))

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        connection, other = context.Pipe()
        process = context.Process(target=work, args=(other,), name="W")

        def ask(line):
            connection.send(line)
            answer = connection.recv()
            assert answer is None, answer

        def end():
            connection.send(None)
            process.join()
            assert process.exitcode == 0
"""


def script(body: str, format_: str = "{process.name} {extra} {message}") -> str:
    return START.replace("FORMAT", repr(format_)) + body


EXTRA = """
        logger.configure(extra={"a": 1, "thing": lambda: 1})
        process.start()
        ask("logger.info(logger._core.state.settings.extra['a'])")
        logger.configure(extra={"b": 2})
        ask("logger.info('two')")
        ask("logger.configure(extra={'own': 1})")
        ask("logger.info('three')")
        logger.disable("elsewhere")
        ask("logger.info('four')")
        logger.configure(extra={"c": 3})
        ask("logger.bind(d=4).info('five')")
        ask("logger.complete()")
        logger.info("six")
        end()
"""

PATCHER = """
        process.start()
        ask("logger.info('one')")
        logger.configure(patcher=patch)
        ask("logger.info('two {}', 2)")
        logger.configure(patcher=lambda record: record["extra"].update(owner=record["message"]))
        ask("logger.info('three')")
        ask("logger.patch(patch).info('four')")
        logger.configure(patcher=lambda record: {}["missing"])
        ask("logger.info('five')")
        logger.configure(patcher=patch)
        ask("logger.info('six')")
        end()
"""

ACTIVATION = """
        process.start()
        ask("logger.info('one')")
        logger.disable("")
        ask("logger.info('dropped')")
        logger.enable("__main__")
        logger.enable("__mp_main__")
        ask("logger.info('two')")
        ask("logger.disable('')")
        ask("logger.info('dropped')")
        logger.configure(activation=[("", True)])
        ask("logger.info('three')")
        end()
"""

STRICT = """
        process.start()
        ask("logger.info('{} {}', 1)")
        logger.configure(strict=True)
        connection.send("logger.info('{} {}', 1)")
        assert connection.recv().startswith("ValueError"), "strict mode has not arrived"
        logger.configure(strict=False)
        ask("logger.info('{} {}', 1)")
        end()
"""

CONTEXT = """
        with logger.contextualize(context=1):
            process.start()
        ask("logger.info('one')")
        ask("with logger.contextualize(own=1): logger.info('two')")
        end()
"""

VIEWS = """
    def job(view):
        view.info("from {record[process].name}")

    if __name__ == "__main__":
        for view in (logger.bind(a=1), logger.opt(record=True), logger.patch(patch), logger.bind(f=lambda: 1)):
            process = context.Process(target=job, args=(view,), name="J")
            process.start()
            process.join()
            assert process.exitcode == 0
        process = context.Process(target=logger.bind(b=2).info, args=("a method",), name="J")
        process.start()
        process.join()
        assert process.exitcode == 0
"""

DECORATED = """
        process.start()
        ask("@logger.catch(default=3)\\ndef fails(): raise ValueError('bad')")
        ask("assert fails() == 3")
        ask("logger.opt(lazy=True, raw=True).info('{}\\\\n', lambda: 'raw text')")
        ask("logger.opt(colors=True).info('<red>{}</red>', '<b>')")
        ask("logger.opt(exception=KeyError('given')).info('x')")
        end()
"""


@pytest.mark.parametrize("method", METHODS)
class TestRunningWorker:
    def test_extra_follows_the_owner(self, program: Program, method: str) -> None:
        """The owner's latest `configure(extra=)` counts, until the worker sets its own, until the owner does again."""
        lines = program.run(script(EXTRA), method).log()
        assert lines[0].startswith("W {'a': 1, 'thing': <function <lambda> at")
        assert lines[1:] == [
            "W {'b': 2} two",
            "W {'own': 1} three",
            "W {'own': 1} four",
            "W {'c': 3, 'd': 4} five",
            "MainProcess {'c': 3} six",
        ]

    def test_the_patcher_follows_the_owner(self, program: Program, method: str) -> None:
        """One that cannot travel is run by the owner on the record's data; one that raises leaves a mark."""
        ended = program.run(script(PATCHER), method, silent=False)
        assert ended.log() == [
            "W {} one",
            "W {'patched': 'W'} two 2",
            "W {'owner': 'three'} three",
            "W {'patched': 'W', 'owner': 'four'} four",
            "W {'mplog_error': \"KeyError('missing')\"} five <not patched>",
            "W {'patched': 'W'} six",
        ]
        assert len(ended.said.splitlines()) == 1
        assert "KeyError('missing')" in ended.said

    def test_activation_follows_the_owner(self, program: Program, method: str) -> None:
        """`enable`, `disable` and `configure(activation=)`."""
        lines = program.run(script(ACTIVATION, "{message}"), method).log()
        assert lines == ["one", "two", "three"]

    def test_strict_mode_follows_the_owner(self, program: Program, method: str) -> None:
        """On, and off again."""
        lines = program.run(script(STRICT, "{message}"), method, silent=False).log()
        assert lines == ["{} {} <not formatted>"] * 2

    def test_context_is_kept_by_fork_only(self, program: Program, method: str) -> None:
        """A forked child has what the forking thread had; others start empty."""
        before = {"context": 1} if method == "fork" else {}
        lines = program.run(script(CONTEXT), method).log()
        assert lines == [f"W {before} one", f"W { {**before, 'own': 1} } two"]

    def test_views_and_methods_are_arguments(self, program: Program, method: str) -> None:
        """With bound extra, options and patchers; a value that cannot travel arrives as its text."""
        lines = program.run(script(VIEWS), method).log()
        assert lines[:3] == [
            "J {'a': 1} from {record[process].name}",
            "J {} from J",
            "J {'patched': 'J'} from {record[process].name}",
        ]
        assert lines[3].startswith("J {'f': <function <lambda> at")
        assert lines[4] == "J {'b': 2} a method"

    def test_catch_and_opt_work_there(self, program: Program, method: str) -> None:
        """As in the owner."""
        lines = program.run(script(DECORATED, "{level} {function} {message}"), method).log()
        text = "\n".join(lines)
        assert text.startswith("ERROR <module> An error has been caught in function '<module>', process 'W' (")
        assert "\nValueError: bad\n" in text
        assert "\nraw text\n" in text
        assert "\nINFO <module> <b>\n" in text
        assert text.endswith("\nKeyError: 'given'")


SPAWNED_WITHOUT_GUARD = """
    import multiprocessing, sys
    from mplog import logger

    logger.configure(
        handlers=[{"sink": "app.log", "format": "{process.name} {extra} {message}"}],
        extra={"a": 1},
        activation=[("noisy", False)],
        levels=[{"name": "OWN", "no": 33, "icon": "!"}],
    )

    def work():
        logger.log("OWN", "x")
        exec("logger.info('dropped')", {"logger": logger, "__name__": "noisy.module"})

    if __name__ == "__main__":
        work()
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, name="W")
        process.start()
        process.join()
        assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", METHODS)
def test_configure_in_a_module_that_runs_again(program: Program, method: str) -> None:
    """beyond.md, row 2: the same `configure()` in a child joins the owner's handlers; no line is doubled."""
    ended = program.run(SPAWNED_WITHOUT_GUARD, method)
    assert ended.log() == ["MainProcess {'a': 1} x", "W {'a': 1} x"]
