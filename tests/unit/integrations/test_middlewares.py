"""The middlewares for WSGI and ASGI: ids of requests, and the record at the end of one."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest

from mplog._logger.logger import Logger
from mplog.integrations import asgi, wsgi
from mplog.integrations._request import identify

Records = list[dict[str, Any]]


@pytest.fixture
def records(logger: Logger) -> Records:
    """What the test's logger logs."""
    got: Records = []
    logger.add(lambda message: got.append(message.record), format="{message}")
    return got


class TestIds:
    @pytest.mark.parametrize("given", ["abc", "a" * 200, "~!", "0"])
    def test_one_that_was_given(self, given: str) -> None:
        """It stays."""
        assert identify(given, "00-" + "1" * 32 + "-" + "2" * 16 + "-01") == given

    @pytest.mark.parametrize("given", [None, "", "a" * 201, "a b", "a\nb", "\x7f", "é", "\x1b[31m"])
    def test_one_that_could_forge_a_line(self, given: str | None) -> None:
        """It is replaced by that of the trace, or else by a new one each time."""
        assert identify(given, "00-" + "1" * 32 + "-" + "2" * 16 + "-01") == "1" * 32
        new = [identify(given, None) for _ in range(2)]
        assert new[0] != new[1]
        assert all(re.fullmatch("[0-9a-f]{32}", each) for each in new)

    @pytest.mark.parametrize(
        "parent",
        ["", "x", "00-" + "0" * 32 + "-" + "2" * 16 + "-01", "00-" + "1" * 32 + "-" + "0" * 16 + "-01", "00-1-2-01"],
    )
    def test_a_trace_that_is_none(self, parent: str) -> None:
        """As without one."""
        assert identify(None, parent) not in ("0" * 32, "1" * 32)


class Response:
    """What a server of WSGI would send."""

    def __init__(self, app: wsgi.Application, **environ: Any) -> None:
        setup_testing_defaults(environ)
        self.environ = environ
        self.status = ""
        self.headers: dict[str, str] = {}
        self.iterable = app(environ, self._start)
        self.body = b"".join(self.iterable)
        close = getattr(self.iterable, "close", None)
        if close is not None:
            close()

    def _start(self, status: str, headers: list[tuple[str, str]], failure: Any = None) -> Callable[[bytes], object]:
        self.status, self.headers = status, dict(headers)
        return lambda _: None


