"""What there is to say in a log file that takes records again after it had refused them."""

from __future__ import annotations

import os

from mplog._ring.clock import monotonic


class Outage:
    """The time in which a file takes nothing."""

    def __init__(self, error: OSError) -> None:
        self.since = monotonic()
        self.error = error
        self.lost = 0
        """Records of direct calls that failed meanwhile."""

    def told(self, path: str, waited: int) -> str:
        """What there is to say when it is over and *waited* records of other processes are written at last."""
        parts = [f"{self.lost} records of process {os.getpid()} were lost"] if self.lost else []
        if waited:
            parts.append(f"{waited} records that waited are written now")
        what = " and ".join(parts) or "nothing was lost"
        return f"mplog: {path} could not be written for {monotonic() - self.since:.1f} s ({self.error}); {what}"
