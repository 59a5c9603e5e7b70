"""The seam between the harness and a logging library: what it takes to be tortured.

An adapter runs inside the programs under test; the harness only reads its class attributes, to read the log back.
`libraries.py` lists them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TextIO

from stress.job import Job

LINE_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSSSSS} | {level} | {message}"

LINE_PREFIX = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \| INFO \| "
"""What LINE_FORMAT puts before the message, as a pattern that no fragment of another line fits."""

NOTICE_LINE = rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6} \| [A-Z]+ \| mplog: [^\n]*"
"""A line in which mplog speaks about itself, for example of records that it had to drop."""

FORK, SPAWN, FORKSERVER, STRANGERS = "fork", "spawn", "forkserver", "strangers"
ROTATION, RETENTION, COMPRESSION, SLOW_SINK = "rotation", "retention", "compression", "slow sink"
ABILITIES = frozenset({FORK, SPAWN, FORKSERVER, STRANGERS, ROTATION, RETENTION, COMPRESSION, SLOW_SINK})


class Adapter:
    """One logging library, in every process of a program under test, used as its documentation advises."""

    package: ClassVar[str | None] = None
    """The distribution that has to be installed; None: mplog itself or the standard library."""
    abilities: ClassVar[frozenset[str]] = ABILITIES
    """What the library says of itself that it can do. Nothing else is asked of it."""
    configures_everywhere: ClassVar[bool] = True
    """Whether children of spawn and forkserver, which import the program again, configure it again, too."""
    log_name: ClassVar[str] = "stress.log"
    prefix: ClassVar[bytes] = LINE_PREFIX
    """What stands before the message in a line, as a pattern that no fragment of another line fits."""
    notice: ClassVar[bytes | None] = None
    """A pattern of whole lines in which the library speaks about itself."""
    litter: ClassVar[str | None] = None
    """A pattern of names that the library leaves beside the log on purpose."""
    limit_is_exact: ClassVar[bool] = True
    """Whether a file ends before the record that would pass the limit, or behind it."""
    says_phases: ClassVar[bool] = False
    """Whether it is known where in its code the steps of a commit are, see steps.py."""
    counts: ClassVar[bool] = False
    """Whether `statistics` says what the library itself has counted."""
    highest_is_oldest: ClassVar[bool] = False
    """Whether rotated files are numbered from the newest to the oldest."""
    log: Callable[[str], None]
    """Log one line and return when the library says that it has it. Set by `configure` or `join`."""

    def configure(self, path: Path, job: Job) -> None:
        """Add *path* as the only place the lines go to. Runs at import of the program, as in a user's script."""
        raise NotImplementedError

    def add_slow(self, seconds: float, path: Path) -> None:
        """Add a second sink to a configured library: a function that takes *seconds* for a line it puts into *path*."""
        raise NotImplementedError

    def share(self) -> Any:
        """What the library wants handed to each worker process as an argument."""
        return None

    def join(self, shared: Any) -> None:
        """Do in a worker what the library asks for there; *shared* is what `share` gave in its parent."""

    def leave(self) -> None:
        """Do what the library asks of a worker that is about to end."""

    def finish(self) -> None:
        """Wait, in the process that configured, until everything that was logged is on its way for good."""

    def session(self) -> str:
        """The directory of the session that this process logs to. Only of mplog."""
        raise NotImplementedError

    def statistics(self) -> dict[str, Any] | None:
        """What the library has counted, as plain data of the shape of mplog's `Statistics`; None: it counts nothing.

        Asked for after `finish`.
        """
        return None


def file_options(job: Job) -> dict[str, Any]:
    """Return the file options that were chosen, and none of the others, as keywords of ``add()``."""
    options = {"rotation": job.rotation, "retention": job.retention, "compression": job.compression}
    return {name: value for name, value in options.items() if value is not None}


def slowly(seconds: float, file: TextIO) -> Callable[[object], None]:
    """Make the function that a slow sink calls for each line."""

    def write(line: object) -> None:
        time.sleep(seconds)  # the slowness itself
        file.write(str(line))
        file.flush()

    return write