def by_wsgi(logger: Logger, body: Callable[[], Iterable[bytes]] = lambda: [b"ab", b"c"], **options: Any) -> Any:
    """An application that logs "called", in the middleware."""

    def app(environ: wsgi.Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        logger.info("called")
        start("201 Created", [("Content-Type", "text/plain")])
        return body()

    return wsgi.Middleware(app, logger=logger, **options)  # type: ignore[arg-type]  # the class is private, its stub public


class TestWsgi:
    def test_the_id_is_everywhere(self, logger: Logger, records: Records) -> None:
        """In records, the response and the environment, and nowhere after it."""
        response = Response(by_wsgi(logger), HTTP_X_REQUEST_ID="mine")
        logger.info("after")
        assert (response.status, response.body) == ("201 Created", b"abc")
        assert response.headers == {"Content-Type": "text/plain", "X-Request-ID": "mine"}
        assert response.environ["mplog.request_id"] == "mine"
        assert [(each["message"], each["extra"]) for each in records] == [
            ("called", {"request_id": "mine"}),
            ("after", {}),
        ]

    def test_one_of_the_applications_own_stays(self, logger: Logger) -> None:
        """As the application has given its response an id, it is the client's."""

        def app(environ: wsgi.Environ, start: Callable[..., Any]) -> Iterable[bytes]:
            start("200 OK", [("x-request-id", "own")])
            return []

        assert Response(wsgi.Middleware(app), HTTP_X_REQUEST_ID="mine").headers == {"x-request-id": "own"}

    def test_while_the_response_is_read(self, logger: Logger, records: Records) -> None:
        """A generator logs with its own request's id, also when two are read by turns; `close` does."""

        class Body:
            def __init__(self, name: str) -> None:
                self.parts = iter(f"{name}{number}".encode() for number in range(2))

            def __iter__(self) -> Body:
                return self

            def __next__(self) -> bytes:
                part = next(self.parts)
                logger.info(part.decode())
                return part

            def close(self) -> None:
                logger.info("closed")

        apps = [by_wsgi(logger, lambda name=name: Body(name)) for name in "xy"]  # type: ignore[misc]  # bound now on purpose
        bodies = [app({"HTTP_X_REQUEST_ID": name}, lambda *_: None) for app, name in zip(apps, "xy", strict=True)]
        for _ in range(2):
            for body in bodies:
                next(body)
        for body in bodies:
            body.close()
        found = [(each["message"], each["extra"]["request_id"]) for each in records]
        assert found[2:] == [("x0", "x"), ("y0", "y"), ("x1", "x"), ("y1", "y"), ("closed", "x"), ("closed", "y")]

    @pytest.mark.parametrize("wide", [False, True])
    def test_what_need_not_be_wrapped(self, logger: Logger, wide: bool) -> None:
        """A list, of which servers know the length, and a file that they send themselves, are given on as they are."""
        whole = [b"abc"]
        assert by_wsgi(logger, lambda: whole, wide=wide)({}, lambda *_: None) is whole
        with open(__file__, "rb") as file:
            sent = FileWrapper(file)
            environ = {"wsgi.file_wrapper": FileWrapper}
            assert by_wsgi(logger, lambda: sent)(environ, lambda *_: None) is sent

    def test_what_else_is_in_context_variables(self, logger: Logger) -> None:
        """It is the thread's: what a framework keeps there is there in the next request."""
        kept: ContextVar[int] = ContextVar("kept", default=0)

        def app(environ: wsgi.Environ, start: Callable[..., Any]) -> Iterable[bytes]:
            kept.set(kept.get() + 1)
            start("200 OK", [])
            yield str(kept.get()).encode()

        wrapped = wsgi.Middleware(app)
        before = kept.get()
        assert [Response(wrapped).body for _ in range(3)] == [str(before + n).encode() for n in (1, 2, 3)]

    def test_a_generator_that_binds_something(self, logger: Logger, records: Records) -> None:
        """Its values are there from part to part, and nowhere after it."""

        def body() -> Iterable[bytes]:
            with logger.contextualize(user="anna"):
                yield b"1"
                logger.info("between")
                yield b"2"
            logger.info("behind")

        Response(by_wsgi(logger, body), HTTP_X_REQUEST_ID="q")
        logger.info("after")
        found = {each["message"]: each["extra"] for each in records}
        assert found["between"] == {"request_id": "q", "user": "anna"}
        assert found["behind"] == {"request_id": "q"}
        assert found["after"] == {}

    def test_a_path_that_could_forge_a_line(self, logger: Logger, records: Records) -> None:
        """In the text it is quoted."""
        Response(by_wsgi(logger, wide=True), PATH_INFO="/a\nINFO forged", REQUEST_METHOD="GET")
        assert records[-1]["message"].startswith("GET /a%0AINFO%20forged 201")
        assert records[-1]["extra"]["path"] == "/a\nINFO forged"

    def test_two_middlewares(self, logger: Logger, records: Records) -> None:
        """They agree."""
        app = wsgi.Middleware(by_wsgi(logger))
        response = Response(app)
        assert records[0]["extra"]["request_id"] == response.headers["X-Request-ID"]

    def test_the_record_at_the_end(self, logger: Logger, records: Records) -> None:
        """It has what was noted on the way, also by a thread that was given the context."""

        def body() -> Iterable[bytes]:
            wsgi.note(user="anna", step=1)
            yield b"ab"
            wsgi.note(step=2)
            yield b"c"

        Response(
            by_wsgi(logger, body, wide=True, name="rid"), PATH_INFO="/p", REQUEST_METHOD="PUT", HTTP_X_REQUEST_ID="q"
        )
        wsgi.note(nobody="hears")
        (_, last) = records
        extra = last["extra"]
        assert 0 <= extra.pop("duration") < 1
        assert extra == {
            "rid": "q", "user": "anna", "step": 2, "method": "PUT", "path": "/p", "status": 201, "bytes": 3,
        }  # fmt: skip
        assert (last["name"], last["level"].name) == ("mplog.request", "INFO")
        assert re.fullmatch(r"PUT /p 201 0\.\d{3} s", last["message"])

    @pytest.mark.parametrize("where", ["call", "body", "close"])
    def test_an_application_that_fails(self, logger: Logger, records: Records, where: str) -> None:
        """The error comes out as it is, and the record at the end is one of an error, once."""

        class Body:
            def __iter__(self) -> Body:
                return self

            def __next__(self) -> bytes:
                if where == "body":
                    raise ZeroDivisionError
                raise StopIteration

            def close(self) -> None:
                if where == "close":
                    raise ZeroDivisionError

        def make() -> Iterable[bytes]:
            if where == "call":
                raise ZeroDivisionError
            return Body()

        app = by_wsgi(logger, make, wide=True)
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - where depends
            body = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: None)
            try:
                list(body)
            finally:
                body.close()
        assert [each["level"].name for each in records] == ["INFO", "ERROR"]


