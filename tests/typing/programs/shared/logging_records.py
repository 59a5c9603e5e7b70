"""Ways to log."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from mplog import logger


def work(number: int) -> int:
    logger.trace("plain")
    logger.debug("{} of {}", number, 10)
    logger.info("{what} is {number:>5}", what="this", number=number)
    logger.success(number)
    logger.warning(ValueError("messages may be any object"))
    logger.error("{!r}", object())
    logger.critical("")
    logger.critical(None)
    logger.info("{message} {self} {level}", message=1, self=2, level=3)
    logger.log("INFO", "by name {}", 1)
    logger.log(33, "by number", level=1, message=2)
    logger.opt(lazy=True).debug("{}", lambda: work(1))
    logger.opt(exception=sys.exc_info()).error("triple")
    logger.opt(exception=ValueError("x")).error("exception")
    logger.opt(exception=None, depth=2).error("none")
    logger.opt(raw=True).info("raw")
    logger.opt(ansi=True).info("deprecated")
    try:
        return 1 // number
    except ZeroDivisionError:
        logger.exception("failed for {}", number)
        return 0


async def wait() -> AsyncIterator[int]:
    await logger.complete()
    yield 1


def parse() -> None:
    for found in logger.parse("a.log", r"(?P<a>\d+)", cast={"a": int}):
        print(found["a"])
    for found in logger.parse("a.log", r"(?P<a>\d+)", cast=lambda match: match.update(a="1"), chunk=-1):
        print(found["a"])
    with open("a.log", "rb") as file:
        for found in logger.parse(file, rb"(?P<a>\d+)", cast={"a": int}):
            print(found["a"])
    with open("a.log") as text:
        print(list(logger.parse(text, "a")))


logger.bind(user="x", attempt=3).bind(more=None).opt(depth=1).info("bound twice")
logger.enable("a")
logger.enable(None)
logger.disable("")
