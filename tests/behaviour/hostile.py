"""Values that do what no value should, for tests of what a log call makes of them. Also copied beside test programs."""

from __future__ import annotations

import datetime as dt
import random
import threading
import weakref
from collections.abc import Callable
from decimal import Decimal
from typing import Any


class Raising:
    """Whatever is asked of it raises, but for a bare attribute."""

    def _no(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    __str__ = __repr__ = __format__ = __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __index__ = __call__ = _no
    __reduce__ = __reduce_ex__ = __getstate__ = __contains__ = __getitem__ = __lt__ = __add__ = __mod__ = _no


class RaisingAll:
    """Not even its class can be asked for."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __format__(self, spec: str) -> str:
        raise RuntimeError("no format")


class Garbage:
    """Everything has a result of a wrong type."""

    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # the point

    def __repr__(self) -> str:
        return b"bytes"  # type: ignore[return-value]  # the point

    def __format__(self, spec: str) -> str:
        return None  # type: ignore[return-value]  # the point

    def __eq__(self, other: object) -> bool:
        return "perhaps"  # type: ignore[return-value]  # the point

    def __hash__(self) -> int:
        return "hash"  # type: ignore[return-value]  # the point

    def __bool__(self) -> bool:
        return 2  # type: ignore[return-value]  # the point

    def __len__(self) -> int:
        return -1

    def __reduce__(self) -> Any:
        return 7

    @property
    def __class__(self) -> Any:
        return dict

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


class Recursing:
    """Shows itself by showing itself."""

    def __str__(self) -> str:
        return f"<{self!s}>"

    def __repr__(self) -> str:
        return f"<{self!r}>"

    def __format__(self, spec: str) -> str:
        return f"<{self:{spec}}>"


class Text(str):
    """A string that does not behave like one."""

    def _no(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    __str__ = __repr__ = __format__ = __len__ = __iter__ = __getitem__ = __contains__ = __add__ = __mod__ = _no
    encode = format = format_map = isprintable = replace = translate = split = splitlines = join = lower = strip = _no


class LyingText(str):
    """A string whose methods give something else than it is."""

    def __str__(self) -> str:
        return LyingText("\x1b[31m{lie}\n")

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return LyingText("\x1b[31m{lie}\n")

    def isprintable(self) -> bool:
        return True

    def __len__(self) -> int:
        return 10**9


class Number(int):
    """An integer that cannot be shown."""

    def _no(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    __str__ = __repr__ = __format__ = __index__ = __float__ = __int__ = __reduce__ = _no


class Mapping(dict):  # type: ignore[type-arg]  # of anything
    """A dictionary that cannot be looked into."""

    def _no(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    __repr__ = __iter__ = __len__ = __getitem__ = __contains__ = keys = values = items = get = copy = _no


class Time(dt.datetime):
    """A time that cannot be shown."""

    def _no(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no")

    __str__ = __repr__ = __format__ = isoformat = utcoffset = timestamp = _no


class Anything:
    """Has every attribute and item, and each is itself."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Any:
        return self

    def __call__(self, *_: Any, **__: Any) -> Any:
        return self


class Meta(type):
    """A class whose class raises."""

    def __repr__(cls) -> str:
        raise RuntimeError("no repr")

    @property
    def __name__(cls) -> str:  # type: ignore[override]  # the point
        raise RuntimeError("no name")


class OfMeta(metaclass=Meta):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Failure(Exception):
    """An exception that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


def dead() -> Any:
    """A reference to something that is no more."""
    return weakref.proxy(Anything())


def endless() -> Any:
    """A list and a dictionary that contain one another."""
    found: list[Any] = []
    found.append({"found": found, "again": [found]})
    return found


def deep() -> Any:
    """Nested too deeply for recursive code."""
    found: Any = ()
    for _ in range(50_000):
        found = [found]
    return found


def broad() -> Any:
    """A list of lists of the same lists: more values than can be sent, yet not too many to be shown."""
    found: Any = ["x"] * 10
    for _ in range(4):
        found = [found] * 10
    return found


VALUES: dict[str, Callable[[], Any]] = {
    "raising": Raising,
    "raising all": RaisingAll,
    "garbage": Garbage,
    "recursing": Recursing,
    "text": lambda: Text("text"),
    "lying text": lambda: LyingText("lying"),
    "number": lambda: Number(5),
    "mapping": lambda: Mapping(a=1),
    "time": lambda: Time(2026, 1, 1),
    "anything": Anything,
    "class": lambda: OfMeta,
    "instance of it": OfMeta,
    "exception": lambda: Failure(Raising()),
    "dead reference": dead,
    "endless": endless,
    "deep": deep,
    "broad": broad,
    "lock": threading.Lock,
    "function": lambda: deep,
    "generator": lambda: (one for one in "ab"),
    "module": lambda: random,
    "not a number": lambda: float("nan"),
    "signalling not a number": lambda: Decimal("sNaN"),
    "huge integer": lambda: 10**5000,
    "bytes": lambda: b"\xff\x00{}",
    "lone surrogates": lambda: "\udfff \ud800",
    "controls": lambda: "\x1b[31m\r\x00\x07\x85\u2028\u202e\x9b",
    "newlines": lambda: "one\ntwo\r\nthree\n",
    "markup": lambda: "<red>a</red> </> <level> \\<b> <not a tag>",
    "braces": lambda: "{} {0} {a!r} {a.b[c]:>{width}} {{ }} { } {",
    "percents": lambda: "%s %(a)d %%",
    "nothing": lambda: None,
    "keys": lambda: {Text("a"): 1, (1, 2): {frozenset([1]): b"x"}, None: float("nan"), 1.5: {"\x01": "\x01"}},
    "times": lambda: [dt.datetime.max, dt.date.min, dt.timedelta.max, dt.time(1), dt.timezone.utc, Decimal("1e9999")],
}
"""What may be given to a log call, made anew each time."""

ALPHABET = "ab {}<>/\\%\"'\n\r\t\x00\x1b\x7f\x85\u2028\u202e\ud800\udfff\U0001f600é:!.[]@#"


def generated(source: random.Random, depth: int = 3) -> Any:
    """A value made of plain and hostile ones; the same for the same state of *source*."""
    kind = source.randrange(12 if depth else 8)
    if kind < 3:
        return VALUES[source.choice(sorted(VALUES))]()
    if kind < 5:
        return "".join(source.choices(ALPHABET, k=source.randrange(30)))
    if kind == 5:
        return source.choice([0, -1, 2**63, -(2**64), 1e308, -0.0, True, float("inf"), 3 + 4j])
    if kind < 8:
        return source.randbytes(source.randrange(20))
    items = [generated(source, depth - 1) for _ in range(source.randrange(4))]
    if kind == 8:
        return items
    if kind == 9:
        return tuple(items)
    return {source.choice([*"abc", "", "\x01", "\ud800", 5, None, (1,)]): item for item in items}
