"""The message of one call: from what the user gave to text. Outside strict mode nothing here raises.

A message that cannot be formatted, and an argument of a lazy call that raises, leave the record with the text as it
was given and a mark; a patcher that raises leaves it with another mark. Each is reported once per call site.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mplog._capture import patching
from mplog._capture.callsite import CallSite
from mplog._capture.details import Token
from mplog._capture.patching import Patcher
from mplog._logger import environment
from mplog._render import markup
from mplog._ring.wire import safe_repr
from mplog._sinks import report

if TYPE_CHECKING:
    from mplog._logger.state import State
    from mplog._logger.views import Options

MARK = "<not formatted>"
"""Follows a message that could not be formatted."""

CLOCK_MARK = "<no clock>"
"""Follows a message for which the program's clock had no time, so that it has another's."""

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def strict(state: State) -> bool:
    """Whether errors of messages, lazy arguments and patchers are raised to the caller."""
    wanted = state.settings.strict
    if wanted is not None:
        return wanted
    try:
        return environment.strict(os.environ)
    except Exception:  # noqa: BLE001 - a double of a program's tests
        return False


def compose(
    state: State,
    options: Options,
    site: CallSite,
    message: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    record: dict[str, Any],
) -> tuple[Token, ...] | None:
    """Put the message into *record*, and captured keywords into its extra. Returns its markup, if it has some."""
    error: Exception | None = None
    if options.lazy:
        args, kwargs, error = _called(state, args, kwargs)
    if kwargs and options.capture:
        record["extra"].update(kwargs)
    if error is None:
        try:
            text, tokens = _formatted(options, message, args, kwargs, record)
        except Exception as raised:
            if strict(state):
                raise
            error = raised
        else:
            record["message"] = text
            return tokens
    report.once(
        f"message {site.file_path}:{site.line}",
        f"{site.file_path}:{site.line}: {_shown(error)}. The record is logged with the text as it was given.",
        counted=True,
    )
    record["message"] = f"{_as_given(message)} {MARK}"
    record["extra"]["mplog_error"] = _shown(error, 500)
    return None


def mark_clock(site: CallSite, record: dict[str, Any], error: Exception) -> None:
    """Let the record say that its time is not the one which the program's clock has."""
    report.once(
        f"clock {site.file_path}:{site.line}",
        f"{site.file_path}:{site.line}: time.time() is replaced by something that gives no time: "
        f"{_shown(error, 500)}. The record has the true time. Let what stands there give seconds since 1970.",
    )
    record["message"] = f"{record['message']} {CLOCK_MARK}"
    record["extra"]["mplog_error"] = _shown(error, 500)


def _called(state: State, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, Exception | None]:
    """The results of lazy arguments, each called once, and the first error of one."""
    first: Exception | None = None

    def result(function: Any) -> Any:
        nonlocal first
        try:
            return function()
        except Exception as error:
            if strict(state):
                raise
            first = first or error
            return f"<not evaluated: {_shown(error, 200)}>"

    positional = tuple([result(function) for function in args])
    return positional, {name: result(function) for name, function in kwargs.items()}, first


def _formatted(
    options: Options, message: Any, args: tuple[Any, ...], kwargs: dict[str, Any], record: dict[str, Any]
) -> tuple[str, tuple[Token, ...] | None]:
    if type(message) is not str:
        message = plain(message)
    if options.record:
        if "record" in kwargs:
            raise TypeError(
                "The message can't be formatted: 'record' was given as a keyword argument, and with opt(record=True) "
                "that name is the record's. Name the argument otherwise."
            )
        record["message"] = str(message)
        kwargs = {**kwargs, "record": record}
    try:
        if options.colors:
            return markup.message(message, args, kwargs)
        if args or kwargs:
            return str.__str__(message.format(*args, **kwargs)), None
        return str.__str__(str(message)), None
    except markup.MarkupError:
        raise
    except (KeyError, IndexError, AttributeError, ValueError, markup.NotText) as error:
        if not args and not kwargs:
            raise
        raise ValueError(
            f"The logging message could not be formatted: {_shown(error)}. Its text is {safe_repr(message, 200)}, "
            f"with {len(args)} arguments and the keywords {sorted(kwargs)}; double the braces that are literal."
        ) from error


def plain(message: Any) -> Any:
    """A template string (Python 3.14) as text; anything else as it is."""
    # By its name, for nothing imports the module that names its class where a program only writes t"...". It is final.
    kind = type(message)
    if kind.__name__ != "Template" or kind.__module__ != "string.templatelib":
        return message
    return "".join([part if isinstance(part, str) else _interpolated(part) for part in message])


_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}


def _interpolated(part: Any) -> str:
    value = plain(part.value)
    if part.conversion is not None:
        value = _CONVERSIONS[part.conversion](value)
    return format(value, part.format_spec)


def _as_given(message: Any) -> str:
    # Not isinstance(): that asks the message for its class, which may raise.
    return str.__str__(message) if issubclass(type(message), str) else safe_repr(message)


def _shown(error: Exception | None, limit: int = 10_000) -> str:
    return safe_repr(error, limit)


def patched(state: State, site: CallSite, record: dict[str, Any], patchers: tuple[Patcher, ...]) -> None:
    """Run the configured patcher, then those of the view."""
    configured = state.settings.patcher
    for patcher in patchers if configured is None else (configured, *patchers):
        error = patching.patch(record, patcher)
        if error is None:
            continue
        if strict(state):
            raise error
        report.once(
            f"patcher {site.file_path}:{site.line}",
            f"{site.file_path}:{site.line}: the patcher {safe_repr(patcher, 200)} failed with {_shown(error)}. "
            "The record is logged as far as it was patched.",
            counted=True,
        )
        patching.mark(record, error)
