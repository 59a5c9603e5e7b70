"""What `add()` is told, checked before anything is opened or changed."""

from __future__ import annotations

import io
import logging
import os
import time
from dataclasses import dataclass, field
from typing import Any

from mplog._logger.levels import Level
from mplog._render.look import Look
from mplog._render.renderer import Renderer
from mplog._render.template import DEFAULT
from mplog._render.times import local_time
from mplog._sinks.file.compression import parse_compression
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.retention import parse_retention
from mplog._sinks.file.rotation import parse_rotation
from mplog._sinks.file.text import TextForm, text_form
from mplog._sinks.stream import standard_name
from mplog._writer.route import CALL, FILE, STREAM, RouteSpec

FILE_KEYWORDS = (
    "rotation",
    "retention",
    "compression",
    "delay",
    "watch",
    "mode",
    "buffering",
    "encoding",
    "errors",
    "newline",
    "closefd",
    "permissions",
    "opener",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The arguments of one `add()` but for the sink, as they were given; see Logger.add. None: the default."""

    level: Any = "DEBUG"
    format: Any = None
    filter: Any = None
    colorize: Any = None
    serialize: Any = False
    backtrace: Any = True
    diagnose: Any = None
    sanitize: Any = True
    enqueue: Any = False
    context: Any = None
    catch: Any = True
    keywords: dict[str, Any] = field(default_factory=dict)
    """Those that only some kinds of sinks take."""


def check(sink: Any, given: Given, identifier: int, levels: dict[str, Level]) -> tuple[RouteSpec, Renderer]:
    """What `add()` is to do. Opens and changes nothing.

    Raises:
        TypeError, ValueError, KeyError, ImportError: an argument that cannot be used; the text says what can be.
    """
    number = level_number(levels, given.level)
    kind = kind_of(sink)
    format_ = default_format() if given.format is None else given.format
    look = look_for(given)
    renderer = renderer_for(format_, given.filter, look)
    if kind == FILE:
        file = file_options(sink, given.keywords)
    else:
        file = None
        refuse_file_keywords(given.keywords)
    spec = RouteSpec(
        id=identifier,
        kind=kind,
        level=number,
        as_data=_wants_data(sink, kind, file),
        format=format_,
        filter=given.filter,
        look=look,
        encoding=file.text.encoding if file is not None else "utf8",
        file=file,
        stream=standard_name(sink) if kind == STREAM else None,
    )
    return spec, renderer


def _wants_data(sink: Any, kind: str, file: FileOptions | None) -> bool:
    if file is not None:
        return file.rotation is not None and bool(file.rotation.functions)
    return not (kind == STREAM and stream_takes_text(sink))


def look_for(given: Given) -> Look:
    """The switches that have to do with text.

    Raises:
        TypeError: a switch that is no boolean.
    """
    if not isinstance(given.sanitize, bool):
        raise TypeError(f"Invalid sanitize, it should be True or False, not: {given.sanitize!r}")
    return Look(sanitize=given.sanitize)


def level_number(levels: dict[str, Level], level: Any) -> int:
    """The threshold that `add(level=...)` means.

    Raises:
        ValueError: unknown name or negative number.
        TypeError: neither name nor number.
    """
    if isinstance(level, str):
        if level not in levels:
            raise ValueError(f"Level '{level}' does not exist. Known are {', '.join(levels)}.")
        return levels[level].no
    if isinstance(level, bool) or not isinstance(level, int):
        raise TypeError(f"Invalid level, it should be a name or a number, not: '{type(level).__name__}'")
    if level < 0:
        raise ValueError(f"Invalid level value, it should not be negative: {level}")
    return level


def default_format() -> str:
    """The format of handlers that name none."""
    return os.environ.get("MPLOG_FORMAT", DEFAULT)


def renderer_for(format_: Any, filter_: Any, look: Look) -> Renderer:
    """Check format and filter.

    Raises:
        TypeError: neither text nor function, or a filter of another kind.
        ValueError: a format that cannot be read.
    """
    if not isinstance(format_, str) and not callable(format_):
        raise TypeError(
            f"Invalid format, it should be a string or a function of the record, not: '{type(format_).__name__}'"
        )
    if filter_ is not None and not isinstance(filter_, str) and not callable(filter_):
        raise TypeError(
            f"Invalid filter, it should be None, a module name or a function of the record, not: "
            f"'{type(filter_).__name__}'"
        )
    if filter_ is filter or format_ is format:
        name = "filter" if filter_ is filter else "format"
        raise ValueError(
            f"The built-in '{name}' was given as {name}, which is most likely a mistake: a variable of that name is "
            "missing. Pass a string or your own function."
        )
    return Renderer(format_, filter_, look)


def kind_of(sink: Any) -> str:
    """Which kind of sink *sink* is.

    Raises:
        TypeError: none; the text says what is.
    """
    if isinstance(sink, (str, os.PathLike)):
        return FILE
    if callable(getattr(sink, "write", None)):
        return STREAM
    if isinstance(sink, logging.Handler):
        raise TypeError(
            "Cannot log to standard logging handlers yet: pass the path or the stream that "
            f"{type(sink).__name__} writes to."
        )
    if callable(sink):
        return CALL
    raise TypeError(
        f"Cannot log to objects of type '{type(sink).__name__}'. Pass a path, a stream with a write() method, "
        "or a function that takes the message."
    )


def file_options(sink: Any, given: dict[str, Any]) -> FileOptions:
    """Check the keywords of a file sink.

    Raises:
        TypeError: a keyword that neither `add()` nor the built-in `open` knows, or a value of a wrong type.
        ValueError: a value that cannot be read.
        LookupError: an encoding or error handler that Python does not know.
        KeyError: the path has a field other than `time`.
        ImportError: the interpreter lacks the module of a compression.
    """
    text = text_form(given.get("encoding", "utf8"), given.get("errors"), given.get("newline"))
    mode = _file_mode(given.get("mode", "a"))
    _check_with_open(given, mode, text)
    permissions = given.get("permissions")
    if permissions is not None and (
        isinstance(permissions, bool) or not isinstance(permissions, int) or not 0 <= permissions <= 0o7777
    ):
        raise ValueError(f"Invalid permissions {permissions!r}: give an integer such as 0o640.")
    opener = given.get("opener")
    if opener is not None and not callable(opener):
        raise TypeError(f"Invalid opener {opener!r}: it must be a function of path and flags, as os.open is.")
    template = PathTemplate(sink)
    if not os.path.isabs(template.pattern):
        # Now, once for all: other processes have other directories, and this one may change its own.
        here = os.getcwd().replace("{", "{{").replace("}", "}}")
        template = PathTemplate(os.path.join(here, template.pattern))
    template.resolve(local_time(time.time()))  # A bad field is known now, also with `delay`.
    return FileOptions(
        template=template,
        mode=mode,
        text=text,
        rotation=parse_rotation(given.get("rotation")),
        retention=parse_retention(given.get("retention")),
        compression=parse_compression(given.get("compression")),
        permissions=permissions,
        delay=bool(given.get("delay", False)),
        watch=bool(given.get("watch", False)),
        buffering=given.get("buffering", 1),
        opener=opener,
    )


def _file_mode(mode: object) -> str:
    if not isinstance(mode, str):
        raise TypeError(f"Invalid mode, it should be text such as 'a', not: '{type(mode).__name__}'")
    rest = mode.replace("+", "", 1).replace("t", "", 1)
    if rest not in ("a", "w", "x"):
        raise ValueError(
            f"Invalid mode {mode!r}: a log file is opened with 'a' (append), 'w' (empty it first) or 'x' (insist on a "
            "new one), and a '+' where rotation functions read it."
        )
    return mode


def _check_with_open(given: dict[str, Any], mode: str, text: TextForm) -> None:
    """Let the built-in `open` judge what is passed on to it, on a file that does no harm."""
    own = (
        "rotation",
        "retention",
        "compression",
        "delay",
        "watch",
        "permissions",
        "opener",
        "mode",
        "encoding",
        "errors",
    )
    others = {name: value for name, value in given.items() if name not in own}
    try:
        io.open(os.devnull, "a", encoding=text.encoding, **others).close()  # noqa: UP020 - not a user's double of it
    except TypeError as error:
        unknown = [name for name in given if name not in FILE_KEYWORDS]
        if not unknown:
            raise
        raise TypeError(
            f"add() got an unexpected keyword argument '{unknown[0]}'. It knows {', '.join(FILE_KEYWORDS)} for files, "
            f"and the built-in open() refuses others: {error}"
        ) from None


def refuse_file_keywords(given: dict[str, Any]) -> None:
    """Check the keywords of a sink that is no file: there are none.

    Raises:
        TypeError: there is one.
    """
    _refuse_unknown(given, ())


def _refuse_unknown(given: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            hint = f"It knows {', '.join(known)} for files." if known else "Only file sinks take further keywords."
            raise TypeError(f"add() got an unexpected keyword argument '{name}'. {hint}")


def shown_name(sink: Any, kind: str) -> str:
    """How `repr(logger)` names the sink."""
    if kind == FILE:
        return f"'{os.fspath(sink)}'"
    attribute = "name" if kind == STREAM else "__name__"
    return str(getattr(sink, attribute, None) or repr(sink))


def stream_encoding(sink: Any) -> str:
    """The encoding that a stream says it has."""
    encoding = getattr(sink, "encoding", None)
    return encoding if isinstance(encoding, str) else "ascii"


def stream_takes_text(sink: Any) -> bool:
    """Whether *sink* is a real text stream, to which a record is nothing but its text."""
    return isinstance(sink, io.TextIOBase) or standard_name(sink) is not None
