"""Forking never makes the interpreter warn of threads because of mplog, and a silent parent goes on draining.

Python 3.12 and later warn when a process that forks has several threads. Every program here runs with warnings as
errors, so that one warning would end it.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

LOOP = """
    import os, threading, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def one(n):
        pid = os.fork()
        if not pid:
            logger.info("{} 0", n)
            time.sleep(0.01)  # the parent's writer is busy with us while the next one is forked
            logger.info("{} 1", n)
            os._exit(0)
        return pid

    children = [os.fork() or os._exit(0) for _ in range(3)]
    for n in range(40):
        logger.info("parent {}", n)
        children.append(one(n))
    children += [(lambda: one(n))() for n in range(40, 45)]
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
"""

WITH_POOL = """
    import multiprocessing, os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(n):
        logger.info("job {}", n)

    if __name__ == "__main__":
        context = multiprocessing.get_context("fork")
        processes = [context.Process(target=work, args=(n,)) for n in range(10)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        with context.Pool(4) as pool:
            pool.map(work, range(10, 210), chunksize=10)
"""

IMPORT_TIME = """
    import forks_when_imported
"""

FORKS_WHEN_IMPORTED = """
    import os
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    class Forks:
        pids = []
        for n in range(3):
            pid = os.fork()
            if not pid:
                logger.info("child {}", n)
                os._exit(0)
            pids.append(pid)

    assert [os.waitpid(pid, 0)[1] for pid in Forks.pids] == [0, 0, 0]
    children = list(map(lambda _: os.fork() or os._exit(logger.info("child 3") or 0), [None]))
    assert os.waitpid(children[0], 0)[1] == 0

    def generate():
        for _ in range(2):
            yield os.fork()

    for n, pid in enumerate(generate(), 4):
        if not pid:
            logger.info("child {}", n)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
"""

SILENT = """
    import os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    pid = os.fork()
    if not pid:
        for n in range(4000):
            logger.info("{} {}", "x" * 200, n)
        with open("app.log") as file:
            # Far more than a ring holds, so most of it was drained while the parent slept in the kernel.
            assert len(file.readlines()) > 1000
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""

SILENT_DEEP = """
    import os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def fork_and_wait():
        return os.waitpid(os.fork() or work(), 0)

    def work():
        for n in range(4000):
            logger.info("{} {}", "x" * 200, n)
        with open("app.log") as file:
            assert len(file.readlines()) > 1000
        os._exit(0)

    assert fork_and_wait()[1] == 0
"""


class TestNoWarning:
    def test_forks_in_a_loop_while_earlier_children_log(self, program: Program) -> None:
        """From a function, a lambda and a comprehension, one after the other, with the writer busy in between."""
        ended = program.run(LOOP)
        expected = [f"parent {n}" for n in range(40)] + [f"{n} {i}" for n in range(45) for i in range(2)]
        assert_once_in_order(ended.log(), expected)

    def test_processes_and_pool(self, program: Program) -> None:
        """Several children of `multiprocessing`, then a pool beside a writer that runs."""
        ended = program.run(WITH_POOL)
        assert_once_in_order(ended.log(), [f"job {n}" for n in range(210)])

    def test_forks_in_odd_places(self, program: Program) -> None:
        """In the body of a class, in a module that is being imported, under `map`, and in a generator."""
        program.script(FORKS_WHEN_IMPORTED, "forks_when_imported.py")
        ended = program.run(IMPORT_TIME)
        assert_once_in_order(ended.log(), [f"child {n}" for n in range(6)])


class TestSilentParent:
    @pytest.mark.parametrize("source", [SILENT, SILENT_DEEP], ids=["module", "expression"])
    def test_it_drains_while_it_waits_for_its_child(self, program: Program, source: str) -> None:
        """A parent that goes straight from `fork` into `waitpid` still writes what its child logs."""
        ended = program.run(source)
        assert_once_in_order(ended.log(), [f"{'x' * 200} {n}" for n in range(4000)])
