"""A middleware for WSGI: a request id on everything that a request logs, and one record at its end, if wanted.

app = mplog.integrations.wsgi.Middleware(app)
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mplog import logger
from mplog.integrations._request import HEADER, Summary, identify, note

if TYPE_CHECKING:
    from mplog.typing import Logger

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

__all__ = ["Middleware", "note"]


class Middleware:
    """Around an application, one for all threads.

    The id comes from the header `X-Request-ID`, or from the trace of `traceparent`, or is made; the response has it in
    `X-Request-ID`, `environ["mplog.request_id"]` has it for others, and each record of the request as an extra value,
    as after `logger.contextualize(request_id=...)`: also what is logged while the response is read, and what a child
    by fork logs. Each request has a context of its own, so that nothing of it is left in the server's thread.
    """

    def __init__(
        self, app: Application, *, name: str = "request_id", wide: bool = False, logger: Logger = logger
    ) -> None:
        """Wrap *app*.

        Args:
            name: what the extra value is called.
            wide: log one record at the end of each request, with method, path, status, bytes of the body, duration in
                seconds, and all that `note()` was given meanwhile. Of a file that the server sends by itself, the bytes
                are not known.
            logger: what logs it.
        """
        self._app = app
        self._name = name
        self._wide = wide
        self._logger = logger

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request, as the application does."""
        return contextvars.copy_context().run(self._answer, environ, start_response)

    def _answer(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = identify(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"))
        environ["mplog.request_id"] = request_id
        self._logger.contextualize(**{self._name: request_id}).__enter__()  # It ends with this context.
        summary = None
        if self._wide:
            summary = Summary(self._logger, environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", ""))
            summary.begin()

        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Any:
            if summary is not None:
                code = status[:3]
                summary.status = int(code) if code.isdigit() else 0
            if not any(key.lower() == HEADER.lower() for key, _ in headers):
                headers = [*headers, (HEADER, request_id)]
            return start_response(status, headers, *failure)

        try:
            body = self._app(environ, start)
        except BaseException as error:
            if summary is not None:
                summary.end(error)
            raise
        if summary is None and isinstance(body, (list, tuple)):
            return body  # Nothing runs any more when it is read.
        file = environ.get("wsgi.file_wrapper")
        if isinstance(file, type) and isinstance(body, file):
            if summary is not None:
                summary.end()
            return body  # The server knows it by its type, and sends the file by itself.
        return _Body(body, contextvars.copy_context(), summary)


class _Body:
    """A response that is read in its request's context."""

    def __init__(self, body: Iterable[bytes], context: contextvars.Context, summary: Summary | None) -> None:
        self._body = body
        self._context = context
        self._summary = summary
        self._parts: Iterator[bytes] | None = None
        self._error: BaseException | None = None

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        try:
            if self._parts is None:
                self._parts = self._context.run(iter, self._body)
            part = self._context.run(next, self._parts)
        except StopIteration:
            raise
        except BaseException as error:
            self._error = error
            raise
        if self._summary is not None:
            self._summary.bytes += len(part)
        return part

    def close(self) -> None:
        """Called by every server at the end of the response, whatever that was."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                self._context.run(close)
        except BaseException as error:
            self._error = self._error or error
            raise
        finally:
            summary, self._summary = self._summary, None
            if summary is not None:
                self._context.run(summary.end, self._error)
