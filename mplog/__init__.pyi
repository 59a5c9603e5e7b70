# What type checkers and editors read instead of the code, docstrings included. At run time there are the names of
# `__all__` alone here, and the others in `mplog.typing`. docs/reference/typing.md tells users about it; tests/typing/
# compares this file with the code: names, parameters, defaults, docstrings.

import sys
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Collection, Generator, Sequence
from datetime import timedelta
from multiprocessing.context import BaseContext
from os import PathLike
from re import Pattern
from types import TracebackType
from typing import (
    Any,
    BinaryIO,
    Final,
    Literal,
    NamedTuple,
    TextIO,
    TypeAlias,
    TypeVar,
    final,
    overload,
)

from mplog.typing import (
    _AsyncSink,
    _BasicSink,
    _PathSink,
    _Rotation,
    ActivationConfig as ActivationConfig,
    AsyncHandlerConfig as AsyncHandlerConfig,
    BasicHandlerConfig as BasicHandlerConfig,
    CompressionFunction as CompressionFunction,
    ExcInfo as ExcInfo,
    FileHandlerConfig as FileHandlerConfig,
    FilterDict as FilterDict,
    FilterFunction as FilterFunction,
    FormatFunction as FormatFunction,
    HandlerConfig as HandlerConfig,
    LevelConfig as LevelConfig,
    PatcherFunction as PatcherFunction,
    Record as Record,
    RetentionFunction as RetentionFunction,
    RotationFunction as RotationFunction,
    StandardOpener as StandardOpener,
    Writable as Writable,
)

if sys.version_info >= (3, 14):
    from string.templatelib import Template

    _Text: TypeAlias = str | Template
else:
    _Text: TypeAlias = str

__all__ = ["QueueOptions", "attach", "logger"]

__version__: Final[str]

_F = TypeVar("_F", bound=Callable[..., Any])

# The record and its parts

class Level(NamedTuple):
    """A level. Identified by its name alone; several may share a number."""

    name: str
    no: int
    color: str
    icon: str

class _RecordPart:
    def __format__(self, spec: str, /) -> str: ...

class RecordFile(_RecordPart):
    """File of the call: `name` (base name) and `path`."""

    name: str
    path: str

class RecordLevel(_RecordPart):
    """Level of the call: `name`, `no` and `icon`."""

    name: str
    no: int
    icon: str

class RecordThread(_RecordPart):
    """Thread of the call: `id` and `name`."""

    id: int
    name: str

class RecordProcess(_RecordPart):
    """Process of the call: `id` and `name`."""

    id: int
    name: str

class RecordException(NamedTuple):
    """The exception of the call. In a sink that runs in another process it has no traceback; the text is complete."""

    type: type[BaseException] | None
    value: BaseException | None
    traceback: TracebackType | None

class Message(str):
    """What function and stream sinks get: the finished text, with the record as an attribute."""

    record: Record

# What the logger's methods give

class _ContextDecorator:
    def __call__(self, function: _F, /) -> _F: ...
    def __enter__(self) -> None: ...
    # Not bool: then a checker would demand a return after each block, as any error might have been swallowed.
    def __exit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> bool | None: ...

@final
class Catcher(_ContextDecorator):
    """A decorator, and a context manager for `with` and `async with`. May be used any number of times."""
    async def __aenter__(self) -> None: ...
    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> bool | None: ...

@final
class Contextualizer(_ContextDecorator):
    """What `contextualize()` gives: a context manager for one `with`, or a decorator for any number of calls."""

# Awaited it is a bool, too; programs that say `Awaitable[None]` of it, as the reference does, are right all the same.
@final
class AwaitableCompleter(Awaitable[Any]):
    """What `complete()` gives: true, and True when awaited, when everything is in its sinks."""

    def __bool__(self) -> bool: ...
    def __await__(self) -> Generator[Any, Any, Any]: ...

