"""Any method from any thread at any time, sinks that are slow, and removal while others log; logger-api.md, section 29.

Where a sink logs itself: tests/behaviour/test_logging_inside_logging.py.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mplog._logger.logger import Logger
from mplog._sinks import message_sink

BOUND = 30.0
"""Seconds after which a thread that should have gone on has not."""

ROUNDS = 3


@pytest.fixture(autouse=True)
def turns() -> Iterator[None]:
    """Threads take turns as often as the interpreter lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


def in_threads(*functions: Callable[[], object]) -> None:
    """Run each in a thread of its own, to the end; the first error is raised here."""
    errors: list[BaseException] = []

    def run(function: Callable[[], object]) -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001 - raised below, in the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(BOUND)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


class Slow:
    """A stream that is inside of its `write` until it is let go."""

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.calls: list[str] = []

    def write(self, message: str) -> None:
        self.entered.set()
        assert self.leave.wait(BOUND)
        self.calls.append(str(message))

    def stop(self) -> None:
        self.calls.append("stop")


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A slow stream, let go in the end."""
    found = Slow()
    yield found
    found.leave.set()


class TestAnyMethod:
    def test_all_of_them_at_once(self, logger: Logger, tmp_path: Path) -> None:
        """Nothing raises, and a handler that nobody touches has each message of each thread once and in order."""
        got: list[str] = []
        logger.add(lambda message: got.append(str(message)), format="{message}", filter=lambda r: "n" in r["extra"])
        (tmp_path / "parsed.log").write_text("a=1\n")

        def work(name: str) -> None:
            own = tmp_path / f"{name}.log"
            for n in range(ROUNDS):
                added = [
                    logger.add(sink, **options)
                    for sink, options in (
                        (lambda _: None, {"level": "INFO"}),
                        (own, {"rotation": 300, "retention": 1}),
                        (logging.NullHandler(), {"serialize": True}),
                        (Later(), {}),
                    )
                ]
                logger.level(f"{name}{n}", no=n, color="<red>", icon="!")
                logger.configure(extra={"of": name}, patcher=lambda record: None, activation=[(name, False)])
                logger.configure(levels=[{"name": f"{name}{n}", "icon": "?"}])
                logger.log(f"{name}{n}", "own level")
                logger.bind(n=n).info("{} {}", name, n)
                logger.opt(lazy=True, colors=True).debug("<red>{}</red>", lambda: name)
                logger.patch(lambda record: record["extra"].update(p=1)).warning("patched")
                with logger.contextualize(name=name), logger.catch():
                    raise ValueError(name)
                logger.disable(name)
                logger.enable(name)
                assert repr(logger).startswith("<mplog.logger handlers=[")
                assert logger.complete(timeout=BOUND)
                assert list(logger.parse(tmp_path / "parsed.log", r"a=(?P<a>\d)")) == [{"a": "1"}]
                assert logger.statistics() is not None
                assert logger.health() is not None
                logger.reopen()
                copy.copy(logger).trace("copied")
                for number in added:
                    logger.remove(number)

        class Later:
            async def __call__(self, message: str) -> None: ...

        names = ["a", "b", "c"]
        in_threads(*[lambda name=name: work(name) for name in names])
        assert len(got) == ROUNDS * len(names)
        for name in names:
            assert [line for line in got if line[0] == name] == [f"{name} {n}\n" for n in range(ROUNDS)]

    def test_logging_needs_no_lock_of_the_configuration(self, logger: Logger, tmp_path: Path) -> None:
        """While another thread is inside of a change, calls go on: new ones, repeated ones, odd ones."""
        got: list[str] = []
        logger.add(lambda message: got.append(str(message)), format="{message}")
        logger.add(tmp_path / "app.log", format="{message}")

        def work() -> None:
            for n in range(3):
                logger.info("{}", n)
                logger.bind(n=n).opt(lazy=True).log(33, "{}", lambda: "lazy")
            logger.level("INFO")
            with logger.catch(level="INFO", message="caught"):
                raise ValueError

        with logger._core.lock:
            in_threads(work)
        assert [line.splitlines()[0] for line in got] == ["0", "lazy", "1", "lazy", "2", "lazy", "caught"]


class TestSlowSinks:
    def test_they_delay_their_own_handler_only(self, logger: Logger, slow: Slow, tmp_path: Path) -> None:
        """Other threads' messages are in the other sinks while one thread is inside of the slow one."""
        got: list[str] = []
        logger.add(lambda message: got.append(str(message)), format="{message}")
        logger.add(tmp_path / "app.log", format="{message}")
        logger.add(slow, format="{message}", filter=lambda record: "for all" in record["message"])
        first = threading.Thread(target=logger.info, args=("for all 1",))
        first.start()
        assert slow.entered.wait(BOUND)
        in_threads(lambda: logger.info("others"))
        second = threading.Thread(target=logger.info, args=("for all 2",))
        second.start()
        while len(got) < 3:
            assert second.is_alive()
        assert (tmp_path / "app.log").read_text().startswith("for all 1\nothers\n")
        assert slow.calls == []
        slow.leave.set()
        for thread in (first, second):
            thread.join(BOUND)
        assert slow.calls == ["for all 1\n", "for all 2\n"]
        assert got == ["for all 1\n", "others\n", "for all 2\n"]


