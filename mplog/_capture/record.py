"""The parts of a record, as users see them: a plain dict with these values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, NamedTuple


class _Part:
    """A small mutable value with named attributes, formatted by the first meaningful one."""

    __slots__ = ()
    _shown: str = ""

    def __format__(self, spec: str) -> str:
        return format(getattr(self, self._shown), spec)

    def __repr__(self) -> str:
        return "({})".format(", ".join(f"{name}={getattr(self, name)!r}" for name in self._names()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self._names())

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return tuple(cls.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and repr(self) == repr(other)

    __hash__ = None  # type: ignore[assignment]  # mutable, so not hashable


class RecordFile(_Part):
    """File of the call: `name` (base name) and `path`."""

    __slots__ = ("name", "path")
    _shown = "name"

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path


class RecordLevel(_Part):
    """Level of the call: `name`, `no` and `icon`."""

    __slots__ = ("icon", "name", "no")
    _shown = "name"

    def __init__(self, name: str, no: int, icon: str) -> None:
        self.name = name
        self.no = no
        self.icon = icon

    def __repr__(self) -> str:
        return f"(name={self.name!r}, no={self.no!r}, icon={self.icon!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordLevel, (self.name, self.no, self.icon)


class RecordProcess(_Part):
    """Process of the call: `id` and `name`."""

    __slots__ = ("id", "name")
    _shown = "id"

    def __init__(self, id_: int, name: str) -> None:
        self.id = id_
        self.name = name


class RecordThread(_Part):
    """Thread of the call: `id` and `name`."""

    __slots__ = ("id", "name")
    _shown = "id"

    def __init__(self, id_: int, name: str) -> None:
        self.id = id_
        self.name = name


class _ExceptionTriple(NamedTuple):
    type: type[BaseException] | None
    value: BaseException | None
    traceback: TracebackType | None


class RecordException(_ExceptionTriple):
    """The exception of the call. In a sink that runs in another process it has no traceback; the text is complete."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"(type={self.type!r}, value={self.value!r}, traceback={self.traceback!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        import pickle

        value = self.value
        try:
            pickle.loads(pickle.dumps(value))
        except Exception:  # noqa: BLE001 - whatever a user's exception does then, it travels without its value
            value = None
        return RecordException, (self.type, value, None)


class WithoutCallers(RecordException):
    """One whose traceback begins where it was caught in every sink, also in those that show callers: above are a
    framework and a server, which are the same for all."""

    __slots__ = ()


def blank() -> dict[str, Any]:
    """A record that says nothing, for what is to be filled in, or compared with one that a patcher has taken apart."""
    return {
        "elapsed": timedelta(),
        "exception": None,
        "extra": {},
        "file": RecordFile("", ""),
        "function": "",
        "level": RecordLevel("", 0, ""),
        "line": 0,
        "message": "",
        "module": "",
        "name": None,
        "process": RecordProcess(0, ""),
        "thread": RecordThread(0, ""),
        "time": datetime.fromtimestamp(0, timezone.utc),
    }


def whole(record: dict[str, Any]) -> dict[str, Any]:
    """A copy of *record* with blank fields for those that are missing, or of other kinds than a call makes."""
    made = {**blank(), **record}
    for key, empty in blank().items():
        kinds = (str, type(None)) if key == "name" else (tuple, type(None)) if key == "exception" else type(empty)
        if not issubclass(type(made[key]), kinds):
            made[key] = empty
    return made


class Message(str):
    """What function and stream sinks get: the finished text, with the record as an attribute."""

    __slots__ = ("record",)
    record: dict[str, Any]

    def __reduce__(self) -> tuple[Any, ...]:
        return _message, (str(self), getattr(self, "record", None))


def _message(text: str, record: dict[str, Any] | None) -> Message:
    message = Message(text)
    if record is not None:
        message.record = record
    return message
