"""The logger that users hold: a view (bound extra, options) on the core of the process."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from os import PathLike
from typing import Any

from mplog._capture.record import Message
from mplog._logger import call
from mplog._logger.call import log, log_level
from mplog._logger.completion import Completion
from mplog._logger.core import Core, install
from mplog._logger.levels import Level, built_in
from mplog._logger.options import Given
from mplog._ring.layout import GENERATION

_NUMBERS = {name: level.no for name, level in built_in().items()}
_TRACE, _DEBUG, _INFO, _SUCCESS = (_NUMBERS[name] for name in ("TRACE", "DEBUG", "INFO", "SUCCESS"))
_WARNING, _ERROR, _CRITICAL = (_NUMBERS[name] for name in ("WARNING", "ERROR", "CRITICAL"))

Filter = Callable[[dict[str, Any]], object]
FormatFunction = Callable[[dict[str, Any]], str]


class Logger:
    """A view on the handlers, levels and sessions of this process. Made by mplog; get others with `bind`.

    Every method is safe from any thread, and in any process of the program, however it was started.
    """

    def __init__(self, core: Core, extra: dict[str, Any]) -> None:
        self._core = core
        self._extra = extra
        self._exception: Any = None
        self._plain = True

    def __repr__(self) -> str:
        shown = ", ".join(
            f"(id={handler.id}, level={handler.level}, sink={handler.name})" for handler in self._core.handlers()
        )
        return f"<mplog.logger handlers=[{shown}]>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _view, (self._extra,)

    def add(
        self,
        sink: str | PathLike[str] | Any | Callable[[Message], object],
        *,
        level: str | int = "DEBUG",
        format: str | FormatFunction | None = None,
        filter: str | Filter | None = None,
        sanitize: bool = True,
        catch: bool = True,
        enqueue: bool = False,
        **keywords: Any,
    ) -> int:
        """Send records to a sink, from this process and from all processes that it starts, however it starts them.

        Args:
            sink: a path (may have a `{time}` field), an object with `write`, or a function of the message.
            level: name or number of the least level.
            format: template over the record's fields, or a function of the record that returns one.
            filter: name of a module whose records (and those of modules inside it) pass, or a function of the record.
            sanitize: show control characters that came with message, extra or exception as `\\x1b`.
            catch: report errors of the sink on standard error; False raises them in the call (in this process only).
            enqueue: let the writer thread write this process's records, too; no call then waits for the sink.
            keywords: for files: `rotation`, `retention`, `compression`, `delay`, `mode`, `encoding`, `permissions`,
                `opener`. See docs/reference/files.md.

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
                sanitize=sanitize,
                catch=catch,
                enqueue=enqueue,
                keywords=keywords,
            ),
        )

    def remove(self, handler_id: int | None = None) -> None:
        """Take away one handler, or all. What has been logged before is written first.

        In a worker this stops the handler for that process only.

        Raises:
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
            timeout: seconds; None waits as long as the process that owns the sinks lives.

        Returns:
            True, or False when time was up. To be awaited where event loops are at work, which also waits for the
            tasks of coroutine sinks in the loop that awaits it, and for streams whose `complete` is a coroutine.
        """
        began = time.monotonic()
        done = self._core.complete(timeout)
        left = None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
        return Completion(done, self._core.unfinished(), left)

    def bind(self, **extra: Any) -> Logger:
        """A logger whose records carry *extra*, too. This one is not changed."""
        view = Logger(self._core, {**self._extra, **extra})
        view._exception, view._plain = self._exception, self._plain
        return view

    def level(self, name: str, no: int | None = None, color: str | None = None, icon: str | None = None) -> Level:
        """Get a level, create one (with *no*), or change colour and icon of one.

        Raises:
            ValueError: unknown name without *no*, known name with *no*, or a negative number.
            TypeError: a name that is no string, or a number that is no integer.
        """
        if not isinstance(name, str):
            raise TypeError(f"Invalid level name, it should be a string, not: '{type(name).__name__}'")
        levels = self._core.levels
        known = levels.get(name)
        if known is None:
            if no is None:
                raise ValueError(
                    f"Level '{name}' does not exist. Create it by giving its number: level('{name}', no=25)"
                )
            if isinstance(no, bool) or not isinstance(no, int):
                raise TypeError(f"Invalid level no, it should be an integer, not: '{type(no).__name__}'")
            if no < 0:
                raise ValueError(f"Invalid level no, it should not be negative: {no}")
            made = Level(name, no, color or "", icon if icon is not None else " ")
            self._core.set_level(made)
            return made
        if no is not None:
            raise ValueError(
                f"Level '{name}' already exists with number {known.no}, which cannot be changed (to {no})."
            )
        if color is None and icon is None:
            return known
        made = Level(name, known.no, known.color if color is None else color, known.icon if icon is None else icon)
        self._core.set_level(made)
        return made

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
            state = self._core.renew()
        if state.threshold <= _ERROR:
            call.fully(self, state, "ERROR", message, args, kwargs, sys._getframe(1), True)

    def log(self, level: str | int, message: Any, /, *args: Any, **kwargs: Any) -> None:
        """Log with a level given by name, or by number (an anonymous level).

        Raises:
            ValueError: unknown name or negative number.
            TypeError: neither name nor number.
        """
        log_level(self, level, message, args, kwargs)


def _view(extra: dict[str, Any]) -> Logger:
    """A pickled logger arrives as a view on the core of the process it arrives in."""
    return logger.bind(**extra) if extra else logger


def _nothing(*_: Any, **__: Any) -> None:
    """What a log call is when the interpreter has begun to take modules apart. Uses no name of this module."""


def _itself(self: Logger, **_: Any) -> Logger:
    return self


def _fall_silent() -> None:
    for name in (*(level.lower() for level in _NUMBERS), "exception", "log", "complete"):
        setattr(Logger, name, _nothing)
    Logger.bind = _itself  # type: ignore[method-assign]  # nobody makes views of a logger that says nothing


_core = Core()
install(_core, _fall_silent)
logger = Logger(_core, {})
