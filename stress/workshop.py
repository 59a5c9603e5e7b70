"""The directories of one round: its logs, its ledger, its runtime directory. Made empty, taken away whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

RUNTIME_VARIABLE = "MPLOG_RUNTIME_DIR"
PHASE_VARIABLE = "MPLOG_PHASE_FILE"
_MEMORY_BACKED = Path("/dev/shm")
_PREFIX = "mplog-stress-"


def runtime_base() -> Path:
    """Where runtime directories go: memory when there is some, because that is where users' are."""
    return _MEMORY_BACKED if os.access(_MEMORY_BACKED, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


class Workshop:
    """One round's places. Two rounds share nothing, so that neither can hide what the other left behind."""

    def __init__(self, *, log_name: str = "stress.log", keep: bool = False) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.runtime = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=runtime_base()))
        self.keep = keep
        self.logs = self.root / "logs"
        self.logs.mkdir()
        self.log = self.logs / log_name
        self.ledger = self.root / "ledger"
        self.phase = self.root / "phase"

    def environment(self) -> dict[str, str]:
        """What the programs of this round find in their environment, beside the harness's own."""
        here = str(Path(__file__).resolve().parent.parent)
        inherited = os.environ.get("PYTHONPATH")
        return {
            **os.environ,
            "PYTHONPATH": here + (os.pathsep + inherited if inherited else ""),
            RUNTIME_VARIABLE: str(self.runtime),
        }

    def left_in_runtime(self) -> list[str]:
        """List what the programs left in their runtime directory."""
        return sorted(str(path.relative_to(self.runtime)) for path in self.runtime.rglob("*") if path.is_file())

    def clear(self) -> None:
        """Take everything away, unless it is to be kept for a look."""
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)
            shutil.rmtree(self.runtime, ignore_errors=True)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
