"""The ids of OpenTelemetry's active span, as values of the context, in programs that have imported it.

The names are those that OpenTelemetry itself gives them in logs that are not its own.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from mplog._logger import context
from mplog._session import attach

LIBRARY = "opentelemetry.trace"

TRACE_ID, SPAN_ID = "trace_id", "span_id"


def install() -> None:
    """From the moment that the library is imported, if it ever is, records have the ids; nothing is imported here."""
    attach.on_import(LIBRARY, _follow)


def _follow(library: ModuleType) -> None:
    context.current = _with_span(library.get_current_span)


def _with_span(get_current_span: Callable[[], Any]) -> Callable[[], dict[str, Any]]:
    def current() -> dict[str, Any]:
        bound = context.bound()
        try:
            span = get_current_span().get_span_context()
            if not span.is_valid:
                return bound
            return {TRACE_ID: f"{span.trace_id:032x}", SPAN_ID: f"{span.span_id:016x}", **bound}
        except Exception:  # noqa: BLE001 - a tracer of the program's own; the record matters more
            return bound

    return current
