"""Configuration at module level that runs again in a spawned child changes nothing about the files of its owner.

Covers logger-api.md, section 36, and row 2 of beyond.md.
"""

from __future__ import annotations

import re

import pytest
from programs import Program

METHODS = ("spawn", "forkserver")
LIBRARIES = ("multiprocessing", "multiprocess")

SCRIPT = """
    import importlib, os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", mode="w")
    other = logger.add("other.log", format="{message}", mode="x")
    logger.info("module {} in {}", __name__, "owner" if __name__ == "__main__" else "child")

    def work():
        assert repr(logger).count("sink=") == 2, logger
        logger.info("work in child")

    if __name__ == "__main__":
        library, method = sys.argv[1:3]
        logger.info("before the child")
        process = importlib.import_module(library).get_context(method).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
        logger.info("after the child")
"""

SETTINGS = """
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.name} {message}", mode="w")
"""

PRELOADED = """
    import importlib, sys
    from mplog import logger
    import settings

    def work(n):
        logger.info("job {}", n)

    if __name__ == "__main__":
        library = importlib.import_module(sys.argv[1])
        library.set_forkserver_preload(["settings"])
        logger.info("before")
        context = library.get_context("forkserver")
        for n in range(2):
            process = context.Process(target=work, args=(n,), name=f"W{n}")
            process.start()
            process.join()
"""

ONE_AT_A_TIME = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", rotation="10 MB", compression="gz", retention=2)

    def work(n):
        logger.info("job {}", n)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        for n in range(3):
            process = context.Process(target=work, args=(n,))
            process.start()
            process.join()
"""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("library", LIBRARIES)
class TestMainModule:
    def test_nothing_is_truncated_or_doubled(self, program: Program, library: str, method: str) -> None:
        """`mode="w"` empties the file once and `mode="x"` makes it once: in the owner; each line is there once."""
        (program.here / "app.log").write_text("from an earlier run\n")

        ended = program.run(SCRIPT, library, method)

        expected = ["before the child", "module __main__ in owner", "work in child", "after the child"]
        lines = ended.log()
        from_module = [line for line in lines if "in child" in line and line.startswith("module")]
        if method == "spawn" or from_module:  # Newer fork servers import it before there is a child.
            assert from_module == ["module __mp_main__ in child"]
        assert sorted(line for line in lines if line not in from_module) == sorted(expected)
        # The owner's own lines go past its writer, so nobody promises where they stand among its workers'.
        assert sorted(ended.log("other.log")) == sorted(lines)


@pytest.mark.parametrize("library", LIBRARIES)
class TestForkServer:
    def test_configuration_that_it_preloads_is_joined_to_the_owners(self, program: Program, library: str) -> None:
        """A fork server is never an owner: what it imports and configures opens and truncates nothing."""
        program.script(SETTINGS, "settings.py")
        ended = program.run(PRELOADED, library)
        assert ended.log() == ["MainProcess before", "W0 job 0", "W1 job 1"]


@pytest.mark.parametrize("method", METHODS)
class TestFileOptions:
    def test_children_that_come_and_go_do_not_end_the_file(self, program: Program, method: str) -> None:
        """The end of a child neither rotates nor compresses what its owner still writes."""
        ended = program.run(ONE_AT_A_TIME, method)
        assert ended.log() == ["job 0", "job 1", "job 2"]
        assert [path.name for path in ended.here.iterdir()] == ["app.log"]


DIFFERING = """
    import datetime, multiprocessing, sys
    from mplog import logger

    def shown(record):
        return "{message}\\n"

    logger.remove()
    for options in eval(sys.argv[2], {**globals(), "owner": __name__ == "__main__"}):
        logger.add(**options)

    def work(n):
        logger.error("job {}", n)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        children = [context.Process(target=work, args=(n,)) for n in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
"""

SAME = """[
    {"sink": "app.log", "format": shown, "filter": lambda record: True, "mode": "w" if owner else "a",
     "rotation": ["1 MB", "daily", "w0", datetime.time(3, tzinfo=datetime.timezone.utc), lambda message, file: False],
     "retention": "1 week", "compression": "gz", "newline": "\\n", "watch": True},
    {"sink": "two.log", "format": "{message}", "filter": {"a": "INFO", "": True}, "level": "WARNING", "diagnose": True},
    {"sink": "two.log", "format": "{message}", "level": "ERROR", "encoding": "utf-8-sig", "rotation": "1 GB"},
    {"sink": sys.stdout, "format": shown},
]"""
OTHER = """[
    {"sink": "app.log", "format": "{message}", "level": "INFO" if owner else "DEBUG", "serialize": False,
     "rotation": "1 MB" if owner else ["1 MB", "1 day"], "retention": 3 if owner else None, "watch": not owner},
    {"sink": "two.log", "format": "{message}" if owner else "{level} {message}"},
    {"sink": "two.log", "format": "second {message}"},
]"""


class TestOptionsThatDiffer:
    def test_none_does(self, program: Program) -> None:
        """The same `add()` again, with functions and every kind of option, is silent; so is another `mode`."""
        ended = program.run(DIFFERING, "spawn", SAME)
        assert sorted(ended.log()) == sorted(ended.output.splitlines()) == ["job 0", "job 1"]

    @pytest.mark.parametrize("method", METHODS)
    def test_it_is_said_once(self, program: Program, method: str) -> None:
        """Not by each child: which options, for which sink; those of the owner hold."""
        ended = program.run(DIFFERING, method, OTHER, silent=False)
        twice, *said = ended.said.splitlines()
        assert re.search(r"\(MainProcess\): .*two\.log is added again, by handler 3 after handler 2, with", twice), (
            twice
        )
        assert len(said) == 2, ended.said
        first, second = sorted(said, key=lambda line: "two.log" in line)  # Two children say them.
        assert re.search(
            r"app\.log' with another level \(.*\) and watch \('False' there, 'True' here\) and rotation \(.*\) and "
            r"retention \(.*\) than process",
            first,
        ), first
        assert "two.log' with another format (" in second
        assert sorted(ended.log()) == ["job 0", "job 1"]
        assert sorted(ended.log("two.log")) == ["job 0", "job 1", "second job 0", "second job 1"]


WHERE = ("module", "function")

DOUBLED = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    if sys.argv[2] == "module" or __name__ == "__main__":
        logger.add("app.log", format="{message}")
    if sys.argv[2] == "module" and __name__ != "__main__":
        logger.add("app.log", format="{message}")

    def work(n):
        if sys.argv[2] == "function":
            logger.info("job {}", n)
            logger.add("app.log", format="{message}")
        logger.info("job {} done", n)

    if __name__ == "__main__":
        logger.info("before")
        context = multiprocessing.get_context(sys.argv[1])
        for n in range(3):
            child = context.Process(target=work, args=(n,), name=f"W{n}")
            child.start()
            child.join()
            assert child.exitcode == 0
"""


class TestFilesThatChildrenAddTwice:
    @pytest.mark.parametrize(
        ("method", "where"), [("fork", "function"), *((method, where) for method in METHODS for where in WHERE)]
    )
    def test_it_is_said_by_one_of_them(self, program: Program, method: str, where: str) -> None:
        """What only the children add a second time is said by the first of them, for all."""
        ended = program.run(DOUBLED, method, where, silent=False)
        (said,) = ended.said.splitlines()
        assert re.search(r"\(W0\): .*app\.log is added again, by handler \d after handler \d, with", said), said
        assert sorted(line for line in ended.log() if "done" in line) == sorted(2 * [f"job {n} done" for n in range(3)])
