"""Ways to add a sink."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import logging
import multiprocessing
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mplog import logger

if TYPE_CHECKING:
    from mplog import Message, Record


def function(message: Message) -> None: ...


def of_text(message: str) -> None: ...


def accept(record: Record) -> bool:
    return record["name"] is not None


def form(record: Record) -> str:
    return "{message}\n{exception}"


def full(message: Message, file: TextIO) -> bool:
    return file.tell() + len(message) > message.record["level"].no


async def coroutine(message: Message) -> None: ...


class Callable:
    def __call__(self, message: Message) -> None: ...


class AsyncCallable:
    async def __call__(self, message: Message) -> None: ...


class Writer:
    def write(self, message: str) -> None: ...


loop = asyncio.new_event_loop()
logger.add(sys.stderr)
logger.add(sys.stdout, level="INFO", colorize=True, backtrace=False, diagnose=False)
logger.add(io.StringIO(), level=5, format="{message}", filter="a.b", serialize=True)
logger.add(Writer(), format=form, filter=accept)
logger.add(function, filter={"a": "INFO", None: False, "": 5})
logger.add(function, filter=None, enqueue=True, context="spawn", catch=False)
logger.add(of_text, context=multiprocessing.get_context("fork"))
logger.add(print)
seen: list[str] = []
logger.add(seen.append)
logger.add(lambda message: print(message, end=""))
logger.add(lambda message: None, format=lambda record: record["message"], filter=lambda record: bool(record["line"]))
logger.add(Callable())
logger.add(logging.StreamHandler())
logger.add(logging.NullHandler(), format="{message}")
logger.add(coroutine)
logger.add(coroutine, loop=loop, enqueue=True, context=None)
logger.add(AsyncCallable(), loop=None, serialize=False)
logger.add("a.log")
logger.add(Path("a.log"), level="TRACE", enqueue=True)
logger.add("a.log", rotation="1 MB", retention="1 week", compression="gz")
logger.add("a.log", rotation=1000, retention=3, compression=lambda path: None)
logger.add("a.log", rotation=dt.time(12), retention=dt.timedelta(days=1), compression=None)
logger.add("a.log", rotation=dt.timedelta(hours=1), retention=lambda paths: None)
logger.add("a.log", rotation=full, retention=None)
logger.add("a.log", rotation=lambda message, file: True)
logger.add("a.log", delay=True, watch=True, mode="w", buffering=-1, encoding="utf-8", errors="replace", newline="\n")
logger.add("a.log", closefd=True, opener=lambda path, flags: 0, catch=True, diagnose=True)
logger.add(sink="a.log")
logger.remove(0)
logger.remove(handler_id=None)
