"""Django's logs as records of mplog, and a middleware that puts a request's id on everything.

    # settings.py
    from mplog.integrations import django

    LOGGING_CONFIG = None
    MIDDLEWARE = ["mplog.integrations.django.Middleware", ...]
    django.configure("app.log", rotation="10 MB", retention=5, compression="gz")

Every process of a project reads its settings: servers, their workers, `runserver` and what it starts, commands. They
meet in the file, and where one of them has started others, these deliver to it.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from mplog import logger
from mplog.integrations._request import HEADER, identify
from mplog.integrations.standard import Handler as _Handler
from mplog.integrations.standard import _add_once, _cut

_KEY = "mplog.request_id"
"""In a request's `META`, as in the environment of `mplog.integrations.wsgi`."""

_ON_THE_WAY = ("django", "asgiref", "concurrent")
"""Packages that a call passes before it is the application's."""

_answered = threading.local()
"""The id of the request that this thread has answered last: `runserver` says so when it is done with it."""

_opened: list[int] = []
"""The sink of `configure`, if it was given one."""


def configure(
    sink: Any = None, *, level: int | str = "INFO", levels: Mapping[str, int | str] | None = None, **options: Any
) -> None:
    """In the settings, beside `LOGGING_CONFIG = None`: let Django, and all that uses `logging`, log with mplog.

    Args:
        sink: what `logger.add` takes first. It replaces mplog's default handler. Without it, records go to the sinks
            that mplog has anyway: the program adds them, or Gunicorn's configuration.
        level: the least level of standard records, and of the sink's. Django's own come from "INFO" on.
        levels: of further loggers by their names, such as `{"django.db.backends": "DEBUG"}` for what is asked of the
            database (where `settings.DEBUG` is on), or of libraries that say too much. The sink takes the lowest.
        options: what else `logger.add` takes. `backtrace` is off, so that tracebacks which the application logs do not
            go up to the server, either.

    Raises what `logger.add` raises, and ValueError or TypeError for a level that `logging` does not know. A second call
    replaces the first.
    """
    if sink is None and options:
        raise TypeError(
            f"configure() without a sink has no options, and got {', '.join(map(repr, options))}. Give it a `sink`, or "
            "put them into logger.add()."
        )
    least = _number(level)
    numbers = {"django": max(least, logging.INFO), **{name: _number(each) for name, each in (levels or {}).items()}}
    while _opened:
        _remove(_opened.pop())
    # Not by the handler: whoever calls `dictConfig` later, as uvicorn does, closes all handlers that there are.
    if sink is not None:
        lowest = min(least, *numbers.values())
        number = _add_once(sink, level=lowest, **{"backtrace": False, **options})
        if number is not None:
            _opened.append(number)
            _remove(0)
    for name in ("django", "django.server"):  # They have handlers of their own where Django was set up before.
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    root = logging.getLogger()
    root.handlers[:] = [Handler()]
    root.setLevel(least)
    for name, number in numbers.items():
        logging.getLogger(name).setLevel(number)


def _remove(number: int) -> None:
    with contextlib.suppress(ValueError):  # The program has removed it.
        logger.remove(number)


def _number(level: int | str) -> int:
    return logging.Handler(level).level  # It refuses what is no level.


class Handler(_Handler):
    """As `mplog.integrations.standard.Handler`, also in Django's `LOGGING`; what Django's records are about comes as
    extra values.

    Of a request: `method`, `path`, `query`, `remote`, `status` and, behind a middleware, `request_id`, in the place of
    the request itself; of a line of `django.server` also `protocol` and `bytes`; of a statement for the database
    `duration` and `alias`. Tracebacks begin with the first frame that is not Django's, in every sink.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* with mplog, and leave it as it is for other handlers."""
        if "request" in record.__dict__ or record.name.startswith("django."):
            made = copy.copy(record)
            _shape(made, made.__dict__)
            super().emit(made)
            record.__dict__.update({key: value for key, value in made.__dict__.items() if key.startswith("_mplog")})
        else:
            super().emit(record)


