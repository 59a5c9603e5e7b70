"""What mplog says on standard error, taken apart."""

from __future__ import annotations

import re

HEAD = re.compile(r"mplog: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} process (\d+) \((\w[\w-]*)\): (.*)")
COUNT = re.compile(r"(\d+) more(?: since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})?: (.*)")


def heads(said: str) -> list[tuple[str, str]]:
    """The process and the text of each report in *said*; every other line must be an indented one below such a line."""
    found: list[tuple[str, str]] = []
    for line in said.splitlines():
        match = HEAD.fullmatch(line)
        assert match or (found and line.startswith("    ")), f"what is this: {line!r}"
        if match:
            found.append((match[1], match[3]))
    return found


def firsts_and_counts(said: str) -> tuple[list[str], list[int]]:
    """What was said in full, and the numbers of what was counted."""
    texts = [text for _, text in heads(said)]
    counts = [int(match[1]) for text in texts if (match := COUNT.fullmatch(text))]
    return [text for text in texts if not COUNT.fullmatch(text)], counts
