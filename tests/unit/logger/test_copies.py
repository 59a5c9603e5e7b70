"""Copies: `copy.deepcopy`, `pickle`, `reinstall`, forks.

logger-api.md, section 28
"""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
from programs import Program, read_log

from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._logger.logger import logger as the_logger
from mplog._sinks import report


class Stream:
    """A stream that can be copied."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)


class TestDeepCopy:
    def test_handlers_are_apart(self, logger: Logger) -> None:
        """What is added to or removed from one is unknown to the other; functions are shared."""
        got: list[str] = []
        first = logger.add(got.append, format="{message}")
        other = copy.deepcopy(logger)
        assert repr(other) == repr(logger)
        second = other.add(got.append, format="other {message}")
        assert second == first + 1, "the counter is copied"
        logger.info("one")
        other.info("two")
        logger.remove(first)
        logger.info("gone")
        other.info("three")
        with pytest.raises(ValueError, match="There is no existing handler"):
            logger.remove(second)
        assert got == ["one\n", "two\n", "other two\n", "three\n", "other three\n"]
        other.remove()

    def test_objects_are_copied(self, logger: Logger) -> None:
        """A stream that can be is another one in the copy."""
        stream = Stream()
        logger.add(stream, format="{message}")
        other = copy.deepcopy(logger)
        other.info("other")
        logger.info("own")
        assert stream.texts == ["own\n"]

    def test_levels_and_settings_are_copied(self, logger: Logger) -> None:
        """And then apart."""
        got: list[Any] = []
        logger.add(got.append, format="{level.icon} {extra} {message}")
        logger.level("NEW", 12, icon="!")
        logger.configure(extra={"a": [1]}, patcher=lambda record: record["extra"].update(p=1))
        logger.disable("x")
        other = copy.deepcopy(logger)
        other.level("NEW", icon="?")
        other.configure(extra={"b": 1})
        other.enable("x")
        other.log("NEW", "x")
        logger.log("NEW", "y")
        exec("logger.info('dropped')", {"logger": logger, "__name__": "x"})
        exec("logger.info('z')", {"logger": other, "__name__": "x"})
        assert [str(text) for text in got] == [
            "? {'b': 1, 'p': 1} x\n",
            "! {'a': [1], 'p': 1} y\n",
            "\u2139\ufe0f {'b': 1, 'p': 1} z\n",
        ]

    def test_views_share_the_copy_of_their_core(self, logger: Logger) -> None:
        """In one `deepcopy` all views of one logger stay views of one logger."""
        got: list[Any] = []
        one, two = copy.deepcopy((logger.bind(a=1), logger.opt(raw=True)))
        one.add(got.append, format="{message}")
        two.info("x")
        one.info("y")
        assert [(str(text), text.record["extra"]) for text in got] == [("x", {}), ("y\n", {"a": 1})]

    def test_what_cannot_be_copied(self, logger: Logger, tmp_path: Path) -> None:
        """Open files and standard streams: TypeError; `enqueue`: RuntimeError. The logger stays as it was."""
        for arguments, error in (
            ({"sink": tmp_path / "app.log"}, TypeError),
            ({"sink": sys.__stderr__, "level": 100}, TypeError),
            ({"sink": lambda _: None, "enqueue": True}, RuntimeError),
        ):
            number = logger.add(**arguments)
            with pytest.raises(error):
                copy.deepcopy(logger)
            logger.remove(number)

    def test_a_file_that_is_not_open_yet(self, logger: Logger, tmp_path: Path) -> None:
        """With `delay=True` both write to it."""
        logger.add(tmp_path / "app.log", format="{message}", delay=True)
        other = copy.deepcopy(logger)
        logger.info("one")
        other.info("two")
        other.remove()
        assert read_log(tmp_path) == ["one", "two"]

    def test_a_copy_that_nobody_holds_is_gone(self, logger: Logger) -> None:
        """It takes part in forks for as long as it is there."""
        core = weakref.ref(copy.deepcopy(logger)._core)
        gc.collect()
        assert core() is None

    def test_contextualize_is_for_all(self, logger: Logger) -> None:
        """It belongs to the thread or task, not to a logger."""
        got: list[Any] = []
        logger.add(got.append)
        with copy.deepcopy(logger).contextualize(a=1):
            logger.info("x")
        assert got[0].record["extra"] == {"a": 1}

    def test_a_shallow_copy_is_another_view(self, logger: Logger) -> None:
        """On the same handlers."""
        got: list[str] = []
        other = copy.copy(logger.bind(a=1))
        logger.add(got.append, format="{extra} {message}")
        other.info("x")
        assert got == ["{'a': 1} x\n"]


def patch(record: dict[str, Any]) -> None:
    record["extra"]["patched"] = True


class TestPickle:
    @pytest.fixture
    def got(self) -> Any:
        """The messages of the logger of this process."""
        found: list[Any] = []
        number = the_logger.add(found.append, format="{message}")
        yield found
        the_logger.remove(number)

    def test_views_keep_what_they_hold(self, got: list[Any]) -> None:
        """Bound extra, options and patchers; handlers are those of the process."""
        for view in (
            the_logger.bind(a=1),
            the_logger.patch(patch),
            the_logger.opt(raw=True),
            the_logger.bind(a=1).patch(patch).opt(depth=0, capture=False),
        ):
            back = pickle.loads(pickle.dumps(view))
            for each in (view, back):
                each.info("x {a}", a=5)
            assert str(got[-1]) == str(got[-2])
            assert got[-1].record["extra"] == got[-2].record["extra"]

    def test_methods(self, got: list[Any]) -> None:
        """Bound methods travel, too."""
        for name in ("info", "log", "add", "opt", "bind", "parse", "remove", "complete", "catch", "configure"):
            back = pickle.loads(pickle.dumps(getattr(the_logger.bind(a=1), name)))
            assert back.__name__ == name
        pickle.loads(pickle.dumps(the_logger.bind(a=1).info))("x")
        assert got[0].record["extra"] == {"a": 1}

    def test_whatever_is_bound(
        self, got: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What cannot travel becomes its text; a patcher that cannot is left out, which is said."""
        monkeypatch.setattr(report, "_said", {})
        view = the_logger.bind(f=lambda: 1, a=1).patch(patch).patch(lambda record: None)
        back = pickle.loads(pickle.dumps(view))
        back.info("x")
        extra = got[0].record["extra"]
        assert extra["a"] == 1
        assert extra["patched"] is True
        assert str(extra["f"]).startswith("<function TestPickle")
        assert "arrives without it" in capsys.readouterr().err
        try:
            raise ValueError("bad")
        except ValueError as error:
            back = pickle.loads(pickle.dumps(the_logger.opt(exception=error)))
        back.info("x")
        assert got[1].record["exception"].value.args == ("bad",)


