"""The directories of one round: its logs, its ledger, its runtime directory. Made empty, taken away whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

RUNTIME_VARIABLE = "MPLOG_RUNTIME_DIR"
_MEMORY_BACKED = Path("/dev/shm")
_PREFIX = "mplog-stress-"
_CAN_MOUNT = os.geteuid() == 0 and shutil.which("mount") is not None


def runtime_base() -> Path:
    """Where runtime directories go: memory when there is some, because that is where users' are."""
    return _MEMORY_BACKED if os.access(_MEMORY_BACKED, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


class Disk:
    """A small file system of one round's own, or, where nothing may be mounted, the wish that there were one."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        path.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "mplog-stress", str(path)]
        self.mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0 if _CAN_MOUNT else False
        self._ballast = path / "ballast"

    def leave_room(self, free: int) -> None:
        """Fill the disk with ballast, but for *free* bytes."""
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.size - free)

    def drop_ballast(self) -> None:
        """Make room."""
        self._ballast.unlink()

    def unmount(self, copy_to: Path | None = None) -> None:
        """Take the disk away, its logs having been copied to *copy_to* if that is wanted."""
        if copy_to is not None:
            shutil.copytree(self.path / "logs", copy_to)
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.path)], capture_output=True, check=False)


class Workshop:
    """One round's places. Two rounds share nothing, so that neither can hide what the other left behind."""

    def __init__(self, *, log_name: str = "stress.log", keep: bool = False, disk_bytes: int = 0) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self.runtime = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=runtime_base()))
        self.keep = keep
        self.disk = Disk(self.root / "disk", disk_bytes) if disk_bytes else None
        self.logs = (self.root if self.disk is None else self.disk.path) / "logs"
        self.logs.mkdir()
        self.log = self.logs / log_name
        self.slow_log = self.root / "slow.log"
        self.ledger = self.root / "ledger"
        self.latencies = self.root / "latencies"
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
        if self.disk is not None:
            self.disk.unmount(self.root / "logs" if self.keep else None)
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)
            shutil.rmtree(self.runtime, ignore_errors=True)

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
