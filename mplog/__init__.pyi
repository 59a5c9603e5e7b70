# What type checkers read instead of the code. The classes exist for them only: at run time there are the names of
# `__all__` alone, so import the others under `if typing.TYPE_CHECKING:`. docs/reference/typing.md tells users about it;
# tests/typing/ compares this file with what the logger takes.

import sys
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Collection, Generator, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from logging import Handler
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
    Protocol,
    TextIO,
    TypeAlias,
    TypedDict,
    TypeVar,
    final,
    overload,
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
    name: str
    no: int
    color: str
    icon: str

class _RecordPart:
    def __format__(self, spec: str, /) -> str: ...

class RecordFile(_RecordPart):
    name: str
    path: str

class RecordLevel(_RecordPart):
    name: str
    no: int
    icon: str

class RecordThread(_RecordPart):
    id: int
    name: str

class RecordProcess(_RecordPart):
    id: int
    name: str

class RecordException(NamedTuple):
    type: type[BaseException] | None
    value: BaseException | None
    traceback: TracebackType | None

class Record(TypedDict):
    elapsed: timedelta
    exception: RecordException | None
    extra: dict[Any, Any]
    file: RecordFile
    function: str
    level: RecordLevel
    line: int
    message: str
    module: str
    name: str | None
    process: RecordProcess
    thread: RecordThread
    time: datetime

class Message(str):
    record: Record

# What add() and configure() take

class Writable(Protocol):
    def write(self, message: Message) -> Any: ...

ExcInfo: TypeAlias = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

FilterDict: TypeAlias = dict[str | None, str | int | bool]
FilterFunction: TypeAlias = Callable[[Record], bool]
FormatFunction: TypeAlias = Callable[[Record], str]
PatcherFunction: TypeAlias = Callable[[Record], None]
RotationFunction: TypeAlias = Callable[[Message, TextIO], bool]
RetentionFunction: TypeAlias = Callable[[list[str]], None]
CompressionFunction: TypeAlias = Callable[[str], None]
StandardOpener: TypeAlias = Callable[[str, int], int]

_BasicSink: TypeAlias = TextIO | Writable | Callable[[Message], None] | Handler
_AsyncSink: TypeAlias = Callable[[Message], Awaitable[None]]
_PathSink: TypeAlias = str | PathLike[str]
# A float also stands for an int.
_Rotation: TypeAlias = str | float | Decimal | time | timedelta | RotationFunction

class _AnyHandlerConfig(TypedDict, total=False):
    level: str | int
    format: str | FormatFunction
    filter: str | FilterFunction | FilterDict | None
    colorize: bool | None
    serialize: bool
    backtrace: bool
    diagnose: bool
    sanitize: bool
    enqueue: bool
    context: str | BaseContext | None
    catch: bool

class BasicHandlerConfig(_AnyHandlerConfig, total=False):
    sink: _BasicSink

class AsyncHandlerConfig(_AnyHandlerConfig, total=False):
    sink: _AsyncSink
    loop: AbstractEventLoop | None

class FileHandlerConfig(_AnyHandlerConfig, total=False):
    sink: _PathSink
    rotation: _Rotation | Collection[_Rotation] | None
    retention: str | int | timedelta | RetentionFunction | None
    compression: str | CompressionFunction | None
    delay: bool
    watch: bool
    mode: str
    buffering: int
    encoding: str
    errors: str | None
    newline: str | None
    closefd: bool
    opener: StandardOpener | None
    permissions: int | None

HandlerConfig: TypeAlias = BasicHandlerConfig | FileHandlerConfig | AsyncHandlerConfig

class LevelConfig(TypedDict, total=False):
    name: str
    no: int
    color: str
    icon: str

ActivationConfig: TypeAlias = tuple[str | None, bool]

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
    async def __aenter__(self) -> None: ...
    async def __aexit__(
        self, type_: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None, /
    ) -> bool | None: ...

@final
class Contextualizer(_ContextDecorator): ...

AwaitableCompleter: TypeAlias = Awaitable[None]

@final
class QueueOptions:
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
    def __bool__(self) -> bool: ...
    def __await__(self) -> Generator[Any, Any, bool]: ...