class TestReinstall:
    def test_the_imported_logger_takes_the_handlers_over(self) -> None:
        """Not bound extra, patchers and options; the handlers before are forgotten."""
        before = the_logger._core
        got: list[Any] = []
        other = Logger(Core(), {})
        other.add(got.append, format="{message}")
        bound = other.bind(a=1)
        try:
            bound.reinstall()
            the_logger.info("x")
            assert [(str(text), text.record["extra"]) for text in got] == [("x\n", {})]
            bound.reinstall()
            the_logger.reinstall()
            assert the_logger._core is other._core
            assert the_logger._core.serves
            assert not before.serves
        finally:
            Logger(before, {}).reinstall()
        the_logger.info("not there")
        assert len(got) == 1
        assert the_logger._core is before


REINSTALLED = """
    import copy, multiprocessing, os, sys
    from mplog import logger

    def work(given=None):
        if given is not None:
            given.reinstall()
        logger.info("from a child")

    if __name__ == "__main__":
        logger.remove()
        other = copy.deepcopy(logger)
        other.add("app.log", format="{process.name} {message}")
        other.reinstall()
        logger.info("from the owner")
        context = multiprocessing.get_context(sys.argv[1])
        for arguments in ((), (logger,)):
            process = context.Process(target=work, args=arguments, name="W")
            process.start()
            process.join()
            assert process.exitcode == 0
        with context.Pool(1, initializer=logger.reinstall) as pool:
            pool.apply(work)
            logger.complete()
"""

FORKED_COPY = """
    import copy, os
    from mplog import logger

    class Stream:
        def write(self, text):
            os.write(1, str(text).encode())

    logger.remove()
    logger.add("app.log", format="{message}")
    number = logger.add("late.log", format="{message}", delay=True)
    plain = logger
    from mplog._logger.core import Core
    own = copy.deepcopy(type(logger)(Core(), {}))
    own.add(Stream(), format="copy {message}")
    own.add("copy.log", format="{message}")
    pid = os.fork()
    if not pid:
        logger.info("child")
        own.info("child")
        os._exit(0)
    os.waitpid(pid, 0)
    logger.info("parent")
    own.info("parent")
"""


class TestProcesses:
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_a_reinstalled_logger_serves_children(self, program: Program, method: str) -> None:
        """As the one before it did; `reinstall` in a child changes nothing."""
        lines = program.run(REINSTALLED, method).log()
        assert lines[:3] == ["MainProcess from the owner", "W from a child", "W from a child"]
        assert len(lines) == 4

    def test_a_copy_is_used_on_both_sides_of_a_fork(self, program: Program) -> None:
        """Its sinks are each process's own, as functions and streams; its files are shared line by line."""
        ended = program.run(FORKED_COPY)
        # The child's record comes through its ring, so it may come after what the parent writes itself.
        assert sorted(ended.log()) == ["child", "parent"]
        assert ended.log("copy.log") == ["child", "parent"]
        assert ended.output.splitlines() == ["copy child", "copy parent"]
