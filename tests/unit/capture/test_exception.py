"""Exceptions as data: bounded, plain, and never an error of their own. logger-api.md, sections 6.2 and 24."""

from __future__ import annotations

import json
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplog._capture.data import pack, unpack
from mplog._capture.details import Details
from mplog._capture.exception import LONGEST, LONGEST_CHAIN, MOST, capture, describe
from mplog._capture.frames import MOST as MOST_FRAMES
from mplog._capture.record import RecordException
from mplog._capture.trace import Trace
from mplog._render.look import Look
from mplog._render.traceback import traceback_text
from mplog._ring import wire

LOOKS = [
    Look(backtrace=backtrace, diagnose=diagnose, colorize=colorize, encoding=encoding)
    for backtrace in (False, True)
    for diagnose in (False, True)
    for colorize in (False, True)
    for encoding in ("utf8", "ascii")
]


def text_of(exception: Any, **switches: Any) -> str:
    """The text of *exception* after a way through the wire."""
    trace = describe(exception, values=True)
    assert trace is not None
    arrived = Trace.from_data(wire.decode(wire.encode(trace.to_data())))
    assert arrived == trace
    assert pickle.loads(pickle.dumps(trace)) == trace
    json.dumps(trace.to_data())
    texts = [traceback_text(trace, look) for look in LOOKS]
    assert all(text.endswith("\n") for text in texts)
    return traceback_text(trace, Look(**switches))


class TestCapture:
    def test_what_option_means(self) -> None:
        """Nothing, an exception, a triple, the current one."""
        error = ValueError("x")
        for nothing in (None, False, 0, "", ()):
            assert capture(nothing) is None
        assert capture(error) == (ValueError, error, None)
        assert capture((KeyError, error, None)) == (KeyError, error, None)
        assert capture(True) == (None, None, None)
        try:
            raise error
        except ValueError:
            for current in (True, 1, "yes", object(), (1, 2)):
                assert capture(current) == (ValueError, error, error.__traceback__)

    def test_an_exception_that_is_false(self) -> None:
        """It is an exception."""

        class Empty(Exception):
            def __len__(self) -> int:
                return 0

        error = Empty()
        assert capture(error) == (Empty, error, None)

    def test_an_option_that_cannot_say(self) -> None:
        """True enough."""

        class Undecided:
            def __bool__(self) -> bool:
                raise ValueError("no")

        assert capture(Undecided()) == (None, None, None)


class Hostile(Exception):
    """Everything about it raises."""

    def _raise(self, *_: object) -> Any:
        raise RuntimeError("hostile")

    __str__ = __repr__ = _raise
    __cause__ = __context__ = __suppress_context__ = __notes__ = __traceback__ = property(_raise)


