"""Threads may start processes at the same time.

Covers logger-api.md, sections 28 and 29.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

PROCESSES = """
    import multiprocessing, sys, threading
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(name):
        for n in range(50):
            logger.info("{} {}", name, n)

    def start(name):
        for n in range(3):
            process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(f"{name}{n}",))
            process.start()
            logger.info("{}", name)
            process.join()  # its exit status is unreliable in threads with forkserver, whatever mplog does

    if __name__ == "__main__":
        threads = [threading.Thread(target=start, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [thread.name for thread in threading.enumerate()] == ["MainThread", "mplog-writer"]
"""

IN_ONE_THREAD = """
    import os, sys, threading
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def start():
        for n in range(20):
            pid = os.fork()
            if not pid:
                logger.info("child {}", n)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0

    thread = threading.Thread(target=start)
    thread.start()
    for n in range(2000):
        logger.info("main {}", n)
    thread.join()
"""


class TestThreads:
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_that_start_processes_at_once(self, program: Program, method: str) -> None:
        """One writer in the end, and every line once."""
        # The interpreter itself warns of forks beside threads, which are the program's own.
        ended = program.run(PROCESSES, method, warnings="ignore")
        lines = [line for line in ended.log() if len(line.split()) > 2]
        expected = [f"{name}{n} {i}" for name in "abcd" for n in range(3) for i in range(50)]
        assert_once_in_order(lines, expected)
        assert len(ended.log()) == len(expected) + 12

    def test_a_fork_in_another_thread_than_the_main_one(self, program: Program) -> None:
        """The child's only thread is that one."""
        ended = program.run(IN_ONE_THREAD, warnings="ignore")
        assert_once_in_order(ended.log(), [f"child {n}" for n in range(20)] + [f"main {n}" for n in range(2000)])

    @pytest.mark.parametrize("way", ["direct", "enqueue"])
    def test_no_hook_comes_late(self, program: Program, way: str) -> None:
        """Nothing that mplog does later registers a fork hook, which would run for the second half of a fork only."""
        ended = program.run(LATE, way, warnings="ignore")
        assert [line for line in ended.log() if line.endswith(" last")]


LATE = """
    import os, sys, threading
    import mplog
    from mplog import logger

    hooks = []
    os.register_at_fork = lambda **given: hooks.append(given)
    options = {"enqueue": sys.argv[1] == "enqueue"}
    logger.remove()
    logger.add([].append, **options)  # no file: the writer is the first that needs a lock

    def child(*messages):
        pid = os.fork()
        if not pid:
            for message in messages:
                logger.info(message)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    for number in range(10):
        child(f"{number}")
    logger.add("app.log", format="{process.id} {message}", rotation="1 KB", compression="gz", retention=3, **options)
    for number in range(10):
        child(f"{number}", "x" * 1000)
    logger.complete()
    logger.info("last")
    logger.complete()
    assert not hooks, hooks
    assert "filelock" not in sys.modules
"""
