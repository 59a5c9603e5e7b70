"""A middleware for ASGI: a request id on everything that a request logs, and one record at its end, if wanted.

    app = mplog.integrations.asgi.Middleware(app)

With `wide=True` code on the way gives that record more to say by `note(user="anna")`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from mplog import logger
from mplog.integrations._request import HEADER, Summary, identify, note

if TYPE_CHECKING:
    from mplog.typing import Logger

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["Middleware", "note"]

_NAME = HEADER.lower().encode()
_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_BODIES = ("http.response.body", "websocket.send", "websocket.http.response.body")


class Middleware:
    """Around an application.

    The id comes from the header `X-Request-ID`, or from the trace of `traceparent`, or is made; the response has it in
    `X-Request-ID`, `scope["state"]["request_id"]` has it for others, and each record of the request as an extra value,
    as after `logger.contextualize(request_id=...)`: also those of its tasks, of threads by `asyncio.to_thread`, and of
    a child by fork. Websockets are requests that last; what is neither, such as lifespan, passes as it is.
    """

    def __init__(
        self, app: Application, *, name: str = "request_id", wide: bool = False, logger: Logger = logger
    ) -> None:
        """Wrap *app*.

        Args:
            name: what the extra value is called.
            wide: log one record at the end of each request, with method, path, status, bytes of the body, duration in
                seconds, and all that `note()` was given meanwhile. A websocket has the method "WEBSOCKET" and the
                status 101, if it was accepted.
            logger: what logs it.
        """
        self._app = app
        self._name = name
        self._wide = wide
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as the application does."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = {name: value for name, value in scope["headers"] if name in (_NAME, b"traceparent")}
        request_id = identify(_text(given.get(_NAME)), _text(given.get(b"traceparent")))
        scope.setdefault("state", {})["request_id"] = request_id
        summary = None
        if self._wide:
            summary = Summary(self._logger, scope.get("method", "WEBSOCKET"), scope["path"])

        async def send_with_id(message: Message) -> None:
            kind = message["type"]
            if kind in _STARTS:
                headers = list(message.get("headers") or ())
                if not any(name.lower() == _NAME for name, _ in headers):
                    message = {**message, "headers": [*headers, (_NAME, request_id.encode("latin-1"))]}
                if summary is not None:
                    summary.status = message.get("status", 101)
            elif kind == "websocket.close" and summary is not None:
                summary.status = summary.status or 403  # Nobody has accepted it.
            elif kind in _BODIES and summary is not None:
                text = message.get("text")
                summary.bytes += len(text.encode() if text else message.get("body") or message.get("bytes") or b"")
            await send(message)

        with self._logger.contextualize(**{self._name: request_id}):
            if summary is not None:
                summary.begin()
            try:
                await self._app(scope, receive, send_with_id)
            except BaseException as error:
                if summary is not None:
                    summary.end(error)
                raise
            if summary is not None:
                summary.end()


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")
