"""Records as bytes: what can travel arrives equal, what cannot arrives as a bounded repr, and nothing is executed."""

from __future__ import annotations

import contextlib
import math
import pickle
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplog._ring import wire

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_values_arrive_equal(value: Any) -> None:
    """Numbers, text, bytes and containers of them come back as they were, with their types."""
    assert value == wire.decode(wire.encode(value))


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 31, 18, 4, 5, 123456, timezone(timedelta(hours=1))),
        date(2026, 1, 31),
        timedelta(days=-1, microseconds=3),
        Decimal("1.50"),
        1 + 2j,
        {1: "a", (2, 3): "b"},
        {"\u0001": ["repr", "forged"]},
        {1, 2},
        frozenset({"a"}),
        "\udcff lone surrogate",
    ],
)
def test_common_values_arrive_equal(value: Any) -> None:
    """Dates, decimals, sets, dictionaries with any keys and lone surrogates come back as they were."""
    assert value == wire.decode(wire.encode(value))


def test_nan_arrives() -> None:
    """Not-a-number survives the way."""
    assert math.isnan(wire.decode(wire.encode([float("nan")]))[0])


class Hostile:
    """Fails in every way a value can."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __reduce__(self) -> tuple[Any, ...]:
        raise RuntimeError("no")


def test_value_without_repr_becomes_a_mark() -> None:
    """A value whose repr raises arrives as a mark that names its type."""
    assert "<unprintable Hostile object: RuntimeError>" == wire.decode(wire.encode(Hostile()))


def test_repr_is_bounded() -> None:
    """A value with an endless repr costs a bounded number of bytes."""

    class Wide:
        def __repr__(self) -> str:
            return "x" * 1_000_000

    assert len(wire.encode(Wide())) < 2 * wire.MAX_REPR


def test_recursive_containers_end() -> None:
    """A list that contains itself arrives, cut off at a depth."""
    loop: list[Any] = []
    loop.append(loop)

    assert "nested too deeply" in repr(wire.decode(wire.encode(loop)))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_give_a_value_or_a_value_error(junk: bytes) -> None:
    """Decoding never raises anything but ValueError."""
    with contextlib.suppress(ValueError):
        wire.decode(junk)


class Bomb:
    """What an attacker would send to a reader that unpickles."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exit, ()


def test_pickles_are_not_executed() -> None:
    """A pickle in place of a record is no record."""
    with pytest.raises(ValueError, match="no record"):
        wire.decode(pickle.dumps(Bomb()))
