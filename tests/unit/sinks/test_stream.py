"""Streams and functions as sinks: one message at a time, from any thread, also from inside.

Covers logger-api.md, sections 9 and 29.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
from programs import wait_until

from mplog._capture.record import Message
from mplog._sinks.inside import inside
from mplog._sinks.readiness import can_block, is_writable
from mplog._sinks.stream import StreamSink, standard_name


class Recorder:
    """A stream that notes what is done to it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def write(self, text: str) -> None:
        self.calls.append(str(text))

    def flush(self) -> None:
        self.calls.append("flush")

    def stop(self) -> None:
        self.calls.append("stop")


@pytest.fixture
def pipe() -> Iterator[tuple[TextIO, int]]:
    """A text stream over a pipe, and the end that can be read."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    stream = open(write_end, "w", encoding="utf8")  # noqa: SIM115 - the test has it
    yield stream, read_end
    # What it holds back cannot be flushed into a full pipe.
    os.set_blocking(stream.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        stream.close()
    os.close(read_end)


class TestEncoding:
    @pytest.mark.parametrize("newline", [None, "\n", "\r\n"])
    @pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf8", "utf-16-le", "shift_jis"])
    def test_what_a_text_stream_lacks_is_escaped(self, encoding: str, newline: str | None) -> None:
        """The rest of the message and what follows it are as they were."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline=newline)
        sink = StreamSink(stream, is_function=False)
        sink.write(Message("a \ud800 b\n"))
        sink.write(Message("c\n"))
        written = stream.buffer.getvalue().decode(encoding)
        assert written.splitlines() == ["a \\ud800 b", "c"]

    def test_others_are_called_once(self) -> None:
        """What a `write` of the user's own has done before it raised is not known."""
        calls = []

        class Tee(io.TextIOWrapper):
            def write(self, text: str) -> int:
                calls.append(str(text))
                return super().write(text)

        for target, is_function in (
            (Tee(io.BytesIO(), encoding="ascii"), False),
            (Tee(io.BytesIO(), "ascii").write, True),
        ):
            with pytest.raises(UnicodeEncodeError):
                StreamSink(target, is_function=is_function).write(Message("é\n"))
        assert calls == ["é\n"] * 2


class TestWrite:
    def test_a_stream_is_flushed_after_each_message(self) -> None:
        """What was logged can be seen at once."""
        target = Recorder()
        sink = StreamSink(target, is_function=False)
        sink.write(Message("a"))
        sink.write(Message("b"))
        assert target.calls == ["a", "flush", "b", "flush"]

    def test_what_is_not_callable_is_ignored(self) -> None:
        """A `flush` or `stop` that is something else."""
        target = Recorder()
        target.flush = target.stop = 5  # type: ignore[assignment, method-assign]  # which is the point
        sink = StreamSink(target, is_function=False)
        sink.write(Message("a"))
        sink.close()
        assert target.calls == ["a"]

    def test_methods_are_looked_up_once(self) -> None:
        """When the sink is made."""
        target = Recorder()
        sink = StreamSink(target, is_function=False)
        del Recorder.flush
        try:
            sink.write(Message("a"))
        finally:
            Recorder.flush = lambda self: self.calls.append("flush")  # type: ignore[method-assign]  # for this test
        assert target.calls == ["a", "flush"]

    def test_a_function_gets_the_message_itself(self) -> None:
        """With its record."""
        got: list[Any] = []
        message = Message("a")
        message.record = {"message": "a"}
        StreamSink(got.append, is_function=True).write(message)
        assert got[0] is message

    def test_an_error_passes_through_and_the_sink_goes_on(self) -> None:
        """The next message is written as if nothing had been."""
        got: list[str] = []

        def sink(message: str) -> None:
            if message == "bad":
                raise OSError("no")
            got.append(str(message))

        stream = StreamSink(sink, is_function=True)
        stream.write(Message("a"))
        with pytest.raises(OSError, match="no"):
            stream.write(Message("bad"))
        stream.write(Message("b"))
        assert got == ["a", "b"]

    def test_threads_take_turns(self) -> None:
        """Never two messages at once, and all of them."""
        inside: list[int] = []
        got: list[str] = []

        def sink(message: str) -> None:
            inside.append(1)
            assert len(inside) == 1
            got.append(str(message))
            inside.pop()

        stream = StreamSink(sink, is_function=True)

        def work(name: str) -> None:
            for n in range(300):
                stream.write(Message(f"{name}{n}"))

        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == sorted(f"{name}{n}" for name in "abcd" for n in range(300))
        for name in "abcd":
            assert [text for text in got if text[0] == name] == [f"{name}{n}" for n in range(300)]


