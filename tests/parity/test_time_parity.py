"""Time formatting beside the compatibility reference, as its file names and formats show it.

Covers logger-api.md, section 12.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import loguru
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._render.times import format_time

TOKENS = (
    "YYYY YY Q MMMM MMM MM M DDDD DDD DD D dddd ddd d E HH H hh h mm m ss s "
    "S SS SSS SSSS SSSSS SSSSSS A Z ZZ zz X [] [YYYY] [S] [!UTC] !UTC [ ] - T a z Y é"
)
SPECS = st.lists(st.sampled_from([*TOKENS.split(), " "]), max_size=8).map("".join)
MOMENTS = st.datetimes(
    min_value=dt.datetime(1971, 1, 2),
    max_value=dt.datetime(2500, 1, 1),
    timezones=st.integers(-23 * 60, 23 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes))),
)


class Reference:
    """The reference's time of a record, and its formatting of any moment."""

    def __init__(self) -> None:
        texts: list[Any] = []
        core = loguru.logger
        core.remove()
        handler = core.add(texts.append, format="{message}")
        core.info("x")
        core.remove(handler)
        self._class = type(texts[0].record["time"])

    def format(self, moment: dt.datetime, spec: str) -> str:
        own = self._class.combine(moment.date(), moment.time(), tzinfo=moment.tzinfo)
        return format(own, spec)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


def outcome(function: Any, *args: Any) -> object:
    try:
        return function(*args)
    except (ValueError, OverflowError) as error:
        return type(error)


@given(moment=MOMENTS, spec=SPECS)
@settings(max_examples=400, deadline=None)
def test_tokens_agree(reference: Reference, moment: dt.datetime, spec: str) -> None:
    """Any mixture of tokens and brackets gives the reference's text, or an error of the same type."""
    assert outcome(reference.format, moment, spec) == outcome(format_time, moment, spec)


@pytest.mark.parametrize("spec", ["%Y-%m-%d", "%H:%M:%S.%f%z", "%Y SSSSSSS", "%%", "[%]", "%j!UTC"])
def test_strftime_agrees(reference: Reference, spec: str) -> None:
    """A percent sign anywhere means strftime, as in the reference."""
    moment = dt.datetime(2026, 7, 3, 14, 5, 6, 9, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    assert reference.format(moment, spec) == format_time(moment, spec)
