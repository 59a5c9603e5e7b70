"""What the middlewares for WSGI and ASGI have in common: a request's id, and the one record at its end."""

from __future__ import annotations

import asyncio
import re
import uuid
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mplog._ring.clock import monotonic

if TYPE_CHECKING:
    from mplog.typing import Logger, Record

HEADER = "X-Request-ID"

NAME = "mplog.request"
"""The name of the records at the ends of requests, in the place of a module's."""

_ACCEPTABLE = re.compile(r"[\x21-\x7e]{1,200}")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
"""As W3C Trace Context has it: version, trace id, parent id, flags."""

_noted: ContextVar[dict[str, Any] | None] = ContextVar("mplog_noted", default=None)


def is_acceptable(given: str) -> bool:
    """Whether it can be an id: it is printable and short."""
    return _ACCEPTABLE.fullmatch(given) is not None


def shown(path: str) -> str:
    """A path as a line may have it: it was decoded, and may hold line ends."""
    return quote(path, safe="/~!$&'()*+,;=:@-._")


def identify(given: str | None, traceparent: str | None) -> str:
    """The id of a request: the one that it was *given*, when that is printable and short, or else that of its trace, or
    a new one."""
    if given is not None and is_acceptable(given):
        return given
    trace = _TRACEPARENT.fullmatch(traceparent) if traceparent is not None else None
    return trace[1] if trace is not None else uuid.uuid4().hex


def note(**fields: Any) -> None:
    """Have *fields* in the record at the end of the request that this code works for; without one, do nothing.

    Later values win. Also from threads and tasks that have the request's context.
    """
    noted = _noted.get()
    if noted is not None:
        noted.update(fields)


def _named(record: Record) -> None:
    record["name"] = NAME


class Summary:
    """The record at the end of one request. `begin` is to be called in the request's context."""

    def __init__(self, logs: Logger, method: str, path: str) -> None:
        self._logs = logs
        self._method = method
        self._path = path
        self._noted: dict[str, Any] = {}
        self._begun = monotonic()
        self.status = 0
        self.bytes = 0

    def begin(self) -> Token[dict[str, Any] | None]:
        """Let `note` find it, until `leave` gets what is returned."""
        return _noted.set(self._noted)

    @staticmethod
    def leave(token: Token[dict[str, Any] | None]) -> None:
        """Undo `begin`."""
        _noted.reset(token)

    def end(self, error: BaseException | None = None) -> None:
        """Log it, once: as an error where the application failed or answered so."""
        duration = monotonic() - self._begun
        failed = error is not None and not isinstance(error, asyncio.CancelledError)
        status = self.status or (500 if failed else 0)
        level = "ERROR" if failed or status >= 500 else "INFO"
        fields = {
            **self._noted,
            "method": self._method,
            "path": self._path,
            "status": status,
            "bytes": self.bytes,
            "duration": duration,
        }
        logs = self._logs.bind(**fields).patch(_named)
        logs.log(level, "{} {} {} {:.3f} s", self._method, shown(self._path), status or "-", duration)
