"""The logger that users hold: a view (bound extra, options) on the core of the process."""

from __future__ import annotations

import copy
import operator
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from types import MappingProxyType
from typing import Any

from mplog._capture.patching import Patcher
from mplog._capture.record import Message
from mplog._logger import call, configuring, ending, health, missing, statistics
from mplog._logger import parse as parsing
from mplog._logger.call import log, log_level
from mplog._logger.catch import MESSAGE, Catcher, Rule
from mplog._logger.configuring import checked_name, checked_patcher
from mplog._logger.context import Contextualizer
from mplog._logger.core import Core
from mplog._logger.cores import duplicate, install, promote
from mplog._logger.ending import Completion
from mplog._logger.environment import DEFAULTS
from mplog._logger.health import Health
from mplog._logger.levels import AT_IMPORT, Level
from mplog._logger.options import Given
from mplog._logger.statistics import Statistics
from mplog._logger.switches import switch
from mplog._logger.views import PLAIN, Options, portable
from mplog._render.escape import one_line
from mplog._ring.layout import GENERATION
from mplog._session.queue_options import QueueOptions
from mplog._sinks import report

_NUMBERS = {name: level.no for name, level in AT_IMPORT.items()}
_TRACE, _DEBUG, _INFO, _SUCCESS = (_NUMBERS[name] for name in ("TRACE", "DEBUG", "INFO", "SUCCESS"))
_WARNING, _ERROR, _CRITICAL = (_NUMBERS[name] for name in ("WARNING", "ERROR", "CRITICAL"))

Filter = Callable[[dict[str, Any]], object]
FormatFunction = Callable[[dict[str, Any]], str]


def _check_timeout(timeout: float | None) -> None:
    if timeout is None:
        return
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(
            f"Invalid timeout, it should be a number of seconds (or None to wait as long as it takes), not: "
            f"'{type(timeout).__name__}'"
        )
    if timeout != timeout:
        raise ValueError(f"Invalid timeout, it should be a number of seconds, not: {timeout}")


