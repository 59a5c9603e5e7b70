"""The types of mplog's interface, for annotations at run time, too: `from mplog.typing import Message, Record`."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, time, timedelta
from decimal import Decimal
from logging import Handler
from multiprocessing.context import BaseContext
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeAlias, TypedDict

if TYPE_CHECKING:
    # For checkers and editors the classes are those of the package's stub, which `logger` is made of there.
    from mplog import (
        AwaitableCompleter,
        Catcher,
        Completion,
        Contextualizer,
        Health,
        Level,
        Logger,
        Message,
        Problem,
        ProcessStatistics,
        RecordException,
        RecordFile,
        RecordLevel,
        RecordProcess,
        RecordThread,
        Statistics,
    )
else:
    from mplog._capture.record import Message, RecordException, RecordFile, RecordLevel, RecordProcess, RecordThread
    from mplog._logger.catch import Catcher
    from mplog._logger.context import Contextualizer
    from mplog._logger.ending import Completion
    from mplog._logger.health import Health, Problem
    from mplog._logger.levels import Level
    from mplog._logger.logger import Logger
    from mplog._logger.statistics import ProcessStatistics, Statistics

    AwaitableCompleter = Completion

__all__ = [
    "ActivationConfig",
    "AsyncHandlerConfig",
    "AwaitableCompleter",
    "BasicHandlerConfig",
    "Catcher",
    "Completion",
    "CompressionFunction",
    "Contextualizer",
    "ExcInfo",
    "FileHandlerConfig",
    "FilterDict",
    "FilterFunction",
    "FormatFunction",
    "HandlerConfig",
    "Health",
    "Level",
    "LevelConfig",
    "Logger",
    "Message",
    "PatcherFunction",
    "Problem",
    "ProcessStatistics",
    "Record",
    "RecordException",
    "RecordFile",
    "RecordLevel",
    "RecordProcess",
    "RecordThread",
    "RetentionFunction",
    "RotationFunction",
    "StandardOpener",
    "Statistics",
    "Writable",
]


class Record(TypedDict):
    """The fields of a record, as sinks, filters, formats and patchers get them."""

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


class Writable(Protocol):
    """A stream, or anything else with its `write`."""

    def write(self, message: Message) -> Any:
        """Take *message*."""


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

_Rotation: TypeAlias = str | float | Decimal | time | timedelta | RotationFunction


class _AnyHandlerConfig(TypedDict, total=False):
    level: str | int
    format: str | FormatFunction
    filter: str | FilterFunction | FilterDict | None
    colorize: bool | None
    serialize: bool
    backtrace: bool
    diagnose: bool | None
    sanitize: bool | None
    enqueue: bool
    context: str | BaseContext | None
    catch: bool


class BasicHandlerConfig(_AnyHandlerConfig, total=False):
    """An item of `configure(handlers=)` for streams, functions and standard handlers."""

    sink: _BasicSink


class AsyncHandlerConfig(_AnyHandlerConfig, total=False):
    """An item of `configure(handlers=)` for a coroutine function."""

    sink: _AsyncSink
    loop: AbstractEventLoop | None


class FileHandlerConfig(_AnyHandlerConfig, total=False):
    """An item of `configure(handlers=)` for a file."""

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
    coordination_dir: str | PathLike[str] | None


HandlerConfig: TypeAlias = BasicHandlerConfig | FileHandlerConfig | AsyncHandlerConfig


class LevelConfig(TypedDict, total=False):
    """An item of `configure(levels=)`."""

    name: str
    no: int
    color: str
    icon: str


ActivationConfig: TypeAlias = tuple[str | None, bool]