class Raising(type):
    """A type without a name to ask for."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]  # which is the point
        raise RuntimeError("hostile")


class Nameless(Exception, metaclass=Raising):
    """See its type."""


class Lying(Exception):
    """Its cause is new each time."""

    @property
    def __cause__(self) -> BaseException:  # type: ignore[override]  # which is the point
        MADE.append(Lying())
        return MADE[-1]


MADE: list[Exception] = []


def recursion() -> Exception:
    """An exception of a recursion without end."""

    def down(n: int) -> int:
        return other(n + 1)

    def other(n: int) -> int:
        return down(n + 1)

    try:
        down(0)
    except RecursionError as error:
        return error
    raise AssertionError


def notes(value: Any) -> Exception:
    """An exception with *value* for notes."""
    error = ValueError("x")
    error.__notes__ = value  # type: ignore[attr-defined]  # which is the point
    return error


class Loop:
    """A traceback that has no end."""

    tb_lineno = 1

    @property
    def tb_next(self) -> Loop:
        """The same again."""
        return self

    @property
    def tb_frame(self) -> Any:
        """A frame above which is itself."""
        frame = SimpleNamespace(
            f_code=SimpleNamespace(co_filename="x.py", co_name="f"), f_globals={}, f_locals={}, f_lineno=1
        )
        frame.f_back = frame
        return frame


ODD: dict[str, Callable[[], Any]] = {
    "hostile": lambda: (Hostile, Hostile("x"), None),
    "nameless": lambda: (Nameless, Nameless("x"), None),
    "endless causes": lambda: (Lying, Lying(), None),
    "endless trace": lambda: (ValueError, ValueError("x"), Loop()),
    "recursion": lambda: capture(recursion()),
    "10 MB of text": lambda: (ValueError, ValueError("x" * 10_000_000), None),
    "10 MB of notes": lambda: (ValueError, notes(["x" * 10_000_000, "y"]), None),
    "notes that raise": lambda: (ValueError, notes([Hostile()]), None),
    "notes of another kind": lambda: (ValueError, notes(Hostile()), None),
    "no triple": lambda: "boom",
    "a pair": lambda: (1, 2),
    "an object": object,
    "strings": lambda: ("type", "value", "traceback"),
    "numbers": lambda: (1, 2, 3),
    "no value": lambda: (ValueError, None, None),
    "a trace that is none": lambda: (ValueError, ValueError("x"), object()),
    "a frame that is none": lambda: (ValueError, ValueError("x"), SimpleNamespace(tb_frame=1, tb_lineno=2, tb_next=3)),
    "surrogates": lambda: (ValueError, ValueError("\ud800"), None),
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_odd_exceptions(make: Callable[[], Any]) -> None:
    """Something is shown, of bounded size."""
    text = text_of(make())
    assert 0 < len(text) < 20 * LONGEST


def test_the_text_that_is_cut_says_so() -> None:
    """With the number of characters that are missing."""
    text = text_of((ValueError, ValueError("x" * (LONGEST + 1000)), None))
    assert text.endswith("... <1013 more characters>\n")


def test_a_long_chain() -> None:
    """Its middle is left out, and counted."""
    error: Exception = ValueError("last")
    first = error
    for number in range(LONGEST_CHAIN + 50):
        first.__context__ = first = TypeError(f"number {number}")
    text = text_of((ValueError, error, None))
    assert "... <51 more exceptions left out>\n" in text
    assert text.startswith(f"TypeError: number {LONGEST_CHAIN + 49}\n")
    assert text.endswith("ValueError: last\n")


def test_many_different_frames() -> None:
    """Their middle is left out, and counted."""
    source = (
        "".join(f"def f{n}(): f{n + 1}()\n" for n in range(MOST_FRAMES + 100)) + f"def f{MOST_FRAMES + 100}(): 1 / 0\n"
    )
    names: dict[str, Any] = {}
    exec(compile(source, "many.py", "exec"), names)
    found: list[Any] = []

    def run() -> None:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(MOST_FRAMES + 1000)
        try:
            names["f0"]()
        except ZeroDivisionError as error:
            found.append(error)
        finally:
            sys.setrecursionlimit(limit)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    text = text_of(capture(found[0]), backtrace=False)
    assert text.count("many.py") == MOST_FRAMES
    assert "frames left out>" in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups came with 3.11")
class TestGroups:
    def test_too_many_exceptions(self) -> None:
        """Groups of groups of groups: no more than the bound are looked at."""

        def group(depth: int) -> Exception:
            inner = [group(depth - 1) for _ in range(15)] if depth else [ValueError(n) for n in range(15)]
            return ExceptionGroup("g", inner)  # type: ignore[name-defined,no-any-return]  # noqa: F821 - since 3.11

        text = text_of((Exception, group(3), None))
        assert "more exception left out" in text
        assert text.count("ValueError") < MOST

    @pytest.mark.parametrize("inner", [None, 5, "text", [], [1, None], (ValueError(1),), [Hostile()]])
    def test_strange_members(self, inner: Any) -> None:
        """A group whose exceptions are something else."""

        class Strange(ExceptionGroup):  # type: ignore[name-defined,misc]  # noqa: F821 - since 3.11
            exceptions = inner

        assert "Strange" in text_of((Strange, Strange("g", [ValueError(1)]), None))

    def test_a_group_in_itself(self) -> None:
        """Ends at the greatest depth."""

        class Own(ExceptionGroup):  # type: ignore[name-defined,misc]  # noqa: F821 - since 3.11
            @property
            def exceptions(self) -> Any:
                return (self,)

        assert "(max_group_depth is 10)" in text_of((Own, Own("g", [ValueError(1)]), None))


class TestFormatExceptionOnly:
    """It is looked up at each use, and called with two positional arguments."""

    @pytest.mark.parametrize(
        "said", [[], ["  indented\n"], ["", " x"], ["no newline"], ["A: b\n", "  c\n", "d\n"], "text"]
    )
    def test_replaced(self, monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
        """Whatever it says is shown."""
        calls = []

        def replaced(*args: Any) -> Any:
            calls.append(args)
            return said

        monkeypatch.setattr(traceback, "format_exception_only", replaced)
        error = ValueError("x")
        for look in LOOKS:
            traceback_text(describe((ValueError, error, None), values=True), look)
        assert set(calls) == {(ValueError, error)}

    def test_it_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The type is shown, and that it failed."""
        monkeypatch.setattr(traceback, "format_exception_only", lambda *_: 1 / 0)
        assert "ValueError: <unprintable exception" in text_of((ValueError, ValueError("x"), None))