class Marking(logging.Handler):
    """A standard handler that notes what it gets and its end."""

    def __init__(self, calls: list[str]) -> None:
        super().__init__()
        self.calls = calls

    def emit(self, record: logging.LogRecord) -> None:
        self.calls.append(record.getMessage())

    def close(self) -> None:
        self.calls.append("stop")
        super().close()


class Stream:
    """A stream that notes what it gets and its end."""

    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def write(self, message: str) -> None:
        self.calls.append(str(message))

    def stop(self) -> None:
        self.calls.append("stop")


class TestRemove:
    def test_it_returns_when_the_write_in_progress_is_done(
        self, logger: Logger, slow: Slow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However long that takes: the program may close the stream after it."""
        monkeypatch.setattr(message_sink, "PATIENCE", 0.01)
        number = logger.add(slow, format="{message}")
        writing = threading.Thread(target=logger.info, args=("x",))
        writing.start()
        assert slow.entered.wait(BOUND)
        removing = threading.Thread(target=logger.remove, args=(number,))
        removing.start()
        removing.join(0.1)
        assert removing.is_alive()
        slow.leave.set()
        for thread in (writing, removing):
            thread.join(BOUND)
        assert slow.calls == ["x\n", "stop"]

    def test_two_sinks_that_remove_each_other(self, logger: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """In two threads at the same time: neither waits for the other for ever."""
        monkeypatch.setattr(message_sink, "PATIENCE", 0.01)
        barrier = threading.Barrier(2)
        calls: list[str] = []

        class Removing:
            def write(self, message: str) -> None:
                barrier.wait(BOUND)
                logger.remove(numbers[message.strip()])
                calls.append(f"written {message.strip()}")

            def stop(self) -> None:
                calls.append("stop")

        first = logger.add(Removing(), format="{message}", filter=lambda record: record["message"] == "1")
        second = logger.add(Removing(), format="{message}", filter=lambda record: record["message"] == "2")
        numbers = {"1": second, "2": first}
        in_threads(lambda: logger.info("1"), lambda: logger.info("2"))
        assert sorted(calls) == ["stop", "stop", "written 1", "written 2"]

    @pytest.mark.parametrize("kind", ["stream", "function", "standard", "file"])
    def test_nothing_comes_after_it(self, logger: Logger, tmp_path: Path, kind: str) -> None:
        """Threads log all the time while a handler is added and removed: none of it arrives after its end."""
        enough = threading.Event()
        logger.add(lambda _: None)

        def work() -> None:
            while not enough.is_set():
                logger.info("{} {}", "x", 1)
                logger.bind(a=1).info("x")

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        seen = []
        try:
            for n in range(10):
                calls: list[str] = []
                path = tmp_path / f"{n}.log"
                sink: Any = {
                    "stream": Stream(calls),
                    "standard": Marking(calls),
                    "function": calls.append,
                    "file": path,
                }[kind]
                number = logger.add(sink, format="{message}")
                wait = threading.Event()
                wait.wait(0.002)
                logger.remove(number)
                if kind in ("file", "function"):
                    left = path.read_text() if kind == "file" else calls[:]
                    wait.wait(0.002)
                    assert (path.read_text() if kind == "file" else calls) == left
                else:
                    seen.append(calls)
        finally:
            enough.set()
            for thread in threads:
                thread.join(BOUND)
        for calls in seen:
            assert calls.index("stop") == len(calls) - 1

    @pytest.mark.parametrize("removes", [True, False])
    def test_a_stop_that_comes_back(self, logger: Logger, removes: bool) -> None:
        """Logging, or removing again, while a sink is being stopped: its handler is not there any more."""
        calls: list[str] = []

        class Returning(Stream):
            def stop(self) -> None:
                if removes:
                    logger.remove()
                    with pytest.raises(ValueError, match="There is no existing handler"):
                        logger.remove(number)
                logger.info("from the stop")
                super().stop()

        number = logger.add(Returning(calls), format="{message}")
        logger.add(lambda message: calls.append(f"other {message}"), format="{message}")
        logger.info("x")
        in_threads(lambda: logger.remove(number))
        expected = ["x\n", "other x\n", "stop"] if removes else ["x\n", "other x\n", "other from the stop\n", "stop"]
        assert calls == expected


class Ends(BaseException):
    """What no `except Exception` catches."""


class TestWhatEndsPrograms:
    @pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, Ends])
    @pytest.mark.parametrize("kind", ["stream", "function", "standard", "file", "flush"])
    def test_the_handler_is_usable_again(
        self, logger: Logger, tmp_path: Path, kind: str, raised: type[BaseException]
    ) -> None:
        """From this thread and from others; the call in which it came has raised it."""
        got: list[str] = []
        bad: list[BaseException] = [raised()]

        def take(text: str) -> None:
            if text.startswith("bad") and bad:
                raise bad.pop()
            got.append(text.rstrip("\n"))

        class Raising(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                take(record.getMessage())

        class Flushing:
            def write(self, text: str) -> None:
                self.text = str(text)

            def flush(self) -> None:
                take(self.text)

        sink: Any = {
            "stream": type("Stream", (), {"write": staticmethod(take)})(),
            "function": take,
            "standard": Raising(),
            "file": tmp_path / "app.log",
            "flush": Flushing(),
        }[kind]
        options: dict[str, Any] = {}
        if kind == "file":

            def rotates(message: str, file: object) -> bool:
                take(str(message))
                return False

            options = {"rotation": rotates}
        number = logger.add(sink, format="{message}", **options)
        logger.info("one")
        with pytest.raises(raised):
            logger.info("bad")
        logger.info("two")
        in_threads(lambda: logger.info("three"))
        in_threads(lambda: logger.remove(number))
        assert got == ["one", "two", "three"]
        if kind == "file":
            assert [line for line in (tmp_path / "app.log").read_text().split() if line != "bad"] == got

    def test_and_so_is_the_logger_after_a_stop(self, logger: Logger) -> None:
        """That raised one."""

        class Interrupted(Stream):
            def stop(self) -> None:
                raise KeyboardInterrupt

        got: list[str] = []
        number = logger.add(Interrupted([]))
        logger.add(lambda message: got.append(str(message)), format="{message}")
        with pytest.raises(KeyboardInterrupt):
            logger.remove(number)
        in_threads(lambda: logger.info("x"), lambda: logger.add(print, level="CRITICAL"))
        assert got == ["x\n"]


class TestCopiesInside:
    @pytest.mark.parametrize("copied", [lambda logger: pickle.loads(pickle.dumps(logger)), copy.copy, copy.deepcopy])
    def test_a_sink_may_log_with_one(self, copied: Callable[[Any], Any]) -> None:
        """A pickled or shallow one is the same logger, whose record comes next; a deep one has sinks of its own."""
        from mplog._logger.logger import logger  # the imported one, which a pickled copy is

        got: list[str] = []

        def sink(message: str) -> None:
            got.append(f"began {message}".strip())
            if "outer" in message:
                other = copied(logger)
                other.info("inner")
                if other._core is not logger._core:
                    other.remove()
            got.append(f"ended {message}".strip())

        number = logger.add(sink, format="{message}")
        try:
            in_threads(lambda: logger.info("outer"))
        finally:
            logger.remove(number)
        nested = ["began inner", "ended inner"]
        if copied is copy.deepcopy:
            assert got == ["began outer", *nested, "ended outer"]
        else:
            assert got == ["began outer", "ended outer", *nested]
