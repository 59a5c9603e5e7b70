"""JSON beside the compatibility reference; logger-api.md, section 15.

Where the reference writes JSON that a strict parser reads, ours is the same, character by character but for times,
and for control characters, which are written as escapes. Elsewhere (NaN, keys of any type, containers in themselves,
two keys with one text) ours is JSON, too; field-notes.md, J5 and J6.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import re
import types
import uuid
from typing import Any

import pytest
from beside import ours as mplogs
from beside import pair, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._logger.logger import Logger

TIMES = re.compile(r'("(?:seconds|timestamp)": )[0-9.e-]+|("repr": ")[^"]*')


class Number(enum.IntEnum):
    ONE = 1


class Text(str, enum.Enum):
    A = "a"


class Shown:
    def __str__(self) -> str:
        return 'shown "so"\n'


class Raising:
    def __str__(self) -> str:
        raise RuntimeError("not this time")

    __repr__ = __str__


class ReadOnly(dict[Any, Any]):
    def items(self) -> Any:
        raise RuntimeError("no items")


Pair = collections.namedtuple("Pair", "x y")


def strict(text: str) -> Any:
    """What a strict parser reads: no NaN, no key twice, text that UTF-8 takes."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs), "a key twice"
        return dict(pairs)

    def refused(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    text.encode("utf8")
    return json.loads(text, parse_constant=refused, object_pairs_hook=once)


def written(logger: Any, extra: Any, options: dict[str, Any], use: Any) -> str | None:
    """The JSON of one message; None when there is none, or none that a strict parser reads."""
    got: list[str] = []
    try:
        logger.add(got.append, **{"serialize": True, "catch": False, "format": "{message}", **options})
        use(logger.bind(**extra))
        strict(got[0])
    except (ValueError, TypeError, RecursionError, AssertionError, RuntimeError):
        return None
    finally:
        logger.remove()
    return str(got[0])


def both_ways(extra: Any, options: dict[str, Any] | None = None, use: Any = None) -> str:
    """Ours, which has to be JSON, and the reference's when that is."""
    use = use or (lambda logger: logger.info("the message"))
    theirs, ours = [written(logger, extra, options or {}, use) for logger in pair()]
    assert ours is not None
    assert ours.endswith("}}\n")
    assert len(ours.splitlines()) == 1
    if theirs is not None:
        assert strict(ours)["record"]["extra"] == strict(theirs)["record"]["extra"]
        if theirs[:-1].isprintable():
            assert TIMES.sub(r"\1\2", ours) == TIMES.sub(r"\1\2", theirs)
    return ours


VALUES: list[Any] = [
    1,
    -1,
    2**70,
    1.5,
    1e300,
    1e-300,
    -0.0,
    True,
    None,
    "text",
    'quotes " and \\ and / and \n \t \r \b \x00 \x1f',
    "é漢字\U0001f600",
    "\x7f\x9b\u2028\u2029\u202e",
    [1, [2, [3]]],
    (1, (2,)),
    {"a": {"b": [1, {"c": None}]}},
    {},
    [],
    (),
    {1: 2, None: 3, False: 4, 1.5: 5, math.inf: 6},
    {Number.ONE: 1, Text.A: 2},
    Number.ONE,
    Text.A,
    Pair(1, Pair(2, 3)),
    collections.OrderedDict(a=1),
    collections.defaultdict(list, a=[1]),
    collections.deque([1, 2]),
    types.SimpleNamespace(a=1),
    {1},
    frozenset(),
    b"bytes",
    bytearray(b"x"),
    dt.date(2020, 1, 1),
    dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc),
    dt.timedelta(1),
    decimal.Decimal("1.10"),
    uuid.UUID(int=1),
    pathlib.PurePosixPath("/a/b"),
    ValueError("x"),
    Shown(),
    range(3),
    1j,
    int,
]
RAISED: list[Any] = [
    math.nan,
    math.inf,
    -math.inf,
    [math.nan, {"a": math.inf}],
    {(1, 2): 3, b"k": 4, Shown(): 5},
    {1: "a", "1": "b", False: "c", "false": "d", None: "e", "null": "f"},
    "\udcff lone \ud800 surrogates",
    {"\udcff": 1},
    Raising(),
    [Raising()],
    {Raising(): 1},
    ReadOnly(a=1),
    10**5000,
    {10**5000: 1},
]


class TestValues:
    @pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
    @pytest.mark.parametrize("sanitize", [True, False])
    def test_as_the_reference(self, value: Any, sanitize: bool) -> None:
        """Of extra, alone and in containers."""
        for extra in ({"v": value}, {"v": [value], "w": {"x": (value,)}}):
            ours = both_ways(extra) if sanitize else written(mplogs(), extra, {"sanitize": False}, log)
            theirs = written(reference(), extra, {}, log)
            assert ours is not None
            assert theirs is not None
            if not sanitize:
                assert TIMES.sub(r"\1\2", ours) == TIMES.sub(r"\1\2", theirs)

    @pytest.mark.parametrize("value", RAISED, ids=lambda value: type(value).__name__)
    def test_what_the_reference_cannot(self, value: Any) -> None:
        """JSON all the same, with everything that stands beside it."""
        for extra in ({"v": value, "w": 1}, {"v": [value], "w": 1}):
            ours = strict(both_ways(extra))["record"]["extra"]
            assert list(ours) == ["v", "w"]
            assert ours["w"] == 1

    @settings(deadline=None, max_examples=300, derandomize=True)
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text()
            | st.binary(max_size=4)
            | st.characters(),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.tuples(inner, inner)
                | st.dictionaries(
                    st.text(max_size=3) | st.integers() | st.floats() | st.none() | st.booleans(), inner, max_size=4
                )
            ),
            max_leaves=12,
        ),
        st.text(),
    )
    def test_any(self, value: Any, message: str) -> None:
        """Any plain value in extra, any text in the message."""
        ours = strict(both_ways({"v": value}, None, lambda logger: logger.info(message)))
        if not re.search("[\ud800-\udfff]", message):
            assert ours["text"] == f"{message}\n"
            assert ours["record"]["message"] == message


