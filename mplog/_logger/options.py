"""What `add()` is told, checked before anything is opened or changed."""

from __future__ import annotations

import dataclasses
import io
import os
from dataclasses import dataclass, field
from typing import Any

from mplog._logger.environment import DEFAULTS
from mplog._logger.levels import Level, resolve
from mplog._logger.switches import switch, switch_or_none
from mplog._render.colorize import is_terminal, should_colorize
from mplog._render.filter import check_filter
from mplog._render.look import Look
from mplog._render.nearest import nearest
from mplog._render.renderer import Renderer
from mplog._render.times import local_time
from mplog._ring.clock import wall_time
from mplog._ring.wire import exact
from mplog._sinks.file.compression import parse_compression
from mplog._sinks.file.length import check_length
from mplog._sinks.file.naming import PathTemplate, literal
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.retention import parse_retention
from mplog._sinks.file.rotation import parse_rotation
from mplog._sinks.file.text import TextForm, text_form
from mplog._sinks.kinds import COROUTINE, FILE, STANDARD, STREAM, encoding_of, kind_of, shown_name
from mplog._sinks.stream import is_pythons, standard_name
from mplog._writer.route import RouteSpec

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
    "coordination_dir",
)

OF_OPEN = ("buffering", "newline", "closefd")
"""Those of them that only the built-in `open` can judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The arguments of one `add()` but for the sink, as they were given; see Logger.add."""

    level: Any = DEFAULTS.level
    format: Any = DEFAULTS.format
    filter: Any = DEFAULTS.filter
    colorize: Any = DEFAULTS.colorize
    serialize: Any = DEFAULTS.serialize
    backtrace: Any = DEFAULTS.backtrace
    diagnose: Any = DEFAULTS.diagnose
    sanitize: Any = True
    enqueue: Any = DEFAULTS.enqueue
    context: Any = DEFAULTS.context
    catch: Any = DEFAULTS.catch
    keywords: dict[str, Any] = field(default_factory=dict)
    """Those that only some kinds of sinks take."""


OPTIONS = tuple(option.name for option in dataclasses.fields(Given) if option.name != "keywords")
"""The options of every kind of sink."""


