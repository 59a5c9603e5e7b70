"""Counts what a contender has written: a rate counts for nothing when records are missing."""

from __future__ import annotations

from pathlib import Path


class LinesMissing(Exception):
    """A contender did not write what it was given."""


def require_lines(log: Path, expected: int) -> None:
    """Check that the live file of *log* and all rotated ones hold *expected* lines together."""
    files = [path for path in log.parent.iterdir() if path.name.startswith(log.stem)]
    found = sum(path.read_bytes().count(b"\n") for path in files)
    if found != expected:
        raise LinesMissing(f"{found} of {expected} lines in {len(files)} files: the figure would mean nothing.")