class TestFrames:
    def test_mplog_itself_is_not_shown(self) -> None:
        """Neither below nor above the catching point."""
        try:
            RecordException.__reduce__(5)  # type: ignore[arg-type]  # which is the point
        except AttributeError as error:
            text = text_of(capture(error))
        assert "in test_mplog_itself_is_not_shown" in text
        assert "record.py" not in text

    def test_a_line_number_that_is_none(self) -> None:
        """Shown as 0, without source."""
        code = SimpleNamespace(co_filename=__file__, co_name="f")
        frame = SimpleNamespace(f_code=code, f_back=None, f_globals={}, f_locals={}, f_lineno=None)
        trace = SimpleNamespace(tb_frame=frame, tb_lineno=None, tb_next=None)
        text = text_of((ValueError, ValueError("x"), trace), backtrace=False)
        assert text == f'Traceback (most recent call last):\n  File "{__file__}", line 0, in f\nValueError: x\n'

    def test_source_of_a_loader(self) -> None:
        """Found where only the module's loader has it."""

        class Loader:
            def get_source(self, _name: str) -> str:
                return "1 / 0  # from the loader\n"

        globals_ = {"__name__": "loaded", "__loader__": Loader()}
        try:
            exec(compile("1 / 0", "<loaded>/x.py", "exec"), globals_)
        except ZeroDivisionError as error:
            text = text_of(capture(error))
        assert "    1 / 0  # from the loader\n" in text

    def test_a_loader_that_fails(self) -> None:
        """No source."""

        class Loader:
            def get_source(self, _name: str) -> str:
                raise RuntimeError("no")

        try:
            exec(compile("1 / 0", "<loaded>/y.py", "exec"), {"__name__": "loaded", "__loader__": Loader()})
        except ZeroDivisionError as error:
            text = text_of(capture(error))
        assert text.endswith('File "<loaded>/y.py", line 1, in <module>\nZeroDivisionError: division by zero\n')


