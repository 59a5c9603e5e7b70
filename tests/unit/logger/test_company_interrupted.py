"""A signal handler that raises in the middle of a meeting of strangers leaves nothing locked."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._sinks.file.sink import FileSink


class Interrupted:
    """A lock right behind whose taking a signal handler raises."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.release = self._lock.release
        self._is_owned = self._lock._is_owned  # type: ignore[attr-defined]  # as threading.Condition does

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, and raise."""
        self._lock.acquire(blocking, timeout)
        raise KeyboardInterrupt


def test_right_after_the_lock_was_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread can still change the configuration."""
    core = Core()
    logger = Logger(core, {})
    logger.add(tmp_path / "app.log")
    found = core.handlers()[0].sink
    assert isinstance(found, FileSink)
    with monkeypatch.context() as patch:
        lock = Interrupted()
        patch.setattr(core, "lock", lock)
        with pytest.raises(KeyboardInterrupt):
            core.sessions.company.meet(found)
        assert not lock._is_owned()
    logger.remove()
