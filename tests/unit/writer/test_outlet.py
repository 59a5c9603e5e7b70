"""Outlets: bounded, in order, one thread for each sink, and nothing that ends it; row 8a of beyond.md."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mplog._capture.notice import notice
from mplog._capture.record import Message
from mplog._render.times import local_time
from mplog._sinks.limit import Limit
from mplog._sinks.message_sink import MessageSink
from mplog._sinks.standard import StandardSink
from mplog._sinks.stream import StreamSink
from mplog._writer import outlet as module
from mplog._writer.outlet import Outlet


def message(text: str, *, with_record: bool = True) -> Message:
    """A message as the writer makes it."""
    made = Message(f"{text}\n")
    if with_record:
        made.record = notice(text, local_time(time.time()))
    return made


class Gate:
    """A sink that takes nothing until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.entered = threading.Event()
        self.got: list[Any] = []

    def __call__(self, text: Any) -> None:
        self.entered.set()
        assert self.opened.wait(60)
        self.got.append(text)

    def outlet(self, sink: MessageSink | None = None) -> Outlet:
        """An outlet to this sink."""
        return Outlet(StreamSink(self, is_function=True, number=5) if sink is None else sink, 5)


class TestBound:
    @pytest.mark.parametrize("text", ["", "x" * 5000])
    @pytest.mark.parametrize("with_record", [False, True])
    def test_what_waits_is_bounded(self, monkeypatch: pytest.MonkeyPatch, text: str, with_record: bool) -> None:
        """Also when the messages themselves are empty; what is dropped is counted, and said in the sink."""
        monkeypatch.setattr(module, "CAPACITY", 20_000)
        gate = Gate()
        outlet = gate.outlet()
        for _ in range(1000):
            outlet.put(message(text, with_record=with_record))
        cost = len(text) + 1 + (module.RECORD_COST if with_record else module.TEXT_COST)
        room = 20_000 // cost
        assert outlet.dropped == 1000 - room
        assert outlet.left() == room
        gate.opened.set()
        assert outlet.close(Limit(30))
        said = [str(got) for got in gate.got if got.startswith("mplog: ")]
        assert all(text.endswith(" records were dropped here: this sink was too slow\n") for text in said)
        assert sum(int(text.split()[1]) for text in said) == 1000 - room
        assert len(gate.got) == room + len(said)
        assert (outlet.left(), outlet.taken) == (0, 1000)

    def test_the_notice_has_a_record(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """For functions that look at it, and for standard handlers, which want no newline."""
        monkeypatch.setattr(module, "CAPACITY", 5_000)
        gate = Gate()

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                gate(record)

        outlets = [gate.outlet(), gate.outlet(StandardSink(Handler()))]
        for outlet in outlets:
            for _ in range(10):
                outlet.put(message("x"))
        gate.opened.set()
        for outlet in outlets:
            assert outlet.close(Limit(30))
        seen = [got for got in gate.got if isinstance(got, Message) and got.startswith("mplog: ")]
        assert {got.record["level"].name for got in seen} == {"WARNING"}
        handled = [got.getMessage() for got in gate.got if isinstance(got, logging.LogRecord)]
        said = [text for text in handled if text.startswith("mplog: ")]
        assert said
        assert all(text.endswith("this sink was too slow") for text in said)

    def test_what_is_dropped_during_the_last_message_is_said_after_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing needs to follow."""
        monkeypatch.setattr(module, "CAPACITY", 1_500)
        gate = Gate()
        outlet = gate.outlet()
        outlet.put(message("one"))
        assert gate.entered.wait(30)
        outlet.put(message("two"))
        gate.opened.set()
        assert outlet.close(Limit(30))
        assert gate.got == ["one\n", "mplog: 1 records were dropped here: this sink was too slow\n"]


class Terminal(StreamSink):
    """Takes nothing until it is opened, and can be told not to wait for that, as a terminal can that has stopped."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.tried: list[str] = []
        self.got: list[str] = []
        super().__init__(lambda message: self.got.append(str(message)), is_function=True)

    def write_patiently(self, message: Message, give_up: Callable[[], bool]) -> bool:
        self.tried.append(str(message))
        while not self.opened.wait(0.005):
            if give_up():
                return False
        return super().write_patiently(message, give_up)

    def wait_for(self, text: str) -> None:
        """Wait until something that contains *text* is to be written."""
        deadline = time.monotonic() + 30
        while not any(text in tried for tried in self.tried):
            assert time.monotonic() < deadline
            time.sleep(0.001)


class TestDropsAreSaid:
    @pytest.fixture
    def terminal(self, monkeypatch: pytest.MonkeyPatch) -> Terminal:
        """One that takes nothing."""
        monkeypatch.setattr(module, "CAPACITY", 1_500)
        return Terminal()

    def outlet(self, terminal: Terminal) -> Outlet:
        """One that is about to say there that a message was dropped."""
        outlet = Outlet(terminal, 5)
        assert outlet.pause(time.monotonic() + 30)  # Both are there before the thread begins.
        outlet.put(message("one"))
        outlet.put(message("two"))
        outlet.resume()
        terminal.wait_for("mplog: ")
        return outlet

    def test_after_a_fork_in_the_middle_of_saying_it(self, terminal: Terminal) -> None:
        """What a fork has stopped is said afterwards."""
        outlet = self.outlet(terminal)
        assert outlet.pause(time.monotonic() + 30)
        outlet.resume()
        terminal.opened.set()
        assert outlet.close(Limit(30))
        assert terminal.got == ["mplog: 1 records were dropped here: this sink was too slow\n", "one\n"]

    def test_at_the_end(self, terminal: Terminal) -> None:
        """The end waits for it as for any message."""
        outlet = self.outlet(terminal)
        outlet._waiting.clear()  # So that nothing else is waited for.
        outlet.taken = outlet.put_count
        ends = threading.Thread(target=outlet.close, args=(Limit(30),))
        ends.start()
        ends.join(0.2)  # Where it does not wait, it is over by now.
        terminal.opened.set()
        ends.join(30)
        assert terminal.got == ["mplog: 1 records were dropped here: this sink was too slow\n"]


class TestThread:
    def test_in_order(self) -> None:
        """All messages, one thread."""
        gate = Gate()
        gate.opened.set()
        outlet = gate.outlet()
        for number in range(2000):
            outlet.put(message(str(number)))
        assert outlet.wait_taken(2000, time.monotonic() + 60, 10)
        assert gate.got == [f"{number}\n" for number in range(2000)]
        assert outlet.close(Limit(30))

    @pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()], ids=repr)
    def test_nothing_ends_it(self, error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
        """An error costs its own record, and is reported with it."""
        got: list[str] = []

        def sink(text: str) -> None:
            if text == "bad\n":
                raise error
            got.append(str(text))

        outlet = Outlet(StreamSink(sink, is_function=True), 5)
        for text in ("one", "bad", "two"):
            outlet.put(message(text))
        assert outlet.close(Limit(30))
        assert got == ["one\n", "two\n"]
        said = capsys.readouterr().err
        assert said.count(": handler 5 (sink) failed with ") == 1
        assert "'message': 'bad'" in said

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()], ids=repr)
    def test_it_begins_another_time(self, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
        """What interrupts its start, as a signal handler does, costs no later message."""
        gate = Gate()
        gate.opened.set()
        outlet = gate.outlet()

        def interrupted(_thread: threading.Thread) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(module, "start_thread", interrupted)
            with pytest.raises(type(error)):
                outlet.put(message("one"))
        assert outlet.pause(time.monotonic() + 30)
        outlet.resume()
        outlet.put(message("two"))
        assert outlet.close(Limit(30))
        assert gate.got == ["one\n", "two\n"]

    def test_waiting_has_a_bound(self) -> None:
        """For a time, or until a sink has taken nothing for a second."""
        gate = Gate()
        outlet = gate.outlet()
        outlet.put(message("x"))
        before = time.monotonic()
        assert not outlet.wait_taken(1, time.monotonic() + 0.05, 10)
        assert not outlet.wait_taken(1, None, 0.05)
        assert time.monotonic() - before < 30
        gate.opened.set()
        assert outlet.close(Limit(30))

    def test_a_pause_around_a_fork(self) -> None:
        """The thread ends between two messages, and goes on with the next one."""
        gate = Gate()
        outlet = gate.outlet()
        outlet.put(message("one"))
        outlet.put(message("two"))
        assert gate.entered.wait(30)
        assert not outlet.pause(time.monotonic() + 0.01)
        gate.opened.set()
        assert outlet.pause(time.monotonic() + 30)
        assert gate.got == ["one\n"]
        outlet.put(message("three"))
        outlet.resume()
        assert outlet.close(Limit(30))
        assert gate.got == ["one\n", "two\n", "three\n"]
