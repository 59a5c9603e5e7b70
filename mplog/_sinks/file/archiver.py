"""What becomes of old files after a rotation: compression, then retention, at once or in a second thread.

A call in a program of one process returns when it is done; the writer of a session must not wait for it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from mplog._ring.clock import monotonic
from mplog._sinks import signals
from mplog._sinks.file import archive
from mplog._sinks.file.compression import Compression
from mplog._sinks.stray import as_exception
from mplog._sinks.thread import start_thread


class Archiver:
    """The old files of one sink that still have to be compressed. Safe from any thread; takes part in forks."""

    def __init__(
        self,
        how: Compression | None,
        retain: Callable[[], None],
        report: Callable[[Exception], None],
        permissions: int | None = None,
    ) -> None:
        """
        Args:
            how: the compression, if there is one; without it there is nothing to do here.
            retain: called after each compressed file.
            report: gets what goes wrong in the second thread.
            permissions: those of the log.
        """
        self._how = how
        self._retain = retain
        self._report = report
        self._permissions = permissions
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waiting: deque[str] = deque()
        self._called: str | None = None
        """The file that a function of the user's has had: it is not given to it again because a fork came between."""
        self._paused = False
        self.background = False
        """Whether a second thread does it: yes as soon as a session's writer uses the sink."""

    def take(self, path: str) -> None:
        """Deal with the old file *path*, now or soon.

        Raises whatever compression and retention raise, when it happens now.
        """
        if self._how is None:
            return
        if not self.background:
            self._archive(path)
            return
        self._waiting.append(path)
        self._start()

    def _archive(self, path: str) -> None:
        if self._how is None:
            return
        if path != self._called:
            if self._how.function is not None:
                signals.open_up()
                self._called = path
            archive.archive(path, self._how, self._permissions, unwanted=self._is_paused)
        if not self._paused:
            self._retain()

    def _run(self) -> None:
        signals.begin()
        while True:
            # Before it ends, too: it lives on for a moment after it is none of `threading` any more.
            signals.close()
            with self._mutex:
                if not self._waiting or self._paused:
                    self._thread = None
                    return
                path = self._waiting[0]
            try:
                self._archive(path)
            except BaseException as error:  # noqa: BLE001 - a user's function too; the source is whole, the next holder finishes it
                self._report(as_exception(error))
            if not self._paused:
                self._waiting.popleft()

    def _is_paused(self) -> bool:
        return self._paused

    def pause(self, deadline: float) -> None:
        """Before a fork: end the second thread, by `monotonic()` *deadline*. What it had begun is begun again."""
        self._paused = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():  # A compression function may fork.
            thread.join(max(0.0, deadline - monotonic()))

    def resume(self) -> None:
        """Start the second thread when there is something for it."""
        self._paused = False
        self._start()

    def _start(self) -> None:
        with self._mutex:
            if self._thread is not None or not self._waiting or self._paused:
                return
            self._thread = threading.Thread(target=self._run, name="mplog-archiver", daemon=True)
            try:
                start_thread(self._thread)
                return
            except RuntimeError:  # Threads cannot start late in the interpreter's end.
                self._thread = None
        # Without the mutex: a function of the user's may log, and that may rotate.
        while self._waiting:
            self._archive(self._waiting.popleft())

    def wait(self, deadline: float) -> bool:
        """Wait for the second thread until `monotonic()` reaches *deadline*; whether it is done.

        Called by that thread, for a function of the user's, it comes back at once.
        """
        while True:
            thread = self._thread
            if thread is None:
                return True
            if thread is threading.current_thread():
                return False
            thread.join(max(0.0, deadline - monotonic()))
            if thread.is_alive():
                return False

    def forget(self) -> None:
        """In a forked child: the parent's work and thread are not ours."""
        self._mutex = threading.Lock()
        self._thread = None
        self._waiting = deque()
        self._paused = False
