"""Records as bytes: what can travel arrives equal, what cannot arrives as a bounded repr, and nothing is executed."""

from __future__ import annotations

import contextlib
import json
import math
import pickle
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone, tzinfo
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


KINDS = ["tuple", "dict", "set", "frozenset", "bytes", "datetime", "date", "timedelta", "decimal", "complex", "repr"]
STRANGE = ["os", "sys", "os.system", "builtins.exec", "mplog._logger.core.Core", "__class__", "eval", ""]

TAGGED = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2026-01-31", "aGk=", "1.5"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=3)
        | st.builds(lambda *tagged: {wire.TAG: list(tagged)}, st.sampled_from(KINDS + STRANGE) | inner, inner)
    ),
    max_leaves=20,
)
"""What JSON a process may write that says what its values are."""

PLAIN_TYPES = {
    *(type(None), bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset),
    *(datetime, date, timedelta, Decimal, wire.Represented),
}


def types_in(value: Any) -> set[type]:
    """The types of a value and of all that is in it."""
    inner = [*value, *value.values()] if type(value) is dict else value
    found = {type(value)}
    if type(value) in (list, tuple, dict, set, frozenset):
        found.update(*map(types_in, inner))
    return found


@given(TAGGED)
def test_whatever_bytes_say_of_a_value_it_is_plain(value: Any) -> None:
    """Decoding makes values of Python's own plain types, whatever kind they claim to be of, and imports nothing."""
    before = set(sys.modules)
    for wrapped in (value, *({wire.TAG: [kind, value]} for kind in KINDS + STRANGE)):
        with contextlib.suppress(ValueError):
            assert types_in(wire.decode(json.dumps(wrapped).encode())) <= PLAIN_TYPES
    assert set(sys.modules) == before