def log(logger: Any) -> None:
    """One message."""
    logger.info("the message")


class TestWithoutEnd:
    def test_containers_in_themselves(self) -> None:
        """Cut off where they begin again; the same container twice is no such thing."""
        inner: list[Any] = [1]
        around: dict[str, Any] = {"twice": [inner, inner], "list": inner}
        around["itself"] = around
        inner.append(around)
        ours = strict(both_ways({"v": around}))["record"]["extra"]["v"]
        assert ours["itself"] == "<contains itself>"
        assert ours["twice"][0] == ours["twice"][1] == [1, "<contains itself>"]

    @pytest.mark.parametrize("depth", [50, 90, 1_000, 100_000])
    def test_deep(self, depth: int) -> None:
        """As the reference as long as common parsers read it, then cut off with a mark."""
        value: Any = "bottom"
        for n in range(depth):
            value = [value] if n % 2 else {"k": value}
        # How far the reference goes between these depends on the version of Python.
        made = written_alone({"v": value}) if depth == 1_000 else both_ways({"v": value})
        assert ("bottom" if depth < 100 else "<nested too deeply>") in made

    def test_wide(self) -> None:
        """Lists of lists of the same list would be endless."""
        value: Any = ["x"] * 10
        for _ in range(12):
            value = [value] * 10
        assert "<too many values>" in written_alone({"v": value})


def written_alone(extra: Any) -> str:
    """Ours; the reference would not come to an end."""
    ours = written(mplogs(), extra, {}, log)
    assert ours is not None
    return ours


def raising() -> None:
    """An error with a traceback."""
    raise ValueError("é\n")


class TestRecords:
    @pytest.mark.parametrize(
        "exception",
        [ValueError("x"), (None, None, None), (ValueError, ValueError("y"), None), (ValueError, None, None)],
        ids=str,
    )
    def test_exceptions(self, exception: Any) -> None:
        """Class, text and whether there is a traceback."""
        both_ways({}, None, lambda logger: logger.opt(exception=exception).error("x"))

    def test_tracebacks(self) -> None:
        """In the text, and said."""

        def use(logger: Any) -> None:
            try:
                raising()
            except ValueError:
                logger.exception("failed")

        ours = written(mplogs(), {}, {}, use)
        assert ours is not None
        read = strict(ours)
        assert read["record"]["exception"] == {"type": "ValueError", "value": "é\n", "traceback": True}
        assert read["text"].startswith("failed\nTraceback")

    @pytest.mark.parametrize("options", [{}, {"raw": True}, {"colors": True}, {"raw": True, "colors": True}], ids=str)
    @pytest.mark.parametrize("colorize", [None, True, False])
    def test_text(self, options: dict[str, Any], colorize: bool | None) -> None:
        """What the handler would have emitted."""
        for format_ in ("<r>{message}</r>|{level}", lambda _: "<r>{message}</r>|{extra[a]}"):
            both_ways(
                {"a": 1},
                {"colorize": colorize, "format": format_},
                lambda logger: logger.opt(**options).warning("<b>x</b>\x1b"),
            )

    @pytest.mark.parametrize("case", ["catch", "record", "lazy", "no exception", "keywords"])
    def test_ways_of_logging(self, case: str) -> None:
        """The text and the record are those of any other handler."""

        def use(logger: Any) -> None:
            if case == "catch":
                with logger.catch(message="caught {record[level].name}", level=33):
                    raise KeyError("é")
            elif case == "record":
                logger.opt(record=True).info("{record[line]} {record[extra]}")
            elif case == "lazy":
                logger.opt(lazy=True).info("{}", lambda: 5)
            elif case == "no exception":
                logger.opt(exception=True).info("x")
            else:
                logger.opt(capture=False).info("{a}", a=1)
                logger.info("{a}", a={"b": [1]})

        both_ways({"a": 1}, {"backtrace": False, "diagnose": False}, use)

    def test_patchers(self) -> None:
        """Changed values are shown, added keys are not."""

        def patch(record: dict[str, Any]) -> None:
            record["level"].icon = "!"
            record["function"] = Shown()
            record["name"] = None
            record["added"] = 1

        both_ways({}, None, lambda logger: logger.patch(patch).info("x"))

    def test_the_record_behind_it(self, logger: Logger) -> None:
        """The message has the record itself."""
        got: list[Any] = []
        logger.add(got.append, serialize=True)
        value = object()
        logger.bind(a=value).info("x")
        assert got[0].record["extra"]["a"] is value
