"""Every name that is there for type checkers, used as programs use it."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Awaitable
from os import PathLike
from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, List, Optional, TextIO, Tuple, Type  # noqa: UP035 - as older programs have it

from mplog import logger

if TYPE_CHECKING:
    from mplog import (
        ActivationConfig,
        AsyncHandlerConfig,
        AwaitableCompleter,
        BasicHandlerConfig,
        Catcher,
        CompressionFunction,
        Contextualizer,
        ExcInfo,
        FileHandlerConfig,
        FilterDict,
        FilterFunction,
        FormatFunction,
        HandlerConfig,
        Level,
        LevelConfig,
        Logger,
        Message,
        PatcherFunction,
        Record,
        RecordException,
        RecordFile,
        RecordLevel,
        RecordProcess,
        RecordThread,
        RetentionFunction,
        RotationFunction,
        StandardOpener,
        Writable,
    )


def fields(record: Record) -> None:
    """Each field of a record has its type."""
    elapsed: dt.timedelta = record["elapsed"]
    exception: Optional[RecordException] = record["exception"]  # noqa: UP045 - as older programs have it
    extra: Dict[Any, Any] = record["extra"]  # noqa: UP006 - the same
    file: RecordFile = record["file"]
    function: str = record["function"]
    level: RecordLevel = record["level"]
    line: int = record["line"]
    message: str = record["message"]
    module: str = record["module"]
    name: Optional[str] = record["name"]  # noqa: UP045 - the same
    process: RecordProcess = record["process"]
    thread: RecordThread = record["thread"]
    time: dt.datetime = record["time"]
    texts: List[str] = [function, message, module, name or ""]  # noqa: UP006 - the same
    texts += [file.name, file.path, level.name, level.icon, process.name, thread.name]
    numbers: List[int] = [line, level.no, process.id, thread.id]  # noqa: UP006 - the same
    texts.append(f"{file:>10} {level:<8} {process:d} {thread:d}")
    print(elapsed.total_seconds(), time.tzinfo, extra["any"], numbers, texts)
    if exception is not None:
        kind: Optional[Type[BaseException]] = exception.type  # noqa: UP006, UP045 - the same
        value: Optional[BaseException] = exception.value  # noqa: UP045 - the same
        trace: Optional[TracebackType] = exception.traceback  # noqa: UP045 - the same
        kind, value, trace = exception
        triple: ExcInfo = exception
        logger.opt(exception=triple).info("")
        logger.opt(exception=(kind, value, trace)).info("")
        logger.opt(exception=value).info("")


def functions(record: Record, message: Message, text_file: TextIO) -> None:
    """Each alias stands for a function of this kind."""
    accept: FilterFunction = lambda record: record["level"].no > 5  # noqa: E731 - the annotation is the point
    form: FormatFunction = lambda record: record["message"] + "\n"  # noqa: E731 - the same
    patch: PatcherFunction = lambda record: record["extra"].update(a=1)  # noqa: E731 - the same
    rotate: RotationFunction = lambda message, file: file.tell() + len(message) > 10  # noqa: E731 - the same
    retain: RetentionFunction = lambda paths: paths.sort()  # noqa: E731 - the same
    compress: CompressionFunction = lambda path: print(path.upper())  # noqa: E731 - the same
    opener: StandardOpener = lambda path, flags: len(path) + flags  # noqa: E731 - the same
    rules: FilterDict = {"a": "INFO", "b": 20, "c": False, None: True, "": "DEBUG"}
    passes: bool = accept(record)
    template: str = form(record)
    patch(record)
    full: bool = rotate(message, text_file)
    retain(["a"])
    compress("a")
    descriptor: int = opener("a", 1)
    print(passes, template, full, descriptor)
    logger.add(sys.stderr, filter=accept, format=form)
    logger.add(sys.stderr, filter=rules)
    logger.add("a", rotation=rotate, retention=retain, compression=compress, opener=opener)
    logger.patch(patch).info("patched")


def configurations(path: PathLike[str], stream: Writable) -> None:
    """Configurations may be built before they are given."""

    async def coroutine(message: Message) -> None: ...

    basic: BasicHandlerConfig = {"sink": stream, "level": "INFO", "format": "{message}", "colorize": None}
    file: FileHandlerConfig = {"sink": path, "rotation": "1 MB", "retention": 3, "delay": True, "watch": False}
    asynchronous: AsyncHandlerConfig = {"sink": coroutine, "loop": None, "enqueue": True}
    handlers: List[HandlerConfig] = [basic, file, asynchronous]  # noqa: UP006 - as older programs have it
    level: LevelConfig = {"name": "NEW", "no": 10, "color": "<red>", "icon": "!"}
    activation: ActivationConfig = ("a.b", False)
    logger.configure(handlers=handlers, levels=[level], activation=[activation, (None, True)], patcher=fields)
    logger.configure(handlers=[{"sink": sys.stderr, "serialize": True}, {"sink": "a.log", "mode": "w"}])
    logger.configure(handlers=[{"sink": lambda message: None, "filter": {"a": 5}, "catch": False, "backtrace": True}])


def results() -> None:
    """What methods give can be named."""
    view: Logger = logger.opt(colors=True)
    level: Level = view.level("INFO")
    as_tuple: Tuple[str, int, str, str] = level  # noqa: UP006 - as older programs have it
    name, no, color, icon = level
    catcher: Catcher = view.catch()
    context: Contextualizer = view.contextualize()
    completer: AwaitableCompleter = view.complete()
    awaitable: Awaitable[None] = completer
    with catcher, context:
        print(as_tuple, name.upper(), no + 1, color.upper(), icon.upper(), awaitable)


class Sink:
    """A stream of the user's."""

    def __init__(self) -> None:
        self.seen: List[Message] = []  # noqa: UP006 - as older programs have it

    def write(self, message: Message) -> None:
        self.seen.append(message)
        record: Record = message.record
        print(message.upper(), record["message"])


configurations(__import__("pathlib").Path("a"), Sink())