class Logger:
    """A view on the handlers, levels and sessions of this process. Made by mplog; get others with `bind`.

    Every method is safe from any thread, and in any process of the program, however it was started.
    """

    def __init__(
        self, core: Core, extra: dict[str, Any], options: Options = PLAIN, patchers: tuple[Patcher, ...] = ()
    ) -> None:
        self._core = core
        self._extra = extra
        self._options = options
        self._patchers = patchers
        self._plain = options.is_plain and not patchers

    def __repr__(self) -> str:
        shown = ", ".join(
            f"(id={handler.id}, level={handler.level}, sink={one_line(handler.name)})"
            for handler in self._core.handlers()
        )
        return f"<mplog.logger handlers=[{shown}]>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self is logger:
            return _view, ({}, PLAIN, ())
        return _view, portable(self._extra, self._options, self._patchers)

    def __copy__(self) -> Logger:
        return Logger(self._core, dict(self._extra), self._options, self._patchers)

    def __deepcopy__(self, memo: dict[int, Any]) -> Logger:
        extra = copy.deepcopy(self._extra, memo)
        return Logger(duplicate(self._core, memo), extra, self._options, self._patchers)

    def __dir__(self) -> list[str]:
        return [name for name in object.__dir__(self) if name not in missing.ELSEWHERE]

    def add(
        self,
        sink: str | PathLike[str] | Any | Callable[[Message], object],
        *,
        level: str | int = DEFAULTS.level,
        format: str | FormatFunction = DEFAULTS.format,
        filter: str | Filter | dict[str | None, str | int | bool] | None = DEFAULTS.filter,
        colorize: bool | None = DEFAULTS.colorize,
        serialize: bool = DEFAULTS.serialize,
        backtrace: bool = DEFAULTS.backtrace,
        diagnose: bool | None = DEFAULTS.diagnose,
        sanitize: bool | None = True,
        catch: bool = DEFAULTS.catch,
        enqueue: bool = DEFAULTS.enqueue,
        context: Any = DEFAULTS.context,
        **keywords: Any,
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
        return self._core.add(
            sink,
            Given(
                level=level,
                format=format,
                filter=filter,
                colorize=colorize,
                serialize=serialize,
                backtrace=backtrace,
                diagnose=diagnose,
                sanitize=sanitize,
                catch=catch,
                enqueue=enqueue,
                context=context,
                keywords=keywords,
            ),
        )

    def remove(self, handler_id: int | None = None) -> None:
        """Take away one handler, or all. What has been logged before is written first.

        In a worker this stops the handler for that process only.

        Raises:
            Exception: what a sink raises when it is stopped, or compression of its file. All are removed before the
                first of several is raised; the others are reported.
            TypeError: the id is no integer.
            ValueError: there is no such handler.
        """
        if handler_id is not None and (isinstance(handler_id, bool) or not isinstance(handler_id, int)):
            raise TypeError(
                f"Invalid handler id, it should be an integer as add() returned it (or None for all), not: "
                f"'{type(handler_id).__name__}'"
            )
        self._core.remove(handler_id)

    def complete(self, timeout: float | None = None) -> Completion:
        """Wait until everything that this process logged before is in its sinks.

        Args:
            timeout: seconds; 0 only looks. None waits until sinks have taken nothing for five seconds.

        Returns:
            True, or False when time was up. To be awaited where event loops are at work, which also waits for the
            tasks of coroutine sinks in the loop that awaits it, and for streams whose `complete` is a coroutine.

        Raises:
            TypeError, ValueError: *timeout* is no number of seconds.
        """
        _check_timeout(timeout)
        return ending.complete(self._core, timeout)

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
        _check_timeout(timeout)
        return ending.shutdown(self._core, timeout)

    def reopen(self) -> None:
        """Open again each log file of this process whose path names another file now, or none; after logrotate, say.

        To be called in the process that called `add()`; a worker, whose files are that process's, only returns. Never
        raises, and may be called from a signal handler and any number of times: a file that is still the one that its
        path names is left alone. Where a path cannot be opened, the old file stays in use, which is reported.
        """
        self._core.sessions.reopen()

    def statistics(self) -> Statistics:
        """A snapshot of what has become of the records of this process and of those that it writes for.

        For each process, `emitted` = `written` + `dropped` + `filtered` + `failed` + `in_flight`, and after
        `complete()` nothing of this process is in flight. A record counts once for each handler.
        """
        return statistics.take(self._core)

    def health(self) -> Health:
        """Whether everything is all right, as far as this process can see; if not, what, and what to do about it.

        The answer is true when there is no problem. Never raises, and waits for nothing for more than seconds.
        """
        return health.look(self._core)

    def bind(self, /, **extra: Any) -> Logger:
        """A logger whose records carry *extra*, too. This one is not changed."""
        return Logger(self._core, {**self._extra, **extra}, self._options, self._patchers)

    def opt(
        self,
        *,
        exception: Any = None,
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
        if not (type(record) is type(lazy) is type(colors) is type(raw) is type(capture) is type(ansi) is bool):
            record, lazy, colors = switch("record", record), switch("lazy", lazy), switch("colors", colors)
            raw, capture, ansi = switch("raw", raw), switch("capture", capture), switch("ansi", ansi)
        if ansi:
            colors = True
            warnings.warn(
                "The 'ansi' parameter of opt() is deprecated, use 'colors' instead.", DeprecationWarning, stacklevel=2
            )
        options = Options(exception, operator.index(depth), record, lazy, colors, raw, capture)
        return Logger(self._core, self._extra, options, self._patchers)

    def patch(self, patcher: Patcher) -> Logger:
        """A logger that calls *patcher* with each record before any handler sees it. This one is not changed.

        Patchers run in the order of `patch()` calls, after the one of `configure()`, in the calling thread.

        Raises:
            TypeError: *patcher* cannot be called.
        """
        return Logger(self._core, self._extra, self._options, (*self._patchers, checked_patcher(patcher)))

    def contextualize(self, /, **extra: Any) -> Contextualizer:
        """A context manager, and a decorator, inside which all records of this thread or task carry *extra*."""
        return Contextualizer(extra)

    def catch(
        self,
        exception: Any = Exception,
        *,
        level: str | int = "ERROR",
        reraise: bool = False,
        onerror: Callable[[BaseException], object] | None = None,
        exclude: Any = None,
        default: Any = None,
        message: Any = MESSAGE,
    ) -> Any:
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
        if callable(exception) and not (isinstance(exception, type) and issubclass(exception, BaseException)):
            return Catcher(self, Rule())(exception)
        rule = Rule(exception, level, switch("reraise", reraise), onerror, exclude, default, message)
        return Catcher(self, rule)

    def configure(
        self,
        *,
        handlers: Iterable[Mapping[str, Any]] | None = None,
        levels: Iterable[Mapping[str, Any]] | None = None,
        extra: Mapping[str, Any] | None = None,
        patcher: Patcher | None = None,
        activation: Iterable[tuple[str | None, bool]] | None = None,
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
        return configuring.configure(
            self._core,
            handlers=handlers,
            levels=levels,
            extra=extra,
            patcher=patcher,
            activation=activation,
            strict=strict,
            queue=queue,
        )

    def enable(self, name: str | None) -> None:
        """Let records of module *name* and of modules inside it pass; `""` means all, None those without a module.

        Raises:
            TypeError: neither a string nor None.
        """
        self._core.set_activation(checked_name(name), True)

    def disable(self, name: str | None) -> None:
        """Drop records of module *name* and of modules inside it; `""` means all, None those without a module.

        Raises:
            TypeError: neither a string nor None.
        """
        self._core.set_activation(checked_name(name), False)

    @staticmethod
    def parse(
        file: str | PathLike[str] | Any,
        pattern: str | bytes | re.Pattern[Any],
        *,
        cast: Mapping[str, Callable[[Any], Any]] | Callable[[dict[str, Any]], object] = MappingProxyType({}),
        chunk: int = 65536,
    ) -> Iterator[dict[str, Any]]:
        """The named groups of each match of *pattern* in a log file, one dict after the other.

        Args:
            file: a path, or an object with `read(n)`, for text or for bytes; an object is left open.
            pattern: a regular expression of the same type as the file's content.
            cast: functions that convert the groups of these names, or one that changes the dict in place.
            chunk: characters to read at once; -1 reads all.

        Raises:
            TypeError: one of these is of no such kind; at the first `next()`.
        """
        return parsing.parse(file, pattern, cast, chunk)

    def reinstall(self) -> None:
        """Make this logger's handlers and configuration those of the logger that every module imports.

        Bound extra, patchers and options are not taken over. The handlers that the imported logger had before are
        forgotten, not stopped. A pickled logger is the imported one already, so in a worker this changes nothing.
        """
        promote(self._core)
        logger._core = self._core

    def start(self, *args: Any, **kwargs: Any) -> int:
        """Deprecated name of `add`."""
        warnings.warn("The 'start()' method is deprecated, use 'add()' instead.", DeprecationWarning, stacklevel=2)
        return self.add(*args, **kwargs)

    def stop(self, *args: Any, **kwargs: Any) -> None:
        """Deprecated name of `remove`."""
        warnings.warn("The 'stop()' method is deprecated, use 'remove()' instead.", DeprecationWarning, stacklevel=2)
        self.remove(*args, **kwargs)

    def level(self, name: str, no: int | None = None, color: str | None = None, icon: str | None = None) -> Level:
        """Get a level, create one (with *no*), or change colour and icon of one.

        Raises:
            ValueError: unknown name without *no*, known name with *no*, a negative number, or colours that are no tags.
            TypeError: a name, a colour or an icon that is no string, or a number that is no integer.
        """
        return self._core.level(name, no, color, icon)

    def trace(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level TRACE."""
        state = self._core.state
        if state.threshold <= _TRACE or state.words[GENERATION] != state.generation:
            log(self, state, "TRACE", message, args, kwargs)

    def debug(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level DEBUG."""
        state = self._core.state
        if state.threshold <= _DEBUG or state.words[GENERATION] != state.generation:
            log(self, state, "DEBUG", message, args, kwargs)

    def info(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level INFO. With arguments the message is a `str.format` template; keywords go to extra, too."""
        state = self._core.state
        if state.threshold <= _INFO or state.words[GENERATION] != state.generation:
            log(self, state, "INFO", message, args, kwargs)

    def success(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level SUCCESS."""
        state = self._core.state
        if state.threshold <= _SUCCESS or state.words[GENERATION] != state.generation:
            log(self, state, "SUCCESS", message, args, kwargs)

    def warning(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level WARNING."""
        state = self._core.state
        if state.threshold <= _WARNING or state.words[GENERATION] != state.generation:
            log(self, state, "WARNING", message, args, kwargs)

    def error(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level ERROR."""
        state = self._core.state
        if state.threshold <= _ERROR or state.words[GENERATION] != state.generation:
            log(self, state, "ERROR", message, args, kwargs)

    def critical(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level CRITICAL."""
        state = self._core.state
        if state.threshold <= _CRITICAL or state.words[GENERATION] != state.generation:
            log(self, state, "CRITICAL", message, args, kwargs)

    def exception(self, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with level ERROR and the exception that is being handled, traceback and all."""
        state = self._core.state
        if state.words[GENERATION] != state.generation or state.provisional:
            state = self._core.following.renew()
        if state.threshold <= _ERROR:
            options = self._options._replace(exception=True)
            call.fully(self, state, "ERROR", message, args, kwargs, call.caller(1), options)

    def log(self, level: str | int, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with a level given by name, or by number (an anonymous level).

        Raises:
            ValueError: unknown name or negative number.
            TypeError: neither name nor number.
        """
        log_level(self, level, message, args, kwargs)


missing.mark(Logger)


def _view(extra: dict[str, Any], options: Options, patchers: tuple[Patcher, ...]) -> Logger:
    """A pickled logger arrives as a view on the core of the process it arrives in."""
    if not extra and options == PLAIN and not patchers:
        return logger
    return Logger(logger._core, extra, options, patchers)


def _nothing(*_: Any, **__: Any) -> None:
    """What a log call is when the interpreter has begun to take modules apart. Uses no name of this module."""


def _itself(self: Logger, *_: Any, **__: Any) -> Logger:
    return self


class _Inert:
    """A context manager and decorator that does nothing."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, function: Any) -> Any:
        return function


def _fall_silent() -> None:
    report.end()  # Of what exit functions and `__del__` have logged since the end of mplog itself.
    inert = _Inert()
    for name in (*(level.lower() for level in _NUMBERS), "exception", "log", "complete"):
        setattr(Logger, name, _nothing)
    for name in ("bind", "opt", "patch"):  # Nobody makes views of a logger that says nothing.
        setattr(Logger, name, _itself)
    for name in ("catch", "contextualize"):
        setattr(Logger, name, lambda *_, **__: inert)


_core = Core()
install(_core, _fall_silent)
logger = Logger(_core, {})
