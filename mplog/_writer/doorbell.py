"""The doorbell: what wakes a sleeping writer. A pipe with a name, of which every process has both ends."""

from __future__ import annotations

import contextlib
import os
import select
import time

from mplog._ring import descriptor


class Doorbell:
    """One process's descriptor of a doorbell, which its forked children share.

    Both ends in one, so that ringing can neither block nor raise SIGPIPE. Where the program has closed the descriptor,
    it is opened again; as long as that fails nobody is woken, and the writer comes when its sleep is over.
    """

    __slots__ = ("_fd", "_identity", "_path")

    def __init__(self, path: str) -> None:
        """Raises OSError when it cannot be opened."""
        self._path = path
        self._fd = -1
        self._identity = descriptor.NOTHING
        self._open()

    def _open(self) -> None:
        self._fd = -1
        fd = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._fd = descriptor.raised(fd)
        self._identity = descriptor.identity_of(self._fd)

    def _is_open(self) -> bool:
        """Whether there is one, opened again if need be. A number alone may be somebody else's file by now."""
        if descriptor.is_still(self._fd, self._identity):
            return True
        with contextlib.suppress(OSError):
            self._open()
        return self._fd >= 0

    def ring(self) -> None:
        """Wake the writer. One that is full has been rung already."""
        if self._is_open():
            with contextlib.suppress(OSError):
                os.write(self._fd, b"!")

    def wait(self, seconds: float) -> bool:
        """Sleep until somebody rings, at most *seconds*, and hush it then; whether somebody did. For the writer."""
        if not self._is_open():
            time.sleep(seconds)
            return False
        # One for each sleep: a writer that no fork could wait for may still lie in its last one beside the next one.
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        if not poll.poll(seconds * 1000):
            return False
        if descriptor.is_still(self._fd, self._identity):
            with contextlib.suppress(OSError):
                os.read(self._fd, 4096)
        return True

    def copies(self, count: int) -> list[int]:
        """That many further descriptors, for something that will need them; fewer where there are no more."""
        found: list[int] = []
        with contextlib.suppress(OSError):
            while len(found) < count and self._is_open():
                fd = os.dup(self._fd)
                if not descriptor.is_still(fd, self._identity):  # Another thread of the program was just closing it.
                    os.close(fd)
                    break
                found.append(fd)
        return found

    def close_copies(self, copies: list[int]) -> None:
        """Give back what `copies` returned, and empty the list."""
        while copies:
            descriptor.close(copies.pop(), self._identity)

    def close(self) -> None:
        """Give the descriptor back. Idempotent."""
        descriptor.close(self._fd, self._identity)
        self._fd, self._identity = -1, descriptor.NOTHING
