"""What stands in a log file around the records: the mark of its encoding, and ends of lines that others left out.

Everything here is called with the sink's mutex and the file's lock held.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from mplog._sinks.file.log_file import LogFile, write_all
from mplog._sinks.file.take_back import Found, take_back


def mark(file: LogFile) -> None:
    """An empty file gets the mark of its encoding, if it has one, before anything is promised about it."""
    text = file.options.text.mark
    # A call that interrupts this one sees to it, too: nothing runs between this look and the write.
    if text and not file.size:
        os.write(file.fd, text)
        file.size += len(text)


def mend(file: LogFile, settle: Callable[[int], None]) -> None:
    """The file ends in the middle of a line: put right what a killed session began, else end the line."""
    settle(file.fd)
    file.measure()
    if file.ends_torn():
        write_all(file.fd, file.options.text.end)
        file.measure()


def undo(file: LogFile, size: int, data: bytes) -> Found | None:
    """After an append that failed: cut off what of it is in the file. None when that cannot be done."""
    if not file.shared:
        return None
    try:
        return take_back(file.fd, size, data, file.options.text.end)
    except OSError:
        return None
