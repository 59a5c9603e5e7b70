"""Whether the calling thread is inside of a sink, and with which message.

There it must not wait for another sink without a bound: two sinks that log, each in a thread, would otherwise wait for
one another for ever, for each has its own mutex and wants the other's.
"""

from __future__ import annotations

import threading


class _Inside(threading.local):
    message: str | None = None
    """What the sink that this thread is inside of is being given, the innermost if there are several; None: in none."""

    to_standard_stream: str | None = None
    """The message that is being written to what stands in the place of `sys.stderr` or `sys.stdout`."""

    def repeats(self, text: str) -> bool:
        """Whether *text* is what this thread is just writing: as a whole, with something around it, or a line of it.

        So it comes back where a stream gives to a logger what is written to it. What stands in the place of a
        standard stream may make of it whatever it likes.
        """
        message = self.message
        if message is None:
            return False
        if message is self.to_standard_stream:
            return True
        whole, text = message.strip(), text.strip()
        return bool(whole) and (whole in text or (bool(text) and text in map(str.strip, whole.splitlines())))


inside = _Inside()