@final
class QueueOptions:
    """How the queues between processes behave, for `logger.configure(queue=...)`.

    Args:
        ring_size: bytes of one ring, a power of two from 16384 (16 KiB) to 1073741824 (1 GiB). Each process that logs
            to another one has a ring; a file system that is short of room gets smaller ones.
        overflow: what a call does that finds its ring full. "grow": wait for room up to `block_timeout`, go on in a
            further ring up to `further_rings`, then drop. "block": wait up to `block_timeout`, then drop. "drop": drop
            at once. Drops are counted and said in the log.
        block_timeout: seconds that one stall of the queue may hold up calls; None, with "block" only, waits as long as
            the process that owns the sinks lives.
        further_rings: how many filled rings one process may have beside the one it fills, with "grow".
        reserve: share of each ring, from 0 to 0.9, that only records of level WARNING (30) and above may fill.
        order_window: seconds that a record waits for older ones of other processes, from 0 to 10.
        runtime_directory: where the rings lie; None: what MPLOG_RUNTIME_DIR says, else /dev/shm, else the temporary
            directory.
        shutdown_timeout: seconds that the end of the program waits for sinks that take nothing, all together.

    The defaults are those that the environment sets; see docs/reference/queue.md.

    Raises:
        TypeError: a value of a wrong type.
        ValueError: a value out of range, given or in the environment.
    """

    ring_size: Final[int]
    overflow: Final[Literal["grow", "block", "drop"]]
    block_timeout: Final[float | None]
    further_rings: Final[int]
    reserve: Final[float]
    order_window: Final[float]
    runtime_directory: Final[str | None]
    shutdown_timeout: Final[float]
    def __init__(
        self,
        *,
        ring_size: int = ...,
        overflow: Literal["grow", "block", "drop"] = ...,
        block_timeout: float | None = ...,
        further_rings: int = ...,
        reserve: float = ...,
        order_window: float = ...,
        runtime_directory: str | PathLike[str] | None = ...,
        shutdown_timeout: float = ...,
    ) -> None: ...

# With a time-out the wait may end early: true, and True when awaited, if everything is in its sinks.
@final
class Completion(Awaitable[bool]):
    """True when everything is in its sinks, and awaitable, for what goes on in event loops.

    Not to await it costs nothing and warns about nothing.
    """
    def __bool__(self) -> bool: ...
    def __await__(self) -> Generator[Any, Any, bool]: ...

@final
class ProcessStatistics:
    """What has become of the records of one process.

    A record counts once for each handler that it is for. `emitted` is the sum of the five counts after it.
    """

    pid: Final[int]
    name: Final[str]
    emitted: Final[int]
    written: Final[int]
    dropped: Final[int]
    filtered: Final[int]
    failed: Final[int]
    in_flight: Final[int]
    ring_fill: Final[float]

@final
class Statistics:
    """A snapshot; its counts are the sums over `processes`."""

    processes: Final[tuple[ProcessStatistics, ...]]
    writer_lag: Final[float]
    rotations: Final[int]
    corrupt_rings: Final[int]
    last_error: Final[str | None]
    last_error_at: Final[float | None]
    @property
    def emitted(self) -> int:
        """Records that passed level and filter in the process of the call, once for each handler."""
    @property
    def written(self) -> int:
        """Those that a sink has taken."""
    @property
    def dropped(self) -> int:
        """Those for which there was no room, or no sink any more."""
    @property
    def filtered(self) -> int:
        """Those that the owner turned away: its filter did, or their handler was removed."""
    @property
    def failed(self) -> int:
        """Those at which a sink, a filter or a format raised."""
    @property
    def in_flight(self) -> int:
        """Those that are on their way."""

@final
class Problem:
    """Something that is not all right."""

    kind: Final[Literal["owner", "late", "full", "sink", "dropped", "corrupt", "unread"]]
    text: Final[str]

@final
class Health:
    """The problems, the gravest first. True when there are none."""

    problems: Final[tuple[Problem, ...]]
    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
    def __bool__(self) -> bool: ...

