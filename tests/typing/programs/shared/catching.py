"""`catch` and `contextualize` keep what they decorate as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from typing import Any

from mplog import logger


@logger.catch
def plain(a: int, *, b: str = "") -> float:
    return a / len(b)


@logger.catch()
def called(a: int, *, b: str = "") -> float:
    return a / len(b)


@logger.catch(ZeroDivisionError, level=10, reraise=True, exclude=(OSError, KeyError), default=7, message="{record}")
def given(a: int, *, b: str = "") -> float:
    return a / len(b)


@logger.catch((ValueError, OSError), onerror=lambda error: print(error.args), default=None)
async def coroutine(a: int) -> str:
    return str(a)


@logger.catch
def generator() -> Generator[int, str, bool]:
    got = yield 1
    return bool(got)


@logger.catch(exception=KeyboardInterrupt)
async def asynchronous() -> AsyncGenerator[int, None]:
    yield 1


class Some:
    @logger.catch
    def method(self, a: int) -> str:
        return str(a)

    @property
    @logger.catch(default="")
    def name(self) -> str:
        return ""

    @classmethod
    @logger.catch
    def made(cls, a: int) -> Some:
        return cls()


@logger.contextualize(task="x", self=1)
def inside(a: int) -> str:
    return str(a)


reveal_type(plain)  # R: def (a: int, *, b: str =) -> float
reveal_type(called)  # R: def (a: int, *, b: str =) -> float
reveal_type(given)  # R: def (a: int, *, b: str =) -> float
reveal_type(coroutine)  # R: def (a: int) -> typing.Coroutine[Any, Any, str]
reveal_type(generator)  # R: def () -> typing.Generator[int, str, bool]
reveal_type(asynchronous)  # R: def () -> typing.AsyncGenerator[int, None]
reveal_type(Some().method)  # R: def (a: int) -> str
reveal_type(Some().name)  # R: str
reveal_type(Some.made(1))  # R: catching.Some
reveal_type(inside)  # R: def (a: int) -> str


def with_blocks() -> int:
    """No return is missing after a block, as no checker thinks that the block swallows what it raises."""
    with logger.catch(), logger.contextualize(a=1):
        return 1


with logger.catch() as nothing, logger.contextualize(a=1) as nothing_else:
    reveal_type(nothing)  # R: None
    reveal_type(nothing_else)  # R: None

untyped: Any = logger.catch(plain)
