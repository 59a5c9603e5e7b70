"""Turns at a log file: what comes while somebody else has the file is in it afterwards, once, and counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from programs import read_log

from mplog._capture.record import Message
from mplog._logger.logger import Logger
from mplog._sinks.file import direct
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.sink import FileSink
from mplog._sinks.inside import inside
from mplog._sinks.limit import Limit


def make(path: Path, **options: Any) -> FileSink:
    """A sink that writes to *path*."""
    return FileSink(FileOptions(PathTemplate(path), **options))


@pytest.fixture
def held() -> Iterator[Callable[[FileSink], threading.Event]]:
    """Has another thread in the middle of a use of a sink, until the event that is returned is set."""
    ends: list[tuple[threading.Event, threading.Thread]] = []

    def hold(sink: FileSink) -> threading.Event:
        begun, end = threading.Event(), threading.Event()

        def use() -> None:
            def waits() -> None:
                begun.set()
                assert end.wait(20)

            sink._use(waits)

        thread = threading.Thread(target=use)
        thread.start()
        assert begun.wait(20)
        ends.append((end, thread))
        return end

    yield hold
    for end, thread in ends:
        end.set()
        thread.join(20)


def from_inside(action: Callable[[], object]) -> threading.Thread:
    """Do *action* as from inside of another sink, in a thread of its own."""

    def run() -> None:
        inside.message = Message("of another sink")
        action()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


class TestOutage:
    def test_its_end_is_said_although_another_thread_writes(
        self, tmp_path: Path, held: Callable[[FileSink], threading.Event]
    ) -> None:
        """Who is busy when the first record is written again looks for it afterwards, or the next record does."""
        sink = make(tmp_path / "app.log")
        said: list[str] = []
        sink.restored = said.append
        sink._refused(OSError("no room")).lost += 1
        sink._met = direct.COMPANY
        end = held(sink)
        sink._look_around(1.0)  # As a call does that has just given its turn to that thread.
        assert not said
        end.set()
        sink.write(b"line\n", 2.0)
        sink.write(b"line\n", 3.0)
        assert len(said) == 1
        sink.close()

    def test_nobody_waits_for_a_sink_to_say_it(
        self, tmp_path: Path, held: Callable[[FileSink], threading.Event]
    ) -> None:
        """A call from inside of another sink would wait for a thread that may wait for that sink."""
        sink = make(tmp_path / "app.log")
        sink.restored = lambda text: sink.write_notice(f"{text}\n".encode(), 1.0, Message(text))
        sink._refused(OSError("no room"))
        end = held(sink)
        thread = from_inside(lambda: sink._say_restored(0))
        thread.join(10)
        assert not thread.is_alive()
        end.set()
        sink.close()


class TestNotices:
    def test_what_comes_in_the_middle_of_one_is_counted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only the notice itself is no record of the program."""
        sink = make(tmp_path / "app.log")
        acquire = sink._file.acquire
        came: list[bool] = []

        def interrupted(bound: float, **rest: bool) -> bool:
            if not came:
                came.append(True)
                sink.write(b"handler\n", 1.0)
            return acquire(bound, **rest)

        monkeypatch.setattr(type(sink._file), "acquire", lambda _file, bound, **rest: interrupted(bound, **rest))
        sink.write_notice(b"notice\n", 1.0, Message("notice\n"))
        assert sink.written == sink.emitted == 1
        monkeypatch.undo()
        sink.close()
        assert sorted(read_log(tmp_path)) == ["handler", "notice"]

    def test_one_that_fails_is_not_counted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nor is one for a file that is closed."""
        sink = make(tmp_path / "app.log")

        def fails(_fd: int, _data: bytes) -> int:
            raise OSError(28, "no room")

        monkeypatch.setattr(os, "write", fails)
        with pytest.raises(OSError, match="no room"):
            sink.write_notice(b"notice\n", 1.0, Message("notice\n"))
        monkeypatch.undo()
        assert sink._outage is not None
        assert sink._outage.lost == 0
        sink.close()
        sink.write_notice(b"notice\n", 1.0, Message("notice\n"))
        assert sink.emitted == 0


class TestDeferred:
    @pytest.mark.parametrize("use", ["reopen", "close", "close, not for good", "finish", "notice"])
    def test_whoever_has_the_file_writes_it_afterwards(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str
    ) -> None:
        """Nothing that a call has left to another thread waits for a record to come."""
        monkeypatch.setattr(direct, "INSIDE_BOUND", 0.01)
        sink = make(tmp_path / "app.log", watch=True)
        acquire, has_moved = type(sink._file).acquire, type(sink._file).has_moved
        left: list[threading.Thread] = []

        def leave() -> None:
            if not left and threading.current_thread() is threading.main_thread():
                left.append(from_inside(lambda: sink.write(b"deferred\n", 1.0)))
                left[0].join(20)
                assert not left[0].is_alive()

        def at_acquire(file: Any, bound: float, **rest: bool) -> bool:
            leave()
            return acquire(file, bound, **rest)

        def at_look(file: Any) -> bool:
            leave()
            return has_moved(file)

        monkeypatch.setattr(type(sink._file), "acquire", at_acquire)
        monkeypatch.setattr(type(sink._file), "has_moved", at_look)
        uses: dict[str, Callable[[], None]] = {
            "reopen": sink.reopen,
            "close": sink.close,
            "close, not for good": lambda: sink.close(final=False),
            "finish": lambda: sink.finish(Limit(5.0), 0.0, final=True),
            "notice": lambda: sink.write_notice(b"notice\n", 1.0, Message("notice\n")),
        }
        uses[use]()
        assert left
        assert sink.emitted == 1
        assert ("deferred" in read_log(tmp_path)) == (use != "close")
        sink.close()


class TestBeginning:
    @pytest.mark.parametrize("mode", ["w", "x", "a"])
    def test_a_record_in_the_middle_of_the_first_opening(self, tmp_path: Path, logger: Logger, mode: str) -> None:
        """An opening that empties the file does not empty it of that."""

        def opener(path: str, flags: int) -> int:
            if not came:
                came.append(path)
                logger.info("handler")
            return os.open(path, flags, 0o600)

        came: list[str] = []
        logger.add(tmp_path / "app.log", format="{message}", mode=mode, delay=True, opener=opener)
        logger.info("first")
        logger.info("second")
        assert came
        assert sorted(read_log(tmp_path)) == ["first", "handler", "second"]


class TestEnding:
    @pytest.mark.parametrize("option", ["compression", "retention"])
    def test_what_a_function_logs_about_the_file_that_it_gets(
        self, tmp_path: Path, logger: Logger, option: str
    ) -> None:
        """It is not in that file, which the function has read, but in the next one."""

        def takes(what: str | list[str]) -> None:
            for path in [what] if isinstance(what, str) else what:
                text = Path(path).read_text()
                logger.info("during")
                (tmp_path / "old.txt").write_text(text)
                os.remove(path)

        logger.add(tmp_path / "app.log", format="{message}", **{option: takes})  # type: ignore[arg-type]  # one of two options
        logger.info("before")
        logger.shutdown()
        logger.info("after")
        assert (tmp_path / "old.txt").read_text() == "before\n"
        assert read_log(tmp_path) == ["during", "after"]
