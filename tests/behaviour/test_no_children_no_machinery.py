"""A program without children pays for nothing that children need."""

from __future__ import annotations

import pytest
from programs import Program

SINGLE = """
    import _multiprocessing, multiprocessing, os, sys, threading
    made = []

    class Watched(_multiprocessing.SemLock):
        def __new__(cls, *args, **keywords):
            made.append(args)
            return super().__new__(cls, *args, **keywords)

    _multiprocessing.SemLock = Watched  # other programs make theirs beside this one, so names tell nothing
    from mplog import logger

    logger.add("app.log", rotation="300 B", compression="gz", retention=100)
    logger.add(sys.stdout, format="{message}")
    logger.add(lambda message: None)
    number = logger.add("other.log", mode="w")
    for n in range(50):
        logger.info("line {}", n)
    try:
        raise ValueError
    except ValueError:
        logger.bind(a=1).exception("failed")
    logger.remove(number)
    logger.complete()

    assert threading.active_count() == 1, threading.enumerate()
    assert multiprocessing.get_start_method(allow_none=True) is None
    runtime = os.environ["MPLOG_RUNTIME_DIR"]
    assert not os.path.exists(runtime) or os.listdir(runtime) == [], os.listdir(runtime)
    assert not made, made
    multiprocessing.Lock()
    assert made, "a semaphore would not have been seen"
    multiprocessing.set_start_method("spawn", force=True)
"""

IMPORTS = """
    import sys
    import mplog

    mplog.logger.remove()
    mplog.logger.add("app.log", rotation="1 MB")
    mplog.logger.info("")
    heavy = {
        "multiprocessing.util", "multiprocessing.synchronize", "multiprocessing.resource_tracker",
        "multiprocessing.connection", "multiprocessing.pool", "multiprocessing.queues", "multiprocessing.managers",
        "multiprocess", "dill", "filelock", "asyncio", "concurrent.futures", "colorama", "gzip",
        "tarfile", "zipfile", "ssl", "sqlite3", "unittest", "http", "email", "ctypes", "decimal", "logging", "shutil",
        "tempfile", "random", "hashlib", "calendar", "locale",
    }
    found = sorted(heavy & set(sys.modules))
    assert not found, found
"""

SUBPROCESS = """
    import os, subprocess, sys, threading
    from mplog import logger

    logger.add("app.log")
    logger.info("before")
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    logger.info("after")
    assert threading.active_count() == 1
    assert os.listdir(os.environ["MPLOG_RUNTIME_DIR"]) == []
"""


class TestOneProcess:
    def test_no_thread_no_semaphore_no_file_of_its_own(self, program: Program) -> None:
        """Importing, configuring and logging, with rotation and functions too, and the start method stays open."""
        ended = program.run(SINGLE, silent=False)
        assert [line.rpartition(" - ")[2] for line in ended.log()[:51]] == [*(f"line {n}" for n in range(50)), "failed"]
        assert ended.log()[-1] == "ValueError"
        assert ended.output.splitlines()[:50] == [f"line {n}" for n in range(50)]

    def test_a_child_that_is_another_program_needs_nothing_either(self, program: Program) -> None:
        """`subprocess` is no reason for a session."""
        program.run(SUBPROCESS, silent=False)

    def test_import_brings_nothing_heavy(self, program: Program) -> None:
        """Libraries that only some programs need are imported when they are needed."""
        program.run(IMPORTS)


class TestEnqueue:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_it_decides_nothing_about_start_methods(self, program: Program, method: str) -> None:
        """`enqueue=True` has one thread and no semaphore, and the start method can still be set."""
        program.run(
            """
            import multiprocessing, os, sys, threading
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}", enqueue=True)
            if __name__ == "__main__":
                logger.info("one")
                assert [thread.name for thread in threading.enumerate()] == ["MainThread", "mplog-writer"]
                assert multiprocessing.get_start_method(allow_none=True) is None
                assert not [name for name in os.listdir("/dev/shm") if name.startswith(f"sem.{os.getpid()}")]
                multiprocessing.set_start_method(sys.argv[1])
                process = multiprocessing.Process(target=logger.info, args=("two",))
                process.start()
                process.join()
                assert process.exitcode == 0
                logger.info("three")
                assert logger.complete()
                with open("app.log") as file:
                    assert sorted(file.read().split()) == ["one", "three", "two"]
            """,
            method,
        )