@final
class ProcessStatistics:
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
    processes: Final[tuple[ProcessStatistics, ...]]
    writer_lag: Final[float]
    rotations: Final[int]
    corrupt_rings: Final[int]
    last_error: Final[str | None]
    last_error_at: Final[float | None]
    @property
    def emitted(self) -> int: ...
    @property
    def written(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def filtered(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def in_flight(self) -> int: ...

@final
class Problem:
    kind: Final[Literal["owner", "late", "full", "sink", "dropped", "corrupt"]]
    text: Final[str]

@final
class Health:
    problems: Final[tuple[Problem, ...]]
    @property
    def ok(self) -> bool: ...
    def __bool__(self) -> bool: ...

class Logger:
    @overload
    def add(
        self,
        sink: _BasicSink,
        *,
        level: str | int = ...,
        format: str | FormatFunction = ...,
        filter: str | FilterFunction | FilterDict | None = ...,
        colorize: bool | None = ...,
        serialize: bool = ...,
        backtrace: bool = ...,
        diagnose: bool = ...,
        sanitize: bool = ...,
        enqueue: bool = ...,
        context: str | BaseContext | None = ...,
        catch: bool = ...,
    ) -> int: ...
    @overload
    def add(
        self,
        sink: _AsyncSink,
        *,
        level: str | int = ...,
        format: str | FormatFunction = ...,
        filter: str | FilterFunction | FilterDict | None = ...,
        colorize: bool | None = ...,
        serialize: bool = ...,
        backtrace: bool = ...,
        diagnose: bool = ...,
        sanitize: bool = ...,
        enqueue: bool = ...,
        context: str | BaseContext | None = ...,
        catch: bool = ...,
        loop: AbstractEventLoop | None = ...,
    ) -> int: ...
    @overload
    def add(
        self,
        sink: _PathSink,
        *,
        level: str | int = ...,
        format: str | FormatFunction = ...,
        filter: str | FilterFunction | FilterDict | None = ...,
        colorize: bool | None = ...,
        serialize: bool = ...,
        backtrace: bool = ...,
        diagnose: bool = ...,
        sanitize: bool = ...,
        enqueue: bool = ...,
        context: str | BaseContext | None = ...,
        catch: bool = ...,
        rotation: _Rotation | Collection[_Rotation] | None = ...,
        retention: str | int | timedelta | RetentionFunction | None = ...,
        compression: str | CompressionFunction | None = ...,
        delay: bool = ...,
        watch: bool = ...,
        mode: str = ...,
        buffering: int = ...,
        encoding: str = ...,
        errors: str | None = ...,
        newline: str | None = ...,
        closefd: bool = ...,
        opener: StandardOpener | None = ...,
        permissions: int | None = ...,
    ) -> int: ...
    def remove(self, handler_id: int | None = ...) -> None: ...
    @overload
    def complete(self) -> AwaitableCompleter: ...
    @overload
    def complete(self, timeout: float | None) -> Completion: ...
    def shutdown(self, timeout: float | None = None) -> bool: ...
    def reopen(self) -> None: ...
    def statistics(self) -> Statistics: ...
    def health(self) -> Health: ...
    @overload
    def catch(
        self,
        exception: type[BaseException] | tuple[type[BaseException], ...] = ...,
        *,
        level: str | int = ...,
        reraise: bool = ...,
        onerror: Callable[[BaseException], None] | None = ...,
        exclude: type[BaseException] | tuple[type[BaseException], ...] | None = ...,
        default: Any = ...,
        message: _Text = ...,
    ) -> Catcher: ...
    @overload
    def catch(self, function: _F) -> _F: ...
    def opt(
        self,
        *,
        exception: bool | ExcInfo | BaseException | None = ...,
        record: bool = ...,
        lazy: bool = ...,
        colors: bool = ...,
        raw: bool = ...,
        capture: bool = ...,
        depth: int = ...,
        ansi: bool = ...,
    ) -> Logger: ...
    def bind(self, /, **kwargs: Any) -> Logger: ...
    def contextualize(self, /, **kwargs: Any) -> Contextualizer: ...
    def patch(self, patcher: PatcherFunction) -> Logger: ...
    @overload
    def level(self, name: str) -> Level: ...
    @overload
    def level(self, name: str, no: int = ..., color: str | None = ..., icon: str | None = ...) -> Level: ...
    @overload
    def level(self, name: str, no: int | None = ..., color: str | None = ..., icon: str | None = ...) -> Level: ...
    def disable(self, name: str | None) -> None: ...
    def enable(self, name: str | None) -> None: ...
    def configure(
        self,
        *,
        handlers: Sequence[HandlerConfig] | None = ...,
        levels: Sequence[LevelConfig] | None = ...,
        extra: dict[Any, Any] | None = ...,
        patcher: PatcherFunction | None = ...,
        activation: Sequence[ActivationConfig] | None = ...,
        strict: bool | None = ...,
        queue: QueueOptions | None = ...,
    ) -> list[int]: ...
    def reinstall(self) -> None: ...
    @staticmethod
    @overload
    def parse(
        file: _PathSink | TextIO,
        pattern: str | Pattern[str],
        *,
        cast: dict[str, Callable[[str], Any]] | Callable[[dict[str, str]], None] = ...,
        chunk: int = ...,
    ) -> Generator[dict[str, Any]]: ...
    @staticmethod
    @overload
    def parse(
        file: BinaryIO,
        pattern: bytes | Pattern[bytes],
        *,
        cast: dict[str, Callable[[bytes], Any]] | Callable[[dict[str, bytes]], None] = ...,
        chunk: int = ...,
    ) -> Generator[dict[str, Any]]: ...
    @overload
    def trace(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def trace(self, message: Any, /) -> None: ...
    @overload
    def debug(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def debug(self, message: Any, /) -> None: ...
    @overload
    def info(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def info(self, message: Any, /) -> None: ...
    @overload
    def success(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def success(self, message: Any, /) -> None: ...
    @overload
    def warning(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def warning(self, message: Any, /) -> None: ...
    @overload
    def error(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def error(self, message: Any, /) -> None: ...
    @overload
    def critical(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def critical(self, message: Any, /) -> None: ...
    @overload
    def exception(self, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def exception(self, message: Any, /) -> None: ...
    @overload
    def log(self, level: int | str, message: _Text, /, *args: Any, **kwargs: Any) -> None: ...
    @overload
    def log(self, level: int | str, message: Any, /) -> None: ...
    def start(self, *args: Any, **kwargs: Any) -> int: ...
    def stop(self, *args: Any, **kwargs: Any) -> None: ...

def attach() -> bool: ...

logger: Logger
