"""What is written to something that should be a stream, as standard records: one for each line."""

from __future__ import annotations

import logging
import threading


class Lines:
    """Gathers what is written until a line ends. Each thread has what it has begun; safe in any of them."""

    def __init__(self, log: logging.Logger, level: int) -> None:
        self._log = log
        self._level = level
        self._begun = threading.local()

    def write(self, text: str) -> int:
        """Log the lines that end here."""
        *lines, self._begun.text = (getattr(self._begun, "text", "") + text).split("\n")
        for line in lines:
            self._say(line)
        return len(text)

    def flush(self) -> None:
        """Log what was begun."""
        begun, self._begun.text = getattr(self._begun, "text", ""), ""
        self._say(begun)

    def _say(self, line: str) -> None:
        if line.strip():
            self._log.log(self._level, "%s", line)
