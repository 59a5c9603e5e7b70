"""A middleware for WSGI: a request id on everything that a request logs, and one record at its end, if wanted.

    app = mplog.integrations.wsgi.Middleware(app)

With `wide=True` code on the way gives that record more to say by `note(user="anna")`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from mplog import logger
from mplog._logger.context import bound
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
    by fork logs. Nothing of it is left in the server's thread.
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
        # One of two middlewares around the same application has found it already.
        request_id = environ.get("mplog.request_id") or identify(
            environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT")
        )
        environ["mplog.request_id"] = request_id
        summary = None
        if self._wide:
            summary = Summary(self._logger, environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", ""))

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if summary is not None:
                code = status[:3]
                summary.status = int(code) if code.isdigit() else 0
            if not any(key.lower() == HEADER.lower() for key, _ in headers):
                headers = [*headers, (HEADER, request_id)]
            write = start_response(status, headers) if exc_info is None else start_response(status, headers, exc_info)

            def write_counted(part: bytes) -> Any:
                if summary is not None:
                    summary.bytes += len(part)
                return write(part)

            return write_counted

        during = _During({self._name: request_id}, self._logger, summary)
        try:
            with during:
                body = self._app(environ, start)
        except BaseException as error:
            if summary is not None:
                with during:
                    summary.end(error)
            raise
        if isinstance(body, (list, tuple)):  # Nothing runs any more when it is read.
            if summary is not None:
                summary.bytes += sum(map(len, body))
                with during:
                    summary.end()
            return body
        file = environ.get("wsgi.file_wrapper")
        if isinstance(file, type) and isinstance(body, file):
            if summary is not None:
                with during:
                    summary.end()
            return body  # The server knows it by its type, and sends the file by itself.
        return _Body(body, during, summary)


class _During:
    """The bound values of one request, for each part of the work on it, in whichever thread that is done.

    No context of its own: what else is in context variables, such as a framework's connections, is the thread's.
    """

    def __init__(self, values: dict[str, Any], logger: Logger, summary: Summary | None) -> None:
        self._values = values
        self._logger = logger
        self._summary = summary
        self._entered: Any = None
        self._token: Any = None

    def __enter__(self) -> None:
        self._entered = self._logger.contextualize(**self._values)
        self._entered.__enter__()
        self._token = self._summary.begin() if self._summary is not None else None

    def __exit__(self, *_: object) -> None:
        self._values = dict(bound())  # A generator that binds something while it yields finds it again.
        if self._summary is not None:
            self._summary.leave(self._token)
        self._entered.__exit__(None, None, None)


class _Body:
    """A response that is read with its request's bound values."""

    def __init__(self, body: Iterable[bytes], during: _During, summary: Summary | None) -> None:
        self._body = body
        self._during = during
        self._summary = summary
        self._parts: Iterator[bytes] | None = None
        self._error: BaseException | None = None

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        try:
            with self._during:
                if self._parts is None:
                    self._parts = iter(self._body)
                part = next(self._parts)
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
        with self._during:
            try:
                close = getattr(self._body, "close", None)
                if close is not None:
                    close()
            except BaseException as error:
                self._error = self._error or error
                raise
            finally:
                summary, self._summary = self._summary, None
                if summary is not None:
                    summary.end(self._error)