async def ask(app: asgi.Application, headers: Iterable[tuple[bytes, bytes]] = (), **scope: Any) -> list[Any]:
    """What a server of ASGI would send."""
    sent: list[Any] = []

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    async def receive() -> asgi.Message:
        return {"type": "http.request", "body": b""}

    whole = {"type": "http", "method": "GET", "path": "/p", "headers": list(headers), **scope}
    await app(whole, receive, send)
    return sent


def by_asgi(logger: Logger, **options: Any) -> asgi.Application:
    """An application that logs "called", in the middleware."""

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        logger.info("called")
        asgi.note(user="anna")
        await asyncio.sleep(0)
        await asyncio.get_running_loop().create_task(asyncio.to_thread(logger.info, "in a thread"))
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "abc"})
            return
        await send({"type": "http.response.start", "status": 503, "headers": [(b"a", b"b")]})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        await send({"type": "http.response.body", "body": b"c"})

    return asgi.Middleware(app, logger=logger, **options)  # type: ignore[arg-type]  # the class is private, its stub public


class TestAsgi:
    def test_the_id_is_everywhere(self, logger: Logger, records: Records) -> None:
        """In records of tasks and threads, too, of requests that are answered at the same time."""

        async def both() -> Any:
            app = by_asgi(logger)
            return await asyncio.gather(*(ask(app, [(b"x-request-id", name)]) for name in (b"x", b"y")))

        for sent, name in zip(asyncio.run(both()), (b"x", b"y"), strict=True):
            assert sent[0]["headers"] == [(b"a", b"b"), (b"x-request-id", name)]
        logger.info("after")
        found = sorted((each["extra"].get("request_id", ""), each["message"]) for each in records)
        texts = ("called", "in a thread")
        assert found == [("", "after"), *((name, text) for name in "xy" for text in texts)]

    def test_the_record_at_the_end(self, logger: Logger, records: Records) -> None:
        """An answer of 500 or more is an error."""
        asyncio.run(ask(by_asgi(logger, wide=True), [(b"traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")]))
        last = records[-1]
        extra = last["extra"]
        assert 0 <= extra.pop("duration") < 1
        assert extra == {
            "request_id": "1" * 32, "user": "anna", "method": "GET", "path": "/p", "status": 503, "bytes": 3,
        }  # fmt: skip
        assert (last["name"], last["level"].name) == ("mplog.request", "ERROR")

    def test_a_websocket(self, logger: Logger, records: Records) -> None:
        """It has an id from its first moment on, and one record."""
        sent = asyncio.run(ask(by_asgi(logger, wide=True), [(b"x-request-id", b"w")], type="websocket"))
        assert sent[0] == {"type": "websocket.accept", "headers": [(b"x-request-id", b"w")]}
        extra = records[-1]["extra"]
        assert (extra["status"], extra["bytes"], extra["request_id"]) == (101, 3, "w")

    @pytest.mark.parametrize("kind", ["websocket.close", "websocket.http.response.start"])
    def test_a_websocket_that_is_denied(self, logger: Logger, records: Records, kind: str) -> None:
        """Its record has the status of the answer."""

        async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
            await send({"type": kind, **({"status": 401} if "start" in kind else {})})

        sent = asyncio.run(ask(asgi.Middleware(app, wide=True, logger=logger), type="websocket"))  # type: ignore[arg-type]  # as above
        assert ("headers" in sent[0]) == ("start" in kind)
        assert records[-1]["extra"]["status"] == (401 if "start" in kind else 403)

    def test_what_is_no_request(self, logger: Logger, records: Records) -> None:
        """It passes as it is."""
        scopes = []

        async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
            scopes.append(scope)

        asyncio.run(ask(asgi.Middleware(app, wide=True), type="lifespan"))
        assert "state" not in scopes[0]
        assert records == []

    def test_an_application_that_fails(self, logger: Logger, records: Records) -> None:
        """The error comes out as it is, and the record says 500."""

        async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            asyncio.run(ask(asgi.Middleware(app, wide=True, logger=logger)))  # type: ignore[arg-type]  # as above
        (record,) = records
        assert (record["level"].name, record["extra"]["status"]) == ("ERROR", 500)


def test_threads_share_one_middleware(logger: Logger, records: Records) -> None:
    """Each request has its own id."""
    app = by_wsgi(logger)
    threads = [threading.Thread(target=Response, args=(app,), kwargs={"HTTP_X_REQUEST_ID": str(n)}) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each["extra"]["request_id"] for each in records) == [str(n) for n in range(8)]