def _shape(record: logging.LogRecord, fields: dict[str, Any]) -> None:
    request: Any = fields.get("request")
    about = getattr(request, "META", None)
    if isinstance(about, dict):
        del fields["request"]
        fields.update(
            method=request.method,
            path=request.path,
            query=about.get("QUERY_STRING", ""),
            remote=about.get("REMOTE_ADDR", ""),
        )
        if _KEY in about:
            fields["request_id"] = about[_KEY]
    if not record.name.startswith("django."):
        return
    if "status_code" in fields:
        fields["status"] = fields.pop("status_code")
    if record.name == "django.server":
        _shape_server(record, fields)
    elif record.name == "django.db.backends":
        for bulky in ("sql", "params"):  # The text has them.
            fields.pop(bulky, None)
    if isinstance(record.exc_info, tuple) and record.exc_info[0] is not None:
        _cut(record, _of_the_application(record.exc_info[2]))


def _shape_server(record: logging.LogRecord, fields: dict[str, Any]) -> None:
    connection: Any = fields.pop("request", None)
    fields.pop("server_time", None)
    request_id = _answered.__dict__.pop("id", None)
    if request_id is not None:
        fields["request_id"] = request_id
    args = record.args
    if not isinstance(args, tuple) or len(args) != 3:
        return
    words = str(args[0]).split(" ")
    if len(words) == 3:
        method, target, protocol = words
        path, _, query = target.partition("?")
        fields.update(method=method, path=path, query=query, protocol=protocol)
    if str(args[2]).isdigit():
        fields["bytes"] = int(str(args[2]))
    try:
        fields["remote"] = connection.getpeername()[0]
    except Exception:  # noqa: BLE001 - it may be gone by now
        return


def _of_the_application(trace: TracebackType | None) -> TracebackType | None:
    """*trace* from where the application was called on; all of it when that was not reached."""
    found = trace
    while found is not None:
        name = found.tb_frame.f_globals.get("__name__")
        if not isinstance(name, str) or name.partition(".")[0] not in _ON_THE_WAY:
            return found
        found = found.tb_next
    return trace


class Middleware:
    """For the first place in Django's `MIDDLEWARE`, in threads and on event loops.

    The id comes from the header `X-Request-ID`, or from the trace of `traceparent`, or is made, or is that of
    `mplog.integrations.wsgi.Middleware` or `.asgi.Middleware` around the application. The response has it in
    `X-Request-ID`, `request.META["mplog.request_id"]` has it for others, and each record of the request as
    `extra["request_id"]`: also what is logged while a response is streamed.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        """Answer one request, as those behind do."""
        request_id = _identify(request)
        if self._is_async:
            return self._answer(request, request_id)
        with logger.contextualize(request_id=request_id):
            response = self._get_response(request)
        _answered.id = request_id
        return _finished(response, request_id)

    async def _answer(self, request: Any, request_id: str) -> Any:
        with logger.contextualize(request_id=request_id):
            response = await self._get_response(request)
        return _finished(response, request_id)


def _identify(request: Any) -> str:
    about = request.META
    state = getattr(request, "scope", {}).get("state") or {}
    found = about.get(_KEY) or state.get("request_id")
    about[_KEY] = str(found or identify(about.get("HTTP_X_REQUEST_ID"), about.get("HTTP_TRACEPARENT")))
    return str(about[_KEY])


def _finished(response: Any, request_id: str) -> Any:
    """*response* with the header, and with the id on what is logged while it is read."""
    if HEADER not in response:
        response[HEADER] = request_id
    # A file is sent by the server itself.
    if response.streaming and getattr(response, "file_to_stream", None) is None:
        parts = response.streaming_content
        response.streaming_content = _read_async(parts, request_id) if response.is_async else _read(parts, request_id)
    return response


_END = object()


def _read(parts: Iterator[bytes], request_id: str) -> Iterator[bytes]:
    while True:
        with logger.contextualize(request_id=request_id):
            part = next(parts, _END)
        if part is _END:
            return
        yield part  # type: ignore[misc]  # the end is no part


async def _read_async(parts: AsyncIterator[bytes], request_id: str) -> AsyncIterator[bytes]:
    while True:
        with logger.contextualize(request_id=request_id):
            try:
                part = await anext(parts)
            except StopAsyncIteration:
                return
        yield part
