"""A thread of mplog takes signals in functions of the user's at most: not while it waits, nor as it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import wait_until

from mplog._capture.record import Message
from mplog._ring.clock import monotonic
from mplog._sinks import coroutine, signals
from mplog._sinks.coroutine import CoroutineSink
from mplog._sinks.file import archive
from mplog._sinks.file import archiver as archivers
from mplog._sinks.file.archiver import Archiver
from mplog._sinks.file.compression import Compression, parse_compression
from mplog._sinks.limit import Limit
from mplog._sinks.stream import StreamSink
from mplog._sinks.thread import start_thread
from mplog._writer import outlet as outlets
from mplog._writer.outlet import Outlet

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="threads have no masks here")


def is_open() -> bool:
    """Whether the calling thread would take a signal of the program's."""
    return signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def report(error: Exception) -> None:
    """Nothing is to go wrong."""
    raise AssertionError from error


@pytest.fixture
def open_at_the_end(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each thread of archivers and outlets, whether it is open when all that it does is done."""
    found: list[bool] = []

    def start(thread: threading.Thread) -> None:
        run = thread.run

        def watched() -> None:
            run()
            found.append(is_open())

        monkeypatch.setattr(thread, "run", watched)
        start_thread(thread)

    monkeypatch.setattr(archivers, "start_thread", start)
    monkeypatch.setattr(outlets, "start_thread", start)
    return found


@contextlib.contextmanager
def opened() -> Iterator[None]:
    """The calling thread is one of mplog, about to call what may be a function of the user's."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    signals.begin()
    signals._main = monotonic(), ()  # As if looked at before: it may be this thread, and has everything blocked now.
    signals.open_up()
    try:
        yield
    finally:
        signals._own.is_ours, signals._own.opened_at = False, None
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wait_for_end(of: list[bool]) -> None:
    """Until a thread is through."""
    wait_until(lambda: bool(of), "the thread has ended", within=20)


class TestAsItEnds:
    """It lives on for a moment when nobody counts it any more."""

    def test_an_archiver(self, tmp_path: Path, open_at_the_end: list[bool]) -> None:
        """After a function of the user's."""
        during: list[bool] = []
        old = tmp_path / "app.1.log"
        old.touch()
        archiver = Archiver(Compression(function=lambda _: during.append(is_open())), lambda: None, report)
        archiver.background = True
        archiver.take(str(old))
        wait_for_end(open_at_the_end)
        assert (during, open_at_the_end) == ([True], [False])

    def test_an_outlet_before_a_fork(self, open_at_the_end: list[bool]) -> None:
        """Asked to end while it is in a function of the user's."""
        entered, free = threading.Event(), threading.Event()
        during: list[bool] = []

        def sink(_message: str) -> None:
            during.append(is_open())
            entered.set()
            assert free.wait(20)

        outlet = Outlet(StreamSink(sink, is_function=True), 5)
        outlet.put(Message("a"))
        assert entered.wait(20)
        assert not outlet.pause(monotonic())
        free.set()
        wait_for_end(open_at_the_end)
        assert (during, open_at_the_end) == ([True], [False])
        assert outlet.close(Limit(20))


class TestWhileItWaits:
    def test_for_a_pipe_with_room(self) -> None:
        """Which may take hours."""
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write_end, bytes(4096))
        during: list[bool] = []

        def give_up() -> bool:
            during.append(is_open())
            return True

        with open(write_end, "w") as stream, opened():
            assert is_open()
            assert not StreamSink(stream, is_function=False).write_patiently(Message("a"), give_up)
        os.close(read_end)
        assert during == [False]

    def test_for_a_loop_with_much_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The tasks run in the thread of the loop."""
        monkeypatch.setattr(coroutine, "MAXIMUM_PENDING", 1)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        during: list[bool] = []

        def give_up() -> bool:
            during.append(is_open())
            return True

        async def sink(_message: str) -> None:
            await asyncio.Event().wait()

        made = CoroutineSink(sink, loop=loop)
        try:
            with opened():
                assert made.write_patiently(Message("a"), give_up)
                assert not made.write_patiently(Message("b"), give_up)
        finally:
            made.close()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
        assert during == [False]

    def test_in_an_archive_of_mplogs_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_at_the_end: list[bool]
    ) -> None:
        """One of the second old file, too, after a retention of the user's."""
        during: list[bool] = []
        monkeypatch.setattr(archive, "archive", lambda *_, **__: during.append(is_open()))
        archiver = Archiver(parse_compression("gz"), signals.open_up, report)
        archiver.background = True
        archiver.pause(monotonic())
        for number in range(2):
            archiver.take(str(tmp_path / f"app.{number}.log"))
        archiver.resume()
        wait_for_end(open_at_the_end)
        assert (during, open_at_the_end) == ([False, False], [False])
