"""`parse()` beside the compatibility reference.

logger-api.md, section 26
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import loguru
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import error_of

from mplog._logger.logger import Logger

TEXT = "".join(f"2026-01-0{n % 9 + 1} | {'INFO' if n % 2 else 'ERROR'} | message {n}\n" for n in range(50))
LINE = r"(?P<day>\d{4}-\d\d-\d\d) \| (?P<level>[A-Z]+) \| (?P<message>.*)\n"

PATTERNS = {
    "lines": LINE,
    "no groups": r"\d+",
    "unnamed groups": r"(\d+)-(\d+)",
    "optional group": r"(?P<a>message)( (?P<b>7)\b)?",
    "nothing": r"nothing like this",
    "a look behind": r"(?<=\| )(?P<level>[A-Z]+)",
    "a look ahead": r"(?P<number>\d+)(?=\n)",
    "several lines": r"(?P<first>ERROR)[^\n]*\n[^\n]*(?P<second>INFO)",
    "line ends": r"(?m)^(?P<day>\S+).*?(?P<number>\d+)$",
    "compiled": re.compile(LINE),
    "compiled with flags": re.compile(r"(?P<level>info)", re.IGNORECASE),
}


def parsed(library: Any, make: Callable[[], Any], pattern: Any, **options: Any) -> Any:
    try:
        return list(library.parse(make(), pattern, **options))
    except Exception as error:  # noqa: BLE001 - which, is what is compared
        return error_of(error)


def assert_same(make: Callable[[], Any], pattern: Any, **options: Any) -> Any:
    expected, found = [parsed(library, make, pattern, **options) for library in (loguru.logger, Logger)]
    assert found == expected
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to parse."""
    found = tmp_path / "app.log"
    found.write_text(TEXT)
    return found


@pytest.mark.parametrize("name", PATTERNS)
class TestPatterns:
    def test_of_all_text_at_once(self, path: Path, name: str) -> None:
        """Paths, objects, open files."""
        for make in (lambda: path, lambda: str(path), lambda: io.StringIO(TEXT), lambda: os.fspath(path)):
            assert_same(make, PATTERNS[name])
            assert_same(make, PATTERNS[name], chunk=-1)

    @pytest.mark.parametrize("chunk", [1, 2, 3, 7, 16, 64, 1000, 65536])
    def test_in_pieces_it_is_what_it_is_in_one(self, name: str, chunk: int) -> None:
        """The size of a chunk changes nothing that a pattern can see."""
        whole = parsed(Logger, lambda: io.StringIO(TEXT), PATTERNS[name], chunk=-1)
        pieces = parsed(Logger, lambda: io.StringIO(TEXT), PATTERNS[name], chunk=chunk)
        if name not in GREEDY_ENDS or chunk >= 64:
            assert pieces == whole
        assert_same_in_chunks(name, chunk)


GREEDY_ENDS = {"unnamed groups", "optional group", "no groups", "line ends", "a look ahead"}
"""Patterns that match a part of what they would match with more text, in very small chunks."""


def assert_same_in_chunks(name: str, chunk: int) -> None:
    if name not in {"a look behind", "line ends"}:  # The reference loses what is before; ours does not.
        assert_same(lambda: io.StringIO(TEXT), PATTERNS[name], chunk=chunk)


class TestCast:
    @pytest.mark.parametrize(
        "cast",
        [
            {"day": len, "missing": int},
            {"level": str.lower, "message": lambda text: text.split()},
            lambda groups: groups.update(more=1),
            lambda groups: groups.clear(),
            lambda groups: {"not": "used"},
            {"day": int},
            {},
        ],
    )
    def test_same_dicts(self, path: Path, cast: Any) -> None:
        """Functions by name, or one for all; what they raise passes."""
        assert_same(lambda: path, LINE, cast=cast)

    @pytest.mark.parametrize("cast", [5, "text", None, [], [("day", int)]])
    def test_wrong_kinds(self, path: Path, cast: Any) -> None:
        """TypeError, when the first dict is asked for."""
        assert assert_same(lambda: path, LINE, cast=cast) == "TypeError"


class TestKinds:
    @pytest.mark.parametrize("pattern", [5, None, [], object()])
    def test_wrong_patterns(self, path: Path, pattern: Any) -> None:
        """TypeError."""
        assert assert_same(lambda: path, pattern) == "TypeError"

    @pytest.mark.parametrize("file", [5, None, object(), [], b"bytes"])
    def test_wrong_files(self, file: Any) -> None:
        """TypeError."""
        assert assert_same(lambda: file, LINE) == "TypeError"

    def test_nothing_raises_before_the_first_dict_is_asked_for(self) -> None:
        """It is a generator."""
        Logger.parse(5, None, cast=5)  # type: ignore[arg-type]  # which is the point
        loguru.logger.parse(5, None, cast=5)  # type: ignore[call-overload]  # as above

    def test_bytes(self) -> None:
        """With patterns of bytes; mixed kinds raise."""
        assert_same(lambda: io.BytesIO(TEXT.encode()), LINE.encode())
        assert_same(lambda: io.BytesIO(TEXT.encode()), LINE)
        assert_same(lambda: io.StringIO(TEXT), LINE.encode())
        assert_same(lambda: io.BytesIO(b""), LINE.encode())

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """The error of `open`."""
        assert assert_same(lambda: tmp_path / "none", LINE) == "FileNotFoundError"

    def test_an_object_is_left_open_and_a_path_is_closed(self, path: Path) -> None:
        """Also when nobody asks for all."""
        stream = io.StringIO(TEXT)
        list(Logger.parse(stream, LINE))
        assert not stream.closed
        descriptors = len(os.listdir("/proc/self/fd"))
        made = Logger.parse(path, LINE)
        next(made)
        made.close()  # type: ignore[attr-defined]  # a generator
        assert len(os.listdir("/proc/self/fd")) == descriptors


class TestGenerated:
    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(
        st.lists(st.tuples(st.sampled_from(["INFO", "ERROR", "X"]), st.text("ab \n1", max_size=6)), max_size=12),
        st.integers(1, 40),
    )
    def test_any_records_in_any_chunks(self, records: list[tuple[str, str]], chunk: int) -> None:
        """Records that begin where the pattern says are found whole, whatever is read at once."""
        text = "".join(f"<{level}> {message}\n" for level, message in records)
        pattern = r"<(?P<level>[A-Z]+)> (?P<message>[^<]*)\n"
        whole = parsed(Logger, lambda: io.StringIO(text), pattern, chunk=-1)
        assert whole == [{"level": level, "message": message} for level, message in records]
        assert assert_same(lambda: io.StringIO(text), pattern) == whole
        last = [one["level"] for one in parsed(Logger, lambda: io.StringIO(text), pattern, chunk=chunk)]
        assert last == [level for level, _ in records]
