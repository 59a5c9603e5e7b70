"""`parse()`: records out of a log file, by a regular expression."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

CONTEXT = 1024
"""Characters kept before the place where the search goes on, for what a pattern looks back at."""


def parse(file: Any, pattern: Any, cast: Any, chunk: Any) -> Iterator[dict[str, Any]]:
    """The named groups of each match in *file*; see Logger.parse."""
    if isinstance(file, (str, os.PathLike)):
        source: Any = open(file)  # noqa: SIM115 - closed below, at the end or when nobody asks for more
        closing: Any = source
    elif callable(getattr(file, "read", None)):
        source, closing = file, nullcontext()
    else:
        raise TypeError(
            f"Invalid file, it should be a path or an object with a read() method, not: '{type(file).__name__}'"
        )
    with closing:
        convert = _converter(cast)
        for match in _matches(source, _compiled(pattern), chunk):
            groups = match.groupdict()
            convert(groups)
            yield groups


def _converter(cast: Any) -> Callable[[dict[str, Any]], object]:
    if isinstance(cast, Mapping):

        def convert(groups: dict[str, Any]) -> None:
            for name, function in cast.items():
                if name in groups:
                    groups[name] = function(groups[name])

        return convert
    if callable(cast):
        function: Callable[[dict[str, Any]], object] = cast
        return function
    raise TypeError(
        f"Invalid cast, it should be a dict of functions or a function of the dict, not: '{type(cast).__name__}'"
    )


def _compiled(pattern: Any) -> re.Pattern[Any]:
    if isinstance(pattern, (str, bytes, re.Pattern)):
        return re.compile(pattern)
    raise TypeError(
        f"Invalid pattern, it should be a string, bytes or a compiled regular expression, not: "
        f"'{type(pattern).__name__}'"
    )


def _matches(source: Any, pattern: re.Pattern[Any], chunk: Any) -> Iterator[re.Match[Any]]:
    """The matches in all of *source*, of which only a part is in memory.

    The last match of what has been read may be different, or go on, with more text: it is looked for again then.
    """
    text: Any = None
    position = 0
    empty_at = -1  # Where the last match was, if it was an empty one: it is not found a second time.
    while True:
        more = source.read(chunk)
        if text is None:
            text = more
        elif more:
            cut = max(0, position - CONTEXT)
            text = text[cut:] + more
            position -= cut
            empty_at -= cut
        last: re.Match[Any] | None = None
        for match in pattern.finditer(text, position):
            if match.start() == match.end() == empty_at:
                continue
            if last is not None:
                yield last
                position = last.end()
                empty_at = position if last.start() == position else -1
            last = match
        if not more:
            if last is not None:
                yield last
            return
