"""Bound context in threads and processes that work for somebody."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from programs import Program

from mplog._logger.logger import Logger
from mplog.integrations.tasks import carry


def test_a_pool_of_threads(logger: Logger) -> None:
    """A function has the values of the moment in which it was wrapped, and leaves nothing in its thread."""
    got: list[tuple[str, Any]] = []
    logger.add(lambda message: got.append((message.record["message"], message.record["extra"])), format="{message}")
    with ThreadPoolExecutor(1) as pool:
        with logger.contextualize(order=1):
            first = carry(logger.info)
            with logger.contextualize(part=2):
                pool.submit(carry(logger.info), "inner").result()
        pool.submit(first, "outer").result()
        pool.submit(logger.info, "none").result()
    assert got == [("inner", {"order": 1, "part": 2}), ("outer", {"order": 1}), ("none", {})]


def test_it_looks_like_the_function() -> None:
    """Frameworks name tasks by their functions."""
    assert carry(len).__name__ == "len"
    assert pickle.loads(pickle.dumps(carry(len)))("abc") == 3


POOL = """
import multiprocessing, sys
from mplog import logger
from mplog.integrations.tasks import carry

def work(number):
    logger.info("{}", number)
    return number

if __name__ == "__main__":
    logger.remove()
    logger.add("app.log", format="{message} {extra}")
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        pool.apply(work, (0,))
        with logger.contextualize(order=17):
            assert pool.map(carry(work), range(1, 4)) == [1, 2, 3]
        pool.apply(work, (4,))
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes(program: Program, method: str) -> None:
    """The values travel with the function."""
    ended = program.run(POOL, method)
    assert sorted(ended.log()) == ["0 {}", *(f"{number} {{'order': 17}}" for number in (1, 2, 3)), "4 {}"]
