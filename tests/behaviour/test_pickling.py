"""Records, messages and loggers travel.

Covers logger-api.md, sections 6, 7 and 28.
"""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import Any

import pytest
from programs import Program

from mplog import logger as the_logger
from mplog._logger.logger import Logger

METHODS = ("fork", "spawn", "forkserver")

ARGUMENT = """
    import importlib, sys
    from mplog import logger

    def work(bound, plain):
        bound.info("from the worker")
        bound.bind(more=2).info("with more")
        plain.info("plain")
        logger.info("imported")

    if __name__ == "__main__":
        library, method = sys.argv[1:3]
        logger.remove()
        logger.add("app.log", format="{extra} {message}")
        bound = logger.bind(request=7, who="me")
        process = importlib.import_module(library).get_context(method).Process(target=work, args=(bound, logger))
        process.start()
        process.join()
        assert process.exitcode == 0
"""

ATTRIBUTE = """
    import multiprocessing, sys
    from mplog import logger

    class Job:
        def __init__(self, name):
            self.name = name
            self.log = logger.bind(job=name)

        def run(self, n):
            self.log.info("{}", n)
            return n

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{extra[job]} {message}")
        with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
            assert pool.map(Job("a").run, range(20)) == list(range(20))
"""


class Odd(Exception):
    """An exception that cannot be pickled."""

    def __reduce__(self) -> Any:
        raise RuntimeError("no")


def one_message(logger: Logger, **extra: Any) -> Any:
    """The message of one call, with an exception."""
    got: list[Any] = []
    number = logger.add(got.append, format="{message}")
    try:
        raise ValueError("bad value")
    except ValueError:
        logger.bind(**extra).exception("failed")
    logger.remove(number)
    return got[0]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
class TestRecords:
    def test_a_message_keeps_text_and_record(self, logger: Logger, protocol: int) -> None:
        """All fields come back, the exception without its frames."""
        message = one_message(logger, user="me")
        back = pickle.loads(pickle.dumps(message, protocol))
        assert type(back) is type(message)
        assert str(back) == str(message)
        for name, value in message.record.items():
            if name != "exception":
                assert back.record[name] == value, name
        assert f"{back.record['time']:YYYY-MM-DD}" == f"{message.record['time']:YYYY-MM-DD}"
        assert f"{back.record['level']} {back.record['file']}" == "ERROR test_pickling.py"
        kind, value, trace = back.record["exception"]
        assert (kind, str(value), trace) == (ValueError, "bad value", None)

    def test_a_record_alone(self, logger: Logger, protocol: int) -> None:
        """It is a plain `dict`."""
        record = one_message(logger).record
        assert type(record) is dict
        back = pickle.loads(pickle.dumps(record, protocol))
        assert list(back) == list(record)

    def test_an_exception_that_cannot_be_pickled_is_left_out(self, logger: Logger, protocol: int) -> None:
        """Its type stays, its value is None; nothing raises on either side."""

        got: list[Any] = []
        logger.add(got.append)
        try:
            raise Odd
        except Odd:
            logger.exception("failed")
        back = pickle.loads(pickle.dumps(got[0], protocol))
        assert back.record["exception"] == (Odd, None, None)

    def test_copies(self, logger: Logger, protocol: int) -> None:
        """`copy` and `deepcopy` do what they do for any dict."""
        record = one_message(logger, a=[1]).record
        assert copy.copy(record)["extra"] == {"a": [1]}
        deep = copy.deepcopy({**record, "exception": None})
        assert deep["time"] == record["time"]
        assert isinstance(deep["elapsed"], dt.timedelta)


class TestLoggers:
    def test_a_logger_is_the_logger_of_the_process_it_arrives_in(self) -> None:
        """Configuration does not travel with it; what is bound does."""
        assert pickle.loads(pickle.dumps(the_logger)) is the_logger
        bound = pickle.loads(pickle.dumps(the_logger.bind(a=1)))
        got: list[Any] = []
        number = the_logger.add(got.append)
        try:
            bound.info("x")
        finally:
            the_logger.remove(number)
        assert got[0].record["extra"] == {"a": 1}

    @pytest.mark.parametrize("library", ["multiprocessing", "multiprocess"])
    @pytest.mark.parametrize("method", METHODS)
    def test_as_an_argument_of_a_process(self, program: Program, library: str, method: str) -> None:
        """A bound logger keeps its `extra` and writes where its owner's sinks are."""
        ended = program.run(ARGUMENT, library, method)
        bound = {"request": 7, "who": "me"}
        assert ended.log() == [
            f"{bound} from the worker",
            f"{ ({**bound, 'more': 2}) } with more",
            "{} plain",
            "{} imported",
        ]

    @pytest.mark.parametrize("method", METHODS)
    def test_as_an_attribute_of_what_a_pool_gets(self, program: Program, method: str) -> None:
        """Objects that hold a logger can be sent to workers."""
        ended = program.run(ATTRIBUTE, method)
        assert sorted(ended.log()) == sorted(f"a {n}" for n in range(20))
