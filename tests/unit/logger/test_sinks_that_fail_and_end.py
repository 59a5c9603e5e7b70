"""How sinks fail, how they are removed, and in which thread they run; logger-api.md, sections 18, 19, 20 and 29."""

from __future__ import annotations

import io
import sys
import threading
from typing import Any

import pytest

from mplog._logger.logger import Logger


class TestErrors:
    def test_what_does_not_want_to_be_caught(self, logger: Logger) -> None:
        """A KeyboardInterrupt passes through, and the handler is usable afterwards."""
        got: list[str] = []

        def sink(message: str) -> None:
            if message == "bad\n":
                raise KeyboardInterrupt
            got.append(str(message))

        logger.add(sink, format="{message}")
        logger.info("one")
        with pytest.raises(KeyboardInterrupt):
            logger.info("bad")
        logger.info("two")
        assert got == ["one\n", "two\n"]

    def test_what_was_logged_inside_of_an_interrupted_sink(self, logger: Logger) -> None:
        """Is not lost: it comes before what is logged next."""
        got: list[str] = []

        def sink(message: str) -> None:
            got.append(str(message))
            if message == "outer\n":
                logger.info("inner")
                raise KeyboardInterrupt

        logger.add(sink, format="{message}")
        with pytest.raises(KeyboardInterrupt):
            logger.info("outer")
        logger.info("next")
        assert got == ["outer\n", "inner\n", "next\n"]

    def test_each_is_reported_with_its_own_record(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Also when one was logged inside of the other."""

        def sink(message: str) -> None:
            if message == "outer\n":
                logger.info("inner")
            if message == "inner\n":
                raise OSError("cannot take inner")
            raise OSError("cannot take outer")

        logger.add(sink, format="{message}")
        logger.info("outer")
        said = capsys.readouterr().err
        reports = said.split("mplog: ")[1:]
        assert len(reports) == 2
        by_record = {text.partition("'message': '")[2].partition("'")[0]: text for text in reports}
        assert {"outer", "inner"} == set(by_record)
        for name, text in by_record.items():
            assert f"OSError: cannot take {name}" in text

    def test_uncaught_ones_end_the_call(self, logger: Logger) -> None:
        """Handlers after that one do not get the message; the next messages work as usual."""
        got: list[str] = []

        def sink(message: str) -> None:
            if message == "bad\n":
                raise OSError("no")

        logger.add(got.append, format="{message}")
        logger.add(sink, format="{message}", catch=False)
        logger.add(lambda message: got.append(f"last {message}"), format="{message}")
        with pytest.raises(OSError, match="no"):
            logger.info("bad")
        logger.info("good")
        assert got == ["bad\n", "good\n", "last good\n"]

    def test_a_record_that_cannot_be_shown(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """The report says so, and goes on."""

        class Bad:
            def __repr__(self) -> str:
                raise RuntimeError

        def sink(message: str) -> None:
            raise OSError("no")

        logger.add(sink, format="{message}")
        logger.bind(bad=Bad()).info("x")
        said = capsys.readouterr().err.splitlines()
        assert said[0].startswith("mplog: ")
        assert ": handler 0 (sink) failed with OSError('no')." in said[0]
        assert said[1] == "    Record was: /!\\ Unprintable record /!\\"
        assert said[2] == "    Traceback (most recent call last):"
        assert said[-1] == "    OSError: no"

    @pytest.mark.parametrize("stderr", [None, "closed", "broken"])
    def test_nowhere_to_report(self, logger: Logger, monkeypatch: pytest.MonkeyPatch, stderr: Any) -> None:
        """No reason for the call to fail."""

        class Broken(io.StringIO):
            def write(self, text: str) -> int:
                raise OSError("broken")

        if stderr == "closed":
            stderr = io.StringIO()
            stderr.close()
        elif stderr == "broken":
            stderr = Broken()

        def sink(message: str) -> None:
            raise OSError("no")

        logger.add(sink)
        monkeypatch.setattr(sys, "stderr", stderr)
        logger.info("x")


class TestRemove:
    def test_an_error_leaves_none_of_the_others(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """All are removed, then the first error is raised; a second one is reported."""

        class Stream(io.StringIO):
            stops = 0

            def stop(self) -> None:
                type(self).stops += 1
                if self.stops != 2:
                    raise OSError(f"cannot stop {self.stops}")

        got: list[str] = []
        for _ in range(3):
            logger.add(Stream())
        logger.add(got.append, format="{message}")
        with pytest.raises(OSError, match="cannot stop 1"):
            logger.remove()
        assert (Stream.stops, repr(logger)) == (3, "<mplog.logger handlers=[]>")
        assert capsys.readouterr().err.count(" failed with OSError('cannot stop 3')") == 1
        logger.info("x")
        assert got == []
        logger.remove()

    def test_it_waits_for_the_write_in_progress(self, logger: Logger) -> None:
        """In another thread; what comes after is dropped."""
        entered, leave = threading.Event(), threading.Event()
        calls: list[str] = []

        class Stream:
            def write(self, message: str) -> None:
                entered.set()
                leave.wait(30)
                calls.append("written")

            def stop(self) -> None:
                calls.append("stopped")

        number = logger.add(Stream(), format="{message}")
        writing = threading.Thread(target=logger.info, args=("x",))
        writing.start()
        assert entered.wait(30)
        removing = threading.Thread(target=logger.remove, args=(number,))
        removing.start()
        while repr(logger) != "<mplog.logger handlers=[]>":
            pass
        logger.info("dropped")
        leave.set()
        writing.join()
        removing.join()
        assert calls == ["written", "stopped"]

    def test_from_inside_of_the_sink(self, logger: Logger) -> None:
        """It is stopped when its message is done; row 11 of beyond.md: no error, no deadlock."""
        calls: list[str] = []

        class Stream:
            def write(self, message: str) -> None:
                logger.remove(number)
                logger.info("dropped")
                calls.append("written")

            def stop(self) -> None:
                calls.append("stopped")

        number = logger.add(Stream())
        logger.info("x")
        logger.info("y")
        assert calls == ["written", "stopped"]

    def test_an_error_of_a_stop_that_came_later(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Belongs to the call in whose sink it was removed."""

        class Stream:
            def write(self, message: str) -> None:
                logger.remove()

            def stop(self) -> None:
                raise OSError("cannot stop")

        logger.add(Stream())
        logger.info("x")
        assert "OSError: cannot stop" in capsys.readouterr().err


class TestEnqueue:
    def test_the_sink_runs_in_another_thread(self, logger: Logger) -> None:
        """And its errors never reach the caller, whatever `catch`."""
        threads: list[str] = []

        def sink(message: str) -> None:
            threads.append(threading.current_thread().name)
            raise OSError("no")

        logger.add(sink, enqueue=True, catch=False)
        logger.info("x")
        logger.info("y")
        assert logger.complete()
        assert len(threads) == 2
        assert threading.current_thread().name not in threads
        logger.remove()

    def test_there_is_one_writer(self, logger: Logger) -> None:
        """Row 8b of beyond.md."""
        before = set(threading.enumerate())
        for _ in range(3):
            logger.add(lambda message: None, enqueue=True)
        logger.info("x")
        logger.complete()
        assert [thread.name for thread in set(threading.enumerate()) - before].count("mplog-writer") == 1
        logger.remove()

    @pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()], ids=repr)
    def test_nothing_ends_its_threads(
        self, logger: Logger, capsys: pytest.CaptureFixture[str], raised: BaseException
    ) -> None:
        """Not even what ends programs, raised in the sink. A filter runs in the call, which gets what it raises."""
        got: list[str] = []

        def sink(message: str) -> None:
            if message == "bad\n":
                raise raised
            got.append(str(message))

        def passes(record: dict[str, Any]) -> bool:
            if record["message"] == "rejected":
                raise raised
            return True

        logger.add(sink, format="{message}", filter=passes, enqueue=True)
        for text in ("one", "bad"):
            logger.info(text)
        with pytest.raises(type(raised)):
            logger.info("rejected")
        logger.info("two")
        assert logger.complete(timeout=30)
        assert got == ["one\n", "two\n"]
        assert capsys.readouterr().err.count(f": handler 0 (sink) failed with {raised!r}") == 1
        logger.remove()

    def test_a_sink_that_completes_does_not_wait_for_itself(self, logger: Logger) -> None:
        """It is told that not all is done."""
        got: list[Any] = []
        logger.add(lambda message: got.append(bool(logger.complete())), enqueue=True)
        logger.info("x")
        assert logger.complete(timeout=30)
        assert got == [False]
        logger.remove()

    def test_removal_writes_what_waits(self, logger: Logger) -> None:
        """Everything that was logged before."""
        got: list[str] = []
        number = logger.add(lambda message: got.append(str(message)), format="{message}", enqueue=True)
        for n in range(500):
            logger.info(n)
        logger.remove(number)
        assert got == [f"{n}\n" for n in range(500)]