class Logger:
    """A view on the handlers, levels and sessions of this process. Made by mplog; get others with `bind`.

    Every method is safe from any thread, and in any process of the program, however it was started.
    """
    @overload
    def add(
        self,
        sink: _BasicSink,
        *,
        level: str | int = "DEBUG",
        format: str | FormatFunction = ...,
        filter: str | FilterFunction | FilterDict | None = None,
        colorize: bool | None = None,
        serialize: bool = False,
        backtrace: bool = True,
        diagnose: bool | None = None,
        sanitize: bool | None = True,
        enqueue: bool = False,
        context: str | BaseContext | None = None,
        catch: bool = True,
    ) -> int:
        """Send records to a sink, from this process and from all processes that it starts, however it starts them.

        Args:
            sink: a path (may have a `{time}` field), an object with `write`, a function of the message (also
                a coroutine function), or a `logging.Handler`.
            level: name or number of the least level.
            format: template over the record's fields, or a function of the record that returns one.
            filter: name of a module whose records (and those of modules inside it) pass, or a function of the record.
            colorize: turn markup into colours; None looks at the sink.
            serialize: write each record as one line of JSON.
            backtrace: show the frames above the one that catches, too.
            diagnose: show the values of variables in tracebacks; None does so on terminals only.
            sanitize: show control characters that came with message, extra or exception as `\\x1b`.
            catch: report errors of the sink on standard error; False raises them in the call (in this process only).
            context: a start method or a context of `multiprocessing`; checked, and of no effect.
            enqueue: let the writer thread write this process's records, too; no call then waits for the sink.
            keywords: for files: `rotation`, `retention`, `compression`, `delay`, `watch`, `mode`, `buffering`,
                `encoding`, `errors`, `newline`, `closefd`, `permissions`, `opener`,
                `coordination_dir`. See docs/reference/files.md.

        Returns:
            The handler's id, for `remove`.

        Raises:
            ValueError, TypeError: an argument that cannot be used; nothing that is configured already is disturbed.
            OSError: the file cannot be opened.
        """
    @overload
    def add(
        self,
        sink: _AsyncSink,
        *,
        level: str | int = "DEBUG",
        format: str | FormatFunction = ...,
        filter: str | FilterFunction | FilterDict | None = None,
        colorize: bool | None = None,
        serialize: bool = False,
        backtrace: bool = True,
        diagnose: bool | None = None,
        sanitize: bool | None = True,
        enqueue: bool = False,
        context: str | BaseContext | None = None,
        catch: bool = True,
        loop: AbstractEventLoop | None = None,
    ) -> int: ...
    @overload
    def add(
        self,
        sink: _PathSink,
        *,
        level: str | int = "DEBUG",
        format: str | FormatFunction = ...,
        filter: str | FilterFunction | FilterDict | None = None,
        colorize: bool | None = None,
        serialize: bool = False,
        backtrace: bool = True,
        diagnose: bool | None = None,
        sanitize: bool | None = True,
        enqueue: bool = False,
        context: str | BaseContext | None = None,
        catch: bool = True,
        rotation: _Rotation | Collection[_Rotation] | None = None,
        retention: str | int | timedelta | RetentionFunction | None = None,
        compression: str | CompressionFunction | None = None,
        delay: bool = False,
        watch: bool = False,
        mode: str = "a",
        buffering: int = 1,
        encoding: str = "utf8",
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: StandardOpener | None = None,
        permissions: int | None = None,
        coordination_dir: str | PathLike[str] | None = None,
    ) -> int: ...
    def remove(self, handler_id: int | None = None) -> None:
        """Take away one handler, or all. What has been logged before is written first.

        In a worker this stops the handler for that process only.

        Raises:
            Exception: what a sink raises when it is stopped, or compression of its file. All are removed before the
                first of several is raised; the others are reported.
            TypeError: the id is no integer.
            ValueError: there is no such handler.
        """
    @overload
    def complete(self) -> AwaitableCompleter:
        """Wait until everything that this process logged before is in its sinks.

        Args:
            timeout: seconds; 0 only looks. None waits until sinks have taken nothing for five seconds.

        Returns:
            True, or False when time was up. To be awaited where event loops are at work, which also waits for the
            tasks of coroutine sinks in the loop that awaits it, and for streams whose `complete` is a coroutine.

        Raises:
            TypeError, ValueError: *timeout* is no number of seconds.
        """
    @overload
    def complete(self, timeout: float | None) -> Completion: ...
    def shutdown(self, timeout: float | None = None) -> bool:
        """End this process's part in logging now, as the end of the program would, and go on directly after that.

        For programs that end without exit functions: by `os._exit`, or by a signal. What is in queues is written, the
        writer and the session of this process end, workers that live on write their files by themselves. What is
        logged afterwards goes straight to the sinks of this process; a worker's goes to its owner as before. May be
        called more than once, from any thread, and from a signal handler.

        Args:
            timeout: seconds that it may take; None waits until sinks have taken nothing for as long as the queue
                options say (`shutdown_timeout`).

        Returns:
            True when everything was written, else False: what was meant for files is kept, and written by the next
            program that adds them or by `mplog recover`. False, too, where a filter, format or sink calls it that it
            would have to wait for; nothing is ended then.

        Raises:
            TypeError, ValueError: *timeout* is no number of seconds.
        """
    def reopen(self) -> None:
        """Open again each log file of this process whose path names another file now, or none; after logrotate, say.

        To be called in the process that called `add()`; a worker, whose files are that process's, only returns. Never
        raises, and may be called from a signal handler and any number of times: a file that is still the one that its
        path names is left alone. Where a path cannot be opened, the old file stays in use, which is reported.
        """
    def statistics(self) -> Statistics:
        """A snapshot of what has become of the records of this process and of those that it writes for.

        For each process, `emitted` = `written` + `dropped` + `filtered` + `failed` + `in_flight`, and after
        `complete()` nothing of this process is in flight. A record counts once for each handler.
        """
    def health(self) -> Health:
        """Whether everything is all right, as far as this process can see; if not, what, and what to do about it.

        The answer is true when there is no problem. Never raises, and waits for nothing for more than seconds.
        """
    @overload
    def catch(
        self,
        exception: type[BaseException] | tuple[type[BaseException], ...] = Exception,
        *,
        level: str | int = "ERROR",
        reraise: bool = False,
        onerror: Callable[[BaseException], None] | None = None,
        exclude: type[BaseException] | tuple[type[BaseException], ...] | None = None,
        default: Any = None,
        message: _Text = ...,
    ) -> Catcher:
        """Log errors instead of letting them through: a decorator, and a context manager for `with` and `async with`.

        Functions, coroutine functions, generator functions and asynchronous generator functions can be decorated, with
        or without parentheses.

        Args:
            exception: class or tuple of classes to catch.
            level: name or number of the level to log with; looked at when an error is logged.
            reraise: let the error through after logging it.
            onerror: called with the exception after logging it.
            exclude: class or tuple of classes that pass unlogged.
            default: what a decorated function returns when its error was swallowed.
            message: a template that may use `{record[...]}`.

        Raises:
            TypeError: a class is decorated, or *reraise* is neither True nor False.
        """
    @overload
    def catch(self, function: _F) -> _F: ...
    def opt(
        self,
        *,
        exception: bool | ExcInfo | BaseException | None = None,
        record: bool = False,
        lazy: bool = False,
        colors: bool = False,
        raw: bool = False,
        capture: bool = True,
        depth: int = 0,
        ansi: bool = False,
    ) -> Logger:
        """A logger whose calls have these options; those that are not given take their defaults.

        Args:
            exception: an exception, a triple `(type, value, traceback)`, or anything true for the current exception.
            record: let the message use fields of the record, `{record[name]}`.
            lazy: arguments are functions, called only when some handler wants the level.
            colors: read markup in the message.
            raw: emit the message alone: no format, no newline, no traceback.
            capture: put keyword arguments into the record's extra.
            depth: frames above the caller that the record is attributed to.
            ansi: deprecated name of *colors*.

        Raises:
            TypeError: *depth* is no integer, or an option that is on or off is given something else.
        """
    def bind(self, /, **kwargs: Any) -> Logger:
        """A logger whose records carry *extra*, too. This one is not changed."""
    def contextualize(self, /, **kwargs: Any) -> Contextualizer:
        """A context manager, and a decorator, inside which all records of this thread or task carry *extra*."""
    def patch(self, patcher: PatcherFunction) -> Logger:
        """A logger that calls *patcher* with each record before any handler sees it. This one is not changed.

        Patchers run in the order of `patch()` calls, after the one of `configure()`, in the calling thread.

        Raises:
            TypeError: *patcher* cannot be called.
        """
    @overload
    def level(self, name: str) -> Level:
        """Get a level, create one (with *no*), or change colour and icon of one.

        Raises:
            ValueError: unknown name without *no*, known name with *no*, a negative number, or colours that are no tags.
            TypeError: a name, a colour or an icon that is no string, or a number that is no integer.
        """
    @overload
    def level(self, name: str, no: int = ..., color: str | None = None, icon: str | None = None) -> Level: ...
    @overload
    def level(self, name: str, no: int | None = None, color: str | None = None, icon: str | None = None) -> Level: ...
    def disable(self, name: str | None) -> None:
        """Drop records of module *name* and of modules inside it; `""` means all, None those without a module.

        Raises:
            TypeError: neither a string nor None.
        """
    def enable(self, name: str | None) -> None:
        """Let records of module *name* and of modules inside it pass; `""` means all, None those without a module.

        Raises:
            TypeError: neither a string nor None.
        """
    def configure(
        self,
        *,
        handlers: Sequence[HandlerConfig] | None = None,
        levels: Sequence[LevelConfig] | None = None,
        extra: dict[Any, Any] | None = None,
        patcher: PatcherFunction | None = None,
        activation: Sequence[ActivationConfig] | None = None,
        strict: bool | None = None,
        queue: QueueOptions | None = None,
    ) -> list[int]:
        """Configure several things at once, for this process and its workers. What is not given stays.

        Args:
            handlers: arguments of `add()`, each a dict; all handlers that were there are removed first.
            levels: arguments of `level()`, each a dict.
            extra: what every record carries, unless something closer to the call has the same key.
            patcher: called with every record before any handler sees it.
            activation: (name, enabled), in order, for `enable()` and `disable()`.
            strict: let messages that cannot be formatted, lazy arguments and patchers that raise, raise in the call.
            queue: how the queues between processes behave. The directory takes effect for the next session, the size
                for rings that are made later, the rest at once.

        Returns:
            The ids of the added handlers.

        Raises:
            Exception: what the methods raise for such arguments, or OSError for a file that cannot be opened; nothing
                is changed then. What old sinks raise when they are stopped is reported, for all is done then.
        """
    def reinstall(self) -> None:
        """Make this logger's handlers and configuration those of the logger that every module imports.

        Bound extra, patchers and options are not taken over. The handlers that the imported logger had before are
        forgotten, not stopped. A pickled logger is the imported one already, so in a worker this changes nothing.
        """
    @staticmethod
    @overload
    def parse(
        file: _PathSink | TextIO,
        pattern: str | Pattern[str],
        *,
        cast: dict[str, Callable[[str], Any]] | Callable[[dict[str, str]], None] = ...,
        chunk: int = 65536,
    ) -> Generator[dict[str, Any]]:
        """The named groups of each match of *pattern* in a log file, one dict after the other.

        Args:
            file: a path, or an object with `read(n)`, for text or for bytes; an object is left open.
            pattern: a regular expression of the same type as the file's content.
            cast: functions that convert the groups of these names, or one that changes the dict in place.
            chunk: characters to read at once; -1 reads all.

        Raises:
            TypeError: one of these is of no such kind; at the first `next()`.
        """
    @staticmethod
    @overload
    def parse(
        file: BinaryIO,
        pattern: bytes | Pattern[bytes],
        *,
        cast: dict[str, Callable[[bytes], Any]] | Callable[[dict[str, bytes]], None] = ...,
        chunk: int = 65536,
    ) -> Generator[dict[str, Any]]: ...
    @overload
    def trace(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level TRACE."""
    @overload
    def trace(self, message: Any, /) -> None: ...
    @overload
    def debug(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level DEBUG."""
    @overload
    def debug(self, message: Any, /) -> None: ...
    @overload
    def info(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level INFO. With arguments the message is a `str.format` template; keywords go to extra, too."""
    @overload
    def info(self, message: Any, /) -> None: ...
    @overload
    def success(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level SUCCESS."""
    @overload
    def success(self, message: Any, /) -> None: ...
    @overload
    def warning(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level WARNING."""
    @overload
    def warning(self, message: Any, /) -> None: ...
    @overload
    def error(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level ERROR."""
    @overload
    def error(self, message: Any, /) -> None: ...
    @overload
    def critical(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level CRITICAL."""
    @overload
    def critical(self, message: Any, /) -> None: ...
    @overload
    def exception(self, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with level ERROR and the exception that is being handled, traceback and all."""
    @overload
    def exception(self, message: Any, /) -> None: ...
    @overload
    def log(self, level: int | str, message: _Text, /, *args: Any, **kwargs: Any) -> None:
        """Log with a level given by name, or by number (an anonymous level).

        Raises:
            ValueError: unknown name or negative number.
            TypeError: neither name nor number.
        """
    @overload
    def log(self, level: int | str, message: Any, /) -> None: ...
    def start(self, *args: Any, **kwargs: Any) -> int:
        """Deprecated name of `add`."""
    def stop(self, *args: Any, **kwargs: Any) -> None:
        """Deprecated name of `remove`."""

def attach() -> bool:
    """Join the program that started this one, however it did, so that records go to that program's sinks.

    The session of the process that owns the sinks is found by the environment variable `MPLOG_SESSION`. Handlers that
    this process has for the same files and standard streams become that process's; others stay. Call it before
    configuring anything: a file that is added first is opened, and emptied where its mode says so. A program without
    handlers of its own is joined by its first call anyway.

    Where there is nobody to join, this process is an owner itself: its session is made, so that the programs which it
    starts from now on can join it in turn. That is done too in a process which has joined and has sinks of its own. May
    be called any number of times. Never raises.

    Returns:
        Whether this process delivers to the sinks of a living process. If not, it needs handlers of its own.
    """

logger: Logger