class TestValues:
    def test_what_ends_the_program_passes(self) -> None:
        """A signal that comes while a `__repr__` runs is not lost."""

        class Leaves:
            def __repr__(self) -> str:
                raise KeyboardInterrupt

        leaves = Leaves()
        try:
            raise ValueError(leaves is None)
        except ValueError as error:
            with pytest.raises(KeyboardInterrupt):
                describe(capture(error), values=True)

    def test_only_where_they_are_wanted(self) -> None:
        """No `__repr__` runs without `values`."""
        called = []

        class Counts:
            def __repr__(self) -> str:
                called.append(1)
                return "counts"

        counts = Counts()
        try:
            raise ValueError(counts is None)
        except ValueError as error:
            describe(capture(error))
            assert not called
            describe(capture(error), values=True)
            assert called

    def test_strange_variables(self) -> None:
        """Mappings that raise, and reprs that are no plain strings."""

        class Text(str):
            def __len__(self) -> int:
                raise ValueError("no length")

        class Odd:
            def __repr__(self) -> str:
                return Text("odd")

        class Variables(dict):  # type: ignore[type-arg]  # which is the point
            def __getitem__(self, key: str) -> Any:
                raise RuntimeError(key)

        with pytest.raises(RuntimeError) as got:
            exec(compile("\n\nodd / 1", __file__, "exec"), {"odd": Odd()}, Variables(odd=1))
        assert "RuntimeError: odd\n" in text_of(capture(got.value), diagnose=True)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("cause"),
    lambda inner: st.lists(inner, max_size=9),
    max_leaves=30,
)


def real() -> str:
    """The data of a chain of two, with values."""
    table: dict[str, int] = {}
    try:
        try:
            table["x"] / len(table)
        except KeyError as error:
            raise ValueError(table) from error
    except ValueError as error:
        trace = describe((ValueError, error, error.__traceback__), values=True)
    assert trace is not None
    return json.dumps(trace._replace(errors=tuple(part._replace(callers=()) for part in trace.errors)).to_data())


REAL = real()


class TestArrivingData:
    """Bytes from another process are not trusted."""

    @given(_anything)
    def test_anything(self, data: Any) -> None:
        """A trace, or a ValueError."""
        try:
            trace = Trace.from_data(data)
        except ValueError:
            return
        for look in LOOKS:
            traceback_text(trace, look)

    @given(st.data())
    def test_a_real_one_with_one_thing_changed(self, data: st.DataObject) -> None:
        """The same."""
        rows: Any = json.loads(REAL)
        place = rows
        while True:
            index = data.draw(st.integers(0, len(place) - 1))
            if isinstance(place[index], list) and place[index] and data.draw(st.booleans()):
                place = place[index]
                continue
            place[index] = data.draw(_anything)
            break
        try:
            changed = Trace.from_data(rows)
        except ValueError:
            return
        for look in LOOKS:
            assert len(traceback_text(changed, look)) < 10**6

    @pytest.mark.parametrize("column", [-1, 10**9, "1", None, 1.0, True])
    def test_a_column_that_is_none(self, column: Any) -> None:
        """It would become as many spaces."""
        rows = [
            [
                -1,
                0,
                "",
                ["x\n"],
                [["f.py", 1, "f", "source", 1, [column, "value"]]],
                [],
                [True, False, True, False, False],
                0,
            ]
        ]
        with pytest.raises(ValueError, match=r"column|belongs"):
            Trace.from_data(rows)

    def test_in_a_record(self) -> None:
        """A patcher's exception that is no triple does not keep the record from travelling."""
        from mplog._render.times import RecordTime, local_time

        record: dict[str, Any] = {
            **dict.fromkeys(("name", "function", "module"), "x"),
            "line": 1,
            "message": "m",
            "extra": {},
            "exception": "boom",
            "elapsed": local_time(1.0) - local_time(0.0),
            "time": local_time(1.0),
            "level": SimpleNamespace(name="INFO", no=20, icon="i"),
            "file": SimpleNamespace(name="f", path="p"),
            "process": SimpleNamespace(id=1, name="p"),
            "thread": SimpleNamespace(id=1, name="t"),
        }
        arrived, details = unpack(pack(record, Details("", describe("boom"))), RecordTime.fromtimestamp)
        assert arrived["exception"] == "boom"
        assert traceback_text(details.trace, Look()) == "'boom'\n"