class Bomb:
    """What an attacker would send to a reader that unpickles."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exit, ()


def test_pickles_are_not_executed() -> None:
    """A pickle in place of a record is no record."""
    with pytest.raises(ValueError, match="no record"):
        wire.decode(pickle.dumps(Bomb()))


class Raising:
    """Whatever is asked of it raises, even what it is."""

    @property
    def __class__(self) -> type:
        raise RuntimeError("no class")

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise RuntimeError("no class")

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __hash__(self) -> int:
        return hash("a")


class Posing:
    """Says that it is something else."""

    def __init__(self, kind: type) -> None:
        self._kind = kind

    @property
    def __class__(self) -> type:
        return self._kind

    @__class__.setter
    def __class__(self, value: type) -> None:
        self._kind = value

    def __repr__(self) -> str:
        return "posing"


class BrokenTime(datetime):
    """A time that cannot be shown as one."""

    def isoformat(self, *_: Any, **__: Any) -> str:
        raise RuntimeError("no text")

    def utcoffset(self) -> Any:
        raise RuntimeError("no offset")


class BrokenZone(tzinfo):
    """A zone that has nothing to say."""

    def utcoffset(self, _: Any) -> Any:
        raise RuntimeError("no offset")

    dst = tzname = utcoffset

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class TestHostileValues:
    def test_one_value_does_not_cost_its_neighbours(self) -> None:
        """A value that raises becomes a mark; everything around it arrives as it is."""
        shown = wire.decode(wire.encode({"a": 1, "b": [Raising(), 2], "c": {Raising(): Raising(), "d": (3,)}}))
        mark = "<unprintable Raising object: RuntimeError>"
        assert shown == {"a": 1, "b": [mark, 2], "c": {mark: mark, "d": (3,)}}

    @pytest.mark.parametrize("kind", [str, int, bool, dict, list, bytes, datetime, Decimal, type(None)])
    def test_what_a_value_says_of_its_class_does_not_count(self, kind: type) -> None:
        """It is taken for what it is."""
        assert wire.decode(wire.encode([Posing(kind), 1])) == ["posing", 1]

    def test_subclasses_with_methods_that_raise(self) -> None:
        """A time is sent without asking the subclass; one whose zone raises becomes a mark."""
        zone = BrokenZone()
        shown = wire.decode(wire.encode([BrokenTime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=zone), 1]))
        assert shown == [datetime(2026, 1, 1), "<unprintable datetime object: RuntimeError>", 1]

    def test_what_is_cut_is_marked(self) -> None:
        """A long container says how much is missing."""
        count = wire.MAX_ITEMS + 5
        for made in (
            list(range(count)),
            tuple(range(count)),
            {str(n): n for n in range(count)},
            dict.fromkeys(range(count)),
        ):
            shown = wire.decode(wire.encode(made))
            assert type(shown) is type(made)
            assert list(shown)[-1] == "<5 more items>"
            assert len(shown) == wire.MAX_ITEMS + 1
        assert "<5 more items>" in wire.decode(wire.encode(set(range(count))))

    @pytest.mark.parametrize("wrap", [lambda value: [value] * 9, lambda value: dict.fromkeys("abcdefghi", value)])
    def test_containers_that_hold_one_another_many_times(self, wrap: Callable[[Any], Any]) -> None:
        """Nine lists of nine lists of nine ..., thirty deep: bounded in time and size, and marked."""
        value: Any = "end"
        for _ in range(30):
            value = wrap(value)
        sent = wire.encode({"before": 1, "value": value})
        assert len(sent) < 100 * wire.MAX_VALUES
        assert b"more items" in sent
        assert wire.decode(sent)["before"] == 1

    def test_what_stands_beside_too_many_values(self) -> None:
        """The parts of a record, and the plain items of each, are all there."""
        value: Any = "end"
        for _ in range(30):
            value = [value] * 9
        record = {"extra": {"first": 1, "many": value, "other": [1], "last": 2}, "at": ["name", 5]}
        shown = wire.decode(wire.encode(record))
        assert shown["at"] == ["name", 5]
        assert list(shown["extra"]) == ["first", "many", "other", "last"]
        assert (shown["extra"]["first"], shown["extra"]["last"]) == (1, 2)
        assert shown["extra"]["other"] == "<too many values>"

    def test_texts_that_are_too_long_in_all(self) -> None:
        """They are cut and marked until the rest fits; a record of more bytes would be cut anywhere."""
        value = {
            "one": "x" * 20_000_000,
            "other": ["\ud800" * 3_000_000, b"x" * 30_000_000],
            "many": ["y" * 500_000] * 99,
        }
        sent = wire.encode({"before": 1, **value, "after": 2})
        assert len(sent) <= wire.MAX_BYTES
        shown = wire.decode(sent)
        assert (shown["before"], shown["after"]) == (1, 2)
        assert shown["one"].startswith("xxx")
        assert shown["one"].endswith("more characters>")
        assert shown["other"][1].endswith("more bytes>")

    def test_values_that_are_too_long_in_all(self) -> None:
        """Objects with long texts, keys and numbers: bounded as well, with what stands beside them."""

        class Large:
            def __repr__(self) -> str:
                return "x" * 9_000

        value = {
            "many": [Large()] * 2_500,
            "keys": {"k" * 3_000 + str(n): n for n in range(3_000)},
            "number": Decimal(f"1E+{5_000}") + 1,
        }
        for maximum in (wire.MAX_BYTES, 100_000, 20_000):
            sent = wire.encode({"before": 1, **value, "after": "2"}, maximum)
            assert len(sent) <= maximum
            shown = wire.decode(sent)
            assert (shown["before"], shown["after"]) == (1, "2")
            assert shown["many"][0].startswith("xxx")

    def test_a_long_text_that_fits(self) -> None:
        """Nothing is cut below the limit."""
        text = "x" * (wire.MAX_BYTES - 100)
        assert wire.decode(wire.encode({"text": text})) == {"text": text}
