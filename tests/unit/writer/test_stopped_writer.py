"""A writer that was asked to stop and has not ended yet: it changes nothing that belongs to who goes on."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any, cast

import pytest

from mplog._ring.layout import ASLEEP, AWAKE, REGISTERED, STOPPED, WAKE
from mplog._sinks import signals
from mplog._sinks.thread import start_thread
from mplog._writer.doorbell import Doorbell
from mplog._writer.drain import Drain
from mplog._writer.writer import Household, Writer


class Words(dict[int, int]):
    """A control page. *before* is called when the writer is about to store that it sleeps, and has decided so."""

    before: threading.Thread | None = None

    def __setitem__(self, index: int, value: int) -> None:
        if value == ASLEEP and self.before is not None:
            self.before.start()
            self.before.join(0.3)  # It may have to wait for the end of this.
        super().__setitem__(index, value)


class NoDoorbell:
    """Nobody rings."""

    def ring(self) -> None:
        """Nothing."""

    def wait(self, _seconds: float) -> bool:
        """At once."""
        return False


class NoDrain:
    """Nothing to drain."""

    stalled = False
    grace = 0.005
    rounds = 0
    sources = ()

    def unread(self) -> bool:
        """Nothing."""
        return False

    def round(self) -> int:
        """Counted."""
        self.rounds += 1
        return 0


class NoHousehold:
    """Nothing to keep."""

    def beat(self) -> None:
        """Nothing."""

    def find_rings(self, *, registered: bool = True) -> None:
        """None."""

    def keep(self) -> None:
        """Nothing."""


def a_writer() -> tuple[Writer, Words]:
    """One whose thread is the calling one."""
    words = Words({WAKE: AWAKE, REGISTERED: 0})
    writer = Writer(
        cast("Drain", NoDrain()), cast("Any", words), cast("Doorbell", NoDoorbell()), cast("Household", NoHousehold())
    )
    writer._thread = writer._wanted = threading.current_thread()
    return writer, words


def test_it_does_not_say_that_it_sleeps() -> None:
    """Workers would wait for it then; STOPPED tells them to go on by themselves. With no time to wait it still runs."""
    writer, words = a_writer()

    def finish() -> None:
        writer._thread = None  # It is not waited for.
        writer.stop(0.0)
        words[WAKE] = STOPPED

    words.before = threading.Thread(target=finish)
    writer._sleep()
    words.before.join(30)
    assert words[WAKE] == STOPPED


def test_it_reads_nothing_more() -> None:
    """Its rings may be others' by the time at which it gets the mutex."""
    writer, _words = a_writer()
    drain = cast("NoDrain", writer.drain)
    writer.mutex.acquire()
    writer._wanted = None
    late = threading.Thread(target=writer.step)
    late.start()
    writer.mutex.release()
    late.join(30)
    assert drain.rounds == 0


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="threads have no masks here")
def test_it_takes_no_signal_while_it_rests_after_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its thread was open for a function of the user's when that was raised."""
    writer, _words = a_writer()
    resting: list[bool] = []

    def fails() -> int:
        signals.open_up()
        raise LookupError("unforeseen")

    def rest(_seconds: float) -> None:
        resting.append(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        writer._wanted = None

    def run() -> None:
        writer._thread = writer._wanted = threading.current_thread()
        writer._run()

    monkeypatch.setattr(writer.drain, "round", fails)
    monkeypatch.setattr(time, "sleep", rest)
    thread = threading.Thread(target=run)
    start_thread(thread)
    thread.join(20)
    assert resting == [True]
    assert "unforeseen" in capsys.readouterr().err
