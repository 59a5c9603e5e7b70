"""Spills: records that are too large for a ring. Each is a file beside the rings, and the ring has its name."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable

from mplog._capture import process
from mplog._ring import descriptor
from mplog._ring.clock import monotonic_ns
from mplog._session.directory import private
from mplog._session.place import Place

LARGEST = 16 * 1024 * 1024
"""Bytes of the largest record; a longer one is cut, with a mark."""

SPILL_BOUND = 32 * 1024 * 1024
"""Bytes of too large records that may lie beside the rings of one process and wait for the owner."""

Shorten = Callable[[int], bytes]
"""Makes the body of one record again, of at most so many bytes, so that its sink still gets what it is for."""


class Spills:
    """What one process has put beside the rings of the session at *place*."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._waiting: deque[tuple[str, int]] = deque()
        """Paths and sizes of those that the owner may not have read yet."""

    def have_room(self, size: int) -> bool:
        """Whether a record of *size* bytes may be put there. What the owner has read is gone from there."""
        waiting = self._waiting
        with contextlib.suppress(IndexError):  # Another thread was first.
            while waiting and not os.path.exists(waiting[0][0]):
                waiting.popleft()
        return not waiting or sum(bytes_ for _, bytes_ in list(waiting)) + min(size, LARGEST) <= SPILL_BOUND

    def put(self, body: bytes) -> str | None:
        """Write *body* there. Returns the name of its file; None when there is no room."""
        name = f"{process.pid()}-{monotonic_ns()}-{threading.get_ident()}"
        directory = self._place.spill_directory
        path = os.path.join(directory, name)
        try:
            private(directory)
            fd = descriptor.create(f"{path}.tmp")
            try:
                os.posix_fallocate(fd, 0, len(body))
                with open(fd, "wb", closefd=False) as file:
                    file.write(body)
            finally:
                os.close(fd)
            os.rename(f"{path}.tmp", path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(f"{path}.tmp")
            return None
        self._waiting.append((path, len(body)))
        return name

    def take_back(self, name: str) -> None:
        """Remove a file whose record has found no room in the ring."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self._place.spill_directory, name))


def cut(text: bytes, keep: int, why: str) -> bytes:
    """The first *keep* bytes of *text* in UTF-8, no half of a character, with a mark."""
    kept = text[:keep].decode("utf8", "ignore").encode()
    return kept + f"... <truncated: {len(text) - len(kept)} more bytes{why}>\n".encode()