class TestNested:
    def test_after_the_one_in_progress(self) -> None:
        """In the order in which they were logged."""
        got: list[str] = []

        def sink(message: str) -> None:
            if message == "outer":
                for n in range(3):
                    stream.write(Message(f"inner {n}"))
            got.append(str(message))

        stream = StreamSink(sink, is_function=True)
        stream.write(Message("outer"))
        assert got == ["outer", "inner 0", "inner 1", "inner 2"]

    def test_without_end(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Cut off at a bound, with the number of what was dropped."""
        got: list[str] = []

        def sink(message: str) -> None:
            got.append(str(message))
            stream.write(Message("again"))
            stream.write(Message("and again"))

        stream = StreamSink(sink, is_function=True)
        stream.write(Message("first"))
        assert len(got) == StreamSink.DEPTH + 1
        assert "records" in capsys.readouterr().err


class TestClose:
    def test_later_messages_vanish(self) -> None:
        """`stop` is called once; the stream stays open."""
        target = Recorder()
        sink = StreamSink(target, is_function=False)
        sink.close()
        sink.close()
        sink.write(Message("late"))
        assert target.calls == ["stop"]

    def test_a_target_that_hangs_does_not_hang_the_end(self) -> None:
        """Whoever closes waits for a bounded time."""
        entered, leave = threading.Event(), threading.Event()

        def sink(message: str) -> None:
            entered.set()
            leave.wait(30)

        stream = StreamSink(sink, is_function=True)
        thread = threading.Thread(target=stream.write, args=(Message("a"),))
        thread.start()
        entered.wait(10)
        stream.close()
        assert stream.closed
        assert thread.is_alive()
        leave.set()
        thread.join()

    def test_forgetting_makes_it_usable_in_a_child(self) -> None:
        """Whatever a thread of the parent held at the fork."""
        got: list[str] = []
        stream = StreamSink(lambda message: got.append(str(message)), is_function=True)
        holder = threading.Thread(target=stream._mutex.acquire)
        holder.start()
        holder.join()
        stream.forget()
        stream.write(Message("a"))
        assert got == ["a"]


class TestPatience:
    def test_what_cannot_block_is_written_at_once(self, tmp_path: Path) -> None:
        """Files, buffers, functions."""
        got: list[str] = []
        assert StreamSink(got.append, is_function=True).write_patiently(Message("a"), lambda: True)
        assert got == ["a"]

    def test_a_pipe_with_room(self, pipe: tuple[TextIO, int]) -> None:
        """Long messages go in pieces and arrive whole."""
        stream, read_end = pipe
        sink = StreamSink(stream, is_function=False)
        text = "".join(f"{n:06d}é " for n in range(2000))
        assert sink.write_patiently(Message(text), lambda: False)
        assert os.read(read_end, 1 << 20).decode() == text

    def test_a_full_pipe_is_given_up_when_the_caller_says_so(self, pipe: tuple[TextIO, int]) -> None:
        """It never sits in a `write` that nobody ends."""
        stream, _ = pipe
        sink = StreamSink(stream, is_function=False)
        asked: list[int] = []

        def give_up() -> bool:
            asked.append(1)
            return len(asked) > 2

        assert not sink.write_patiently(Message("x" * 200_000), give_up)
        assert len(asked) == 3

    def test_a_full_pipe_that_is_read_again_goes_on(self, pipe: tuple[TextIO, int]) -> None:
        """Everything arrives, in order."""
        stream, read_end = pipe
        sink = StreamSink(stream, is_function=False)
        text = "".join(f"{n:06d} " for n in range(30_000))
        thread = threading.Thread(target=sink.write_patiently, args=(Message(text), lambda: False))
        thread.start()
        got = bytearray()

        def read() -> bool:
            with contextlib.suppress(BlockingIOError):
                got.extend(os.read(read_end, 1 << 20))
            return len(got) >= len(text)

        wait_until(read, "everything has arrived")
        thread.join()
        assert got.decode() == text


class TestKindsOfStreams:
    def test_what_can_block(self, pipe: tuple[TextIO, int], tmp_path: Path) -> None:
        """Pipes and terminals; not files, nor what only looks like a stream."""
        main, terminal = pty.openpty()
        with (
            open(terminal, "w") as to_terminal,
            open(main, "rb"),
            (tmp_path / "file").open("w") as to_file,
        ):
            assert can_block(to_terminal)
            assert can_block(pipe[0])
            assert not can_block(to_file)
        assert not can_block(to_file), "closed"
        for other in (io.StringIO(), io.TextIOWrapper(io.BytesIO()), Recorder(), None, print):
            assert not can_block(other)

    def test_whether_it_takes_something(self, pipe: tuple[TextIO, int]) -> None:
        """A full pipe does not; what cannot be asked does."""
        stream, _ = pipe
        assert is_writable(stream, 0.0)
        os.set_blocking(stream.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(stream.fileno(), b"x" * 4096)
        assert not is_writable(stream, 0.0)
        os.set_blocking(stream.fileno(), True)
        assert is_writable(Recorder(), 0.0)
        assert is_writable(io.StringIO(), 0.0)

    def test_standard_streams_have_names(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those of now, and the original ones."""
        assert standard_name(sys.stderr) == standard_name(sys.__stderr__) == "stderr"
        assert standard_name(sys.stdout) == standard_name(sys.__stdout__) == "stdout"
        assert standard_name(io.StringIO()) is None
        monkeypatch.setattr(sys, "stderr", None)
        assert standard_name(None) is None


class TestTurns:
    """What other sinks leave to this one while it is busy."""

    def test_a_long_message_is_not_torn_by_it(self, pipe: tuple[TextIO, int]) -> None:
        """It comes behind the message that goes to a pipe in pieces."""
        stream, read_end = pipe
        sink = StreamSink(stream, is_function=False)
        put = sink._put
        came: list[threading.Thread] = []

        def puts(message: Message) -> None:
            put(message)
            if not came:
                came.append(threading.Thread(target=leave))
                came[0].start()
                came[0].join(20)

        def leave() -> None:
            inside.message = Message("of another sink")
            sink.write(Message("left\n"))

        sink._put = puts  # type: ignore[method-assign]  # for this test
        long = Message("x" * 2500 + "\n")
        assert sink.write_patiently(long, lambda: False)
        assert os.read(read_end, 10_000).decode() == f"{long}left\n"
        assert sink.written == sink.emitted == 1

    @pytest.mark.parametrize("end", ["close", "stop"])
    def test_who_stops_it_looks_for_it(self, end: str) -> None:
        """It vanishes with what comes later, and is counted."""
        threads: list[threading.Thread] = []

        def leave() -> None:
            inside.message = Message("of another sink")
            sink.write(Message("left\n"))

        class Target(Recorder):
            def stop(self) -> None:
                threads.append(threading.Thread(target=leave))
                threads[0].start()
                threads[0].join(20)

        sink = StreamSink(Target(), is_function=False)
        if end == "stop":
            sink._stop_wanted = sink.closed = True
            sink.write(Message("late\n"))
        else:
            sink.close()
        assert threads
        assert not sink._deferred
        assert sink.dropped == sink.emitted == 1 + (end == "stop")