def with_plain_values(given: Given) -> Given:
    """*given* with plain texts and numbers where there are some of classes of the program's, such as an `IntEnum`.

    They travel to processes that do not have these classes, or not yet.
    """
    plain = {name: _plain(getattr(given, name)) for name in OPTIONS}
    return Given(**plain, keywords={name: _plain(value) for name, value in given.keywords.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {exact(key): exact(item) for key, item in value.items()}
    return exact(value)


def switched(given: Given) -> Given:
    """*given* with booleans for all that is on or off with every kind of sink.

    Raises:
        TypeError: something else is in the place of one.
    """
    return dataclasses.replace(
        given,
        colorize=switch_or_none("colorize", given.colorize),
        serialize=switch("serialize", given.serialize),
        backtrace=switch("backtrace", given.backtrace),
        diagnose=switch_or_none("diagnose", given.diagnose),
        sanitize=switch_or_none("sanitize", given.sanitize),
        enqueue=switch("enqueue", given.enqueue),
        catch=switch("catch", given.catch),
    )


def check(sink: Any, given: Given, identifier: int, levels: dict[str, Level]) -> tuple[RouteSpec, Renderer]:
    """What `add()` is to do. Opens and changes nothing.

    Raises:
        TypeError, ValueError, KeyError, ImportError: an argument that cannot be used; the text says what can be.
    """
    number = resolve(levels, given.level).no
    kind = kind_of(sink)
    check_context(given.context)
    look = look_for(given, sink, kind)
    filter_ = check_filter(given.filter, {name: known.no for name, known in levels.items()})
    renderer = renderer_for(given.format, filter_, look)
    if kind == FILE:
        file = file_options(sink, given.keywords)
    else:
        file = None
        _refuse_unknown(given.keywords, ("loop",) if kind == COROUTINE else ())
        if kind == COROUTINE:
            loop_for(given)
    spec = RouteSpec(
        id=identifier,
        kind=kind,
        level=number,
        as_data=_wants_data(sink, kind, file),
        format=given.format,
        filter=filter_,
        look=look,
        encoding=file.text.encoding if file is not None else "utf8",
        file=file,
        stream=standard_name(sink) if kind == STREAM else None,
        name=shown_name(sink, kind),
    )
    return spec, renderer


def _wants_data(sink: Any, kind: str, file: FileOptions | None) -> bool:
    if file is not None:
        return file.rotation is not None and bool(file.rotation.functions)
    return not (kind == STREAM and stream_takes_text(sink))


def look_for(given: Given, sink: Any, kind: str) -> Look:
    """The switches that have to do with text, for *sink*. What is not given depends on whether it is a terminal."""
    serialize = given.serialize
    colorize = given.colorize
    if colorize is None:
        colorize = kind == STREAM and not serialize and should_colorize(sink)
    diagnose = given.diagnose
    if diagnose is None:
        diagnose = kind == STREAM and is_terminal(sink)
    return Look(
        sanitize=given.sanitize is not False,
        colorize=colorize,
        serialize=serialize,
        backtrace=given.backtrace,
        diagnose=diagnose,
        encoding=str(given.keywords.get("encoding", "utf8")) if kind == FILE else encoding_of(sink, kind),
        standard=kind == STANDARD,
    )


def renderer_for(format_: Any, filter_: Any, look: Look) -> Renderer:
    """Check the format; *filter_* has been checked.

    Raises:
        TypeError: neither text nor function.
        ValueError: a format that cannot be read.
    """
    if not isinstance(format_, str) and not callable(format_):
        raise TypeError(
            f"Invalid format, it should be a string or a function of the record, not: '{type(format_).__name__}'"
        )
    if format_ is format:
        raise ValueError(
            "The built-in 'format' was given as format, which is most likely a mistake: a variable of that name is "
            "missing. Pass a string or your own function."
        )
    return Renderer(format_, filter_, look)


def check_context(context: Any) -> None:
    """Check `add(context=...)`, which changes nothing: no queue of `multiprocessing` is ever made.

    Raises:
        TypeError: neither None, nor a name, nor a context.
        ValueError: a name that `multiprocessing` does not know.
    """
    if context is None:
        return
    from multiprocessing import get_context  # here, where it is asked for

    if isinstance(context, str):
        get_context(context)
    elif not callable(getattr(context, "get_start_method", None)) or not callable(getattr(context, "Process", None)):
        raise TypeError(
            f"Invalid context, it should be None, the name of a start method or a multiprocessing context, not: "
            f"'{type(context).__name__}'"
        )


def loop_for(given: Given) -> Any:
    """The event loop of a coroutine sink: as given, the running one where only that will do, else None.

    Raises:
        TypeError: something that is no event loop.
        ValueError: the writer is to schedule the tasks, and there is no loop.
    """
    loop = given.keywords.get("loop")
    if loop is None:
        if not given.enqueue:
            return None
        from mplog._sinks.coroutine import running_loop  # here, for asyncio is slow to import

        loop = running_loop()
        if loop is None:
            raise ValueError(
                "An event loop is required to add a coroutine sink with `enqueue=True`, but none was passed and none "
                "is running. Pass loop=..., or call add() inside of a running loop."
            )
    elif not all(callable(getattr(loop, name, None)) for name in ("create_task", "call_soon_threadsafe")):
        raise TypeError(f"Invalid loop, it should be an asyncio event loop, not: '{type(loop).__name__}'")
    return loop


def file_options(sink: Any, given: dict[str, Any]) -> FileOptions:
    """Check the keywords of a file sink.

    Raises:
        TypeError: a keyword that neither `add()` nor the built-in `open` knows, or a value of a wrong type.
        ValueError: a value that cannot be read, a path that is too long.
        LookupError: an encoding or error handler that Python does not know.
        KeyError: the path has a field other than `time`.
        ImportError: the interpreter lacks the module of a compression.
    """
    text = text_form(given.get("encoding", "utf8"), given.get("errors"), given.get("newline"))
    mode = _file_mode(given.get("mode", "a"))
    switch("closefd", given.get("closefd", True))
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
        template = PathTemplate(os.path.join(literal(os.getcwd()), template.pattern))
    template.resolve(local_time(wall_time()))  # A bad field is known now, also with `delay`.
    options = FileOptions(
        template=template,
        mode=mode,
        text=text,
        rotation=parse_rotation(given.get("rotation")),
        retention=parse_retention(given.get("retention")),
        compression=parse_compression(given.get("compression")),
        permissions=permissions,
        delay=switch("delay", given.get("delay", False)),
        watch=switch("watch", given.get("watch", False)),
        buffering=given.get("buffering", 1),
        opener=opener,
        coordination_dir=_directory(given.get("coordination_dir")),
    )
    check_length(options)
    return options


def _directory(path: Any) -> str | None:
    """What `coordination_dir` was given. It is made by whoever knows which users share it, so it must be there."""
    if path is None:
        return None
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"Invalid coordination_dir, it should be a path, not: '{type(path).__name__}'")
    found = os.path.abspath(os.fsdecode(path))
    if not os.path.isdir(found):
        raise ValueError(
            f"Invalid coordination_dir {found!r}: it must be a directory of those who write the log. Make it for their "
            f"group: `install -d -m 2770 -g GROUP {found}`."
        )
    return found


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
    passed_on = {name: value for name, value in given.items() if name in OF_OPEN or name not in FILE_KEYWORDS}
    try:
        io.open(os.devnull, "a", encoding=text.encoding, **passed_on).close()  # noqa: UP020 - not a user's double of it
    except TypeError as error:
        unknown = [name for name in given if name not in FILE_KEYWORDS]
        if not unknown:
            raise
        raise TypeError(
            f"add() got an unexpected keyword argument '{unknown[0]}'. It knows {', '.join(FILE_KEYWORDS)} for files."
            f"{nearest(unknown[0], (*FILE_KEYWORDS, *OPTIONS))}"
        ) from error


def _refuse_unknown(given: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            hint = f"It knows {', '.join(known)} here." if known else "Only file sinks take further keywords."
            right = "" if name in FILE_KEYWORDS else nearest(name, (*known, *OPTIONS))
            raise TypeError(f"add() got an unexpected keyword argument '{name}'. {hint}{right}")


def stream_takes_text(sink: Any) -> bool:
    """Whether *sink* is a real text stream, to which a record is nothing but its text."""
    return (isinstance(sink, io.TextIOBase) and is_pythons(sink)) or standard_name(sink) is not None
