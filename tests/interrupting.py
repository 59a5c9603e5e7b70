"""Has a signal handler run at every place of some functions, one after the other.

The signal is made pending there by the kernel's and the interpreter's own means, so its handler runs where the
interpreter looks next, and nowhere else: after a call, at the begin of a function, or at a jump back. An exception that
a tracing function raises itself would come at places where no handler ever can.
"""

from __future__ import annotations

import ctypes
import itertools
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from types import CodeType, FrameType
from typing import Any


def _trace_function(name: str) -> Any:
    """A function of the interpreter without arguments, to be called for trace events, without any Python."""
    found: Any = getattr(ctypes.PyDLL(None), name)
    found.argtypes = [ctypes.py_object] * 3
    found.restype = None
    return found


_make_pending = _trace_function("PyErr_SetInterrupt")
"""What `signal.raise_signal(SIGINT)` does, but to look at once."""
_do_nothing = _trace_function("Py_IsInitialized")


def codes_of(*functions: Any) -> set[CodeType]:
    """The code of *functions* and of all functions in them; of classes, that of all their methods."""
    found: set[CodeType] = set()
    waiting = [
        inner
        for each in functions
        for inner in (vars(each).values() if isinstance(each, type) else [each])
        for inner in ([inner.fget] if isinstance(inner, property) else [inner])
    ]
    codes = [code for each in waiting if (code := getattr(each, "__code__", None)) is not None]
    while codes:
        code = codes.pop()
        found.add(code)
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return found


class Interruption:
    """One run of something, in which a handler comes at one place."""

    def __init__(self, codes: set[CodeType], place: int, *, each: str) -> None:
        self._codes = codes
        self._left = place
        self._each = each
        self.came = False
        """Whether the handler has run, so that there was such a place."""
        self.where = ""

    def run(self, action: Callable[[], object], handler: Callable[[], object]) -> None:
        """Do *action*, in the main thread, with *handler* at the place. What either raises passes through."""

        def handle(_number: int, frame: FrameType | None) -> None:
            sys.settrace(None)
            if not self.came:
                self.came = True
                handler()

        before, tracing = signal.signal(signal.SIGINT, handle), sys.gettrace()
        sys.settrace(self._enter)
        try:
            action()
        finally:
            sys.settrace(tracing)
            signal.signal(signal.SIGINT, before)

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        if frame.f_code not in self._codes:
            return None
        frame.f_trace_opcodes = self._each == "opcode"
        return self._step

    def _step(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == self._each:
            self._left -= 1
            if self._left < 0:
                self.where = f"{frame.f_code.co_name}:{frame.f_lineno}"
                # Called before the next instruction. No function of Python's is any more: the handler would run there.
                sys.settrace(_do_nothing)
                frame.f_trace_opcodes = True
                above: FrameType | None = frame
                while above is not None:
                    above.f_trace = None if above is not frame else _make_pending
                    above = above.f_back
                return _make_pending
        return self._step


def interrupt() -> None:
    """What Ctrl-C does, for a handler."""
    raise KeyboardInterrupt


def in_a_thread(action: Callable[[], object], where: str) -> None:
    """Do *action* in another thread, within some seconds: nothing that an interruption *where* has left may lock it."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), f"another thread waits for ever after {where}"


def at_every_place(
    functions: Iterable[Any], attempt: Callable[[Interruption], None], *, each: str = "line", step: int = 1
) -> int:
    """Make an *attempt* with an interruption at each line, or each "opcode", that is run of *functions*.

    Until one has no further place; how many there were.

    Args:
        step: only every so many.
    """
    codes = codes_of(*functions)
    for place in itertools.count(0, step):
        interruption = Interruption(codes, place, each=each)
        attempt(interruption)
        if not interruption.came:
            return place
    raise AssertionError
