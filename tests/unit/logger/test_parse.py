"""Records out of a file that is read in pieces; logger-api.md, section 26."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._logger.logger import Logger
from mplog._logger.parse import CONTEXT


class Noting(io.StringIO):
    """Notes how much is asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.asked: list[Any] = []

    def read(self, size: Any = -1) -> str:
        self.asked.append(size)
        return super().read(size)


class TestPieces:
    def test_no_more_is_read_than_is_asked_for(self) -> None:
        """The first record of a long file comes after a chunk or two."""
        file = Noting("".join(f"<{n}>\n" for n in range(10_000)))
        first = next(iter(Logger.parse(file, r"<(?P<n>\d+)>", chunk=100)))
        assert (first, file.asked) == ({"n": "0"}, [100])

    @pytest.mark.parametrize("chunk", [1, 10, CONTEXT - 1, CONTEXT, CONTEXT + 1, -1])
    def test_what_a_pattern_looks_back_at(self, chunk: int) -> None:
        """Is there, also where it came with another piece, far into the file."""
        text = ("x" * 700 + "=1;") * 8
        found = list(Logger.parse(io.StringIO(text), r"(?<=x=)(?P<n>\d)(?=;)", chunk=chunk))
        assert found == [{"n": "1"}] * 8

    @pytest.mark.parametrize("chunk", [1, 2, 5, 1000])
    def test_anchors_mean_the_file(self, chunk: int) -> None:
        r"""`^` and `\A` match at its beginning alone, wherever a piece begins."""
        text = "a1\na2\na3\n" * 500
        for pattern in (r"^a(?P<n>\d)", r"\Aa(?P<n>\d)"):
            assert list(Logger.parse(io.StringIO(text), pattern, chunk=chunk)) == [{"n": "1"}]

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(
        st.text("ab\n", max_size=40), st.integers(1, 12), st.sampled_from([r"(?P<x>a?)", r"(?P<x>b*)\n", r"(?P<x>)"])
    )
    def test_empty_matches_come_once(self, text: str, chunk: int, pattern: str) -> None:
        """As `re` finds them in the whole text, where nothing goes on in the next piece."""
        wanted = [match.groupdict() for match in re.finditer(pattern, text)]
        found = list(Logger.parse(io.StringIO(text), pattern, chunk=chunk))
        if pattern == r"(?P<x>b*)\n":
            assert "".join(one["x"] for one in found) in "".join(one["x"] for one in wanted)
            assert len(found) == len(wanted)
        else:
            assert found == wanted


class TestCast:
    def test_each_dict_is_its_own(self) -> None:
        """Converted in place, in order, one at a time."""
        seen: list[dict[str, Any]] = []
        for one in Logger.parse(
            io.StringIO("1 2 3"), r"(?P<n>\d)", cast=lambda groups: groups.update(n=int(groups["n"]))
        ):
            seen.append(one)
            one["n"] *= 10
        assert seen == [{"n": 10}, {"n": 20}, {"n": 30}]

    def test_only_groups_that_are_there(self) -> None:
        """Also one that took no part: its function gets None."""
        cast: dict[str, Any] = {"a": str.upper, "b": repr, "c": pytest.fail}
        assert list(Logger.parse(io.StringIO("x"), r"(?P<a>x)(?P<b>y)?", cast=cast)) == [{"a": "X", "b": "None"}]
