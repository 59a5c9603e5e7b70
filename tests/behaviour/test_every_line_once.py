"""Every line that any process of a program logs is in the file once, whole, and in order per process.

Nothing is passed to a child and nothing is called in it, however it was started.

Covers logger-api.md, sections 18 and 36.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

METHODS = ("fork", "spawn", "forkserver")
LIBRARIES = ("multiprocessing", "multiprocess")

POOL = """
    import importlib, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(n):
        logger.info("job {}", n)
        return n

    if __name__ == "__main__":
        library, method, quick = sys.argv[1:4]
        context = importlib.import_module(library).get_context(method)
        with context.Pool(2) as pool:
            assert pool.map(work, range(1000), chunksize=20) == list(range(1000))
            if quick == "join":
                pool.close()
                pool.join()
"""

PROCESSES = """
    import importlib, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(name):
        for n in range(200):
            logger.info("{} {}", name, n)

    if __name__ == "__main__":
        library, method, daemon, joined = sys.argv[1:5]
        context = importlib.import_module(library).get_context(method)
        processes = [context.Process(target=work, args=(name,), daemon=daemon == "daemon") for name in "ab"]
        for process in processes:
            process.start()
        work("parent")
        for process in processes if joined == "joined" else []:
            process.join()
            assert process.exitcode == 0
"""

EXECUTOR = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(n):
        logger.info("job {}", n)
        return n

    if __name__ == "__main__":
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(sys.argv[1])) as executor:
            assert sum(executor.map(work, range(400), chunksize=20)) == sum(range(400))
"""

GENERATIONS = """
    import importlib, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(library, method, name, generations):
        for n in range(50):
            logger.info("{} {}", name, n)
        if generations:
            context = importlib.import_module(library).get_context(method)
            process = context.Process(target=work, args=(library, method, f"child of {name}", generations - 1))
            process.start()
            for n in range(50, 100):
                logger.info("{} {}", name, n)
            process.join()

    if __name__ == "__main__":
        work(*sys.argv[1:3], "parent", 2)
"""

BARE_FORK = """
    import os
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    children = []
    for name in "abc":
        pid = os.fork()
        if not pid:
            for n in range(200):
                logger.info("{} {}", name, n)
            if name == "c":
                grandchild = os.fork()
                for n in range(200, 300):
                    logger.info("{} {}", name if grandchild else "child of c", n)
                if grandchild:
                    os.waitpid(grandchild, 0)
            os._exit(0)
        children.append(pid)
    for n in range(200):
        logger.info("parent {}", n)
    for pid in children:
        assert os.waitpid(pid, 0)[1] == 0
"""

ONE_TASK_EACH = """
    import multiprocessing, os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(n):
        logger.info("job {}", n)
        return os.getpid()

    if __name__ == "__main__":
        with multiprocessing.get_context(sys.argv[1]).Pool(2, maxtasksperchild=1) as pool:
            assert len(set(pool.map(work, range(12), chunksize=1))) == 12
"""

TERMINATED = """
    import multiprocessing, os, sys, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(name):
        with open("returned.txt", "ab", buffering=0) as returned:
            for n in range(100_000_000):
                logger.info("{} {}", name, n)
                returned.write(b"%d\\n" % n)

    if __name__ == "__main__":
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=("worker",), daemon=True)
        process.start()
        while not os.path.exists("returned.txt") or os.path.getsize("returned.txt") < 2000:
            time.sleep(0.005)
"""


def messages(names: list[str], count: int) -> list[str]:
    """What the processes *names* log, *count* lines each."""
    return [f"{name} {n}" for name in names for n in range(count)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("library", LIBRARIES)
class TestBothLibraries:
    def test_pool_that_is_terminated_right_after_map(self, program: Program, library: str, method: str) -> None:
        """`with Pool(...)` terminates its workers as soon as the results are there; their lines are there, too."""
        ended = program.run(POOL, library, method, "terminate")
        assert_once_in_order(ended.log(), messages(["job"], 1000))

    def test_process(self, program: Program, library: str, method: str) -> None:
        """Processes that are joined, and their parent meanwhile."""
        ended = program.run(PROCESSES, library, method, "normal", "joined")
        assert_once_in_order(ended.log(), messages(["a", "b", "parent"], 200))

    def test_children_of_children(self, program: Program, library: str, method: str) -> None:
        """Three generations write through the first one's sinks."""
        ended = program.run(GENERATIONS, library, method)
        expected = messages(["parent", "child of parent"], 100) + messages(["child of child of parent"], 50)
        assert_once_in_order(ended.log(), expected)


@pytest.mark.parametrize("method", METHODS)
class TestStandardLibrary:
    def test_pool_that_is_joined(self, program: Program, method: str) -> None:
        """A pool that ends in good order."""
        ended = program.run(POOL, "multiprocessing", method, "join")
        assert_once_in_order(ended.log(), messages(["job"], 1000))

    def test_executor(self, program: Program, method: str) -> None:
        """`concurrent.futures.ProcessPoolExecutor`."""
        ended = program.run(EXECUTOR, method)
        assert_once_in_order(ended.log(), messages(["job"], 400))

    def test_process_that_nobody_joins(self, program: Program, method: str) -> None:
        """The interpreter waits for such a child at its own end; mplog stops after that."""
        ended = program.run(PROCESSES, "multiprocessing", method, "normal", "forgotten")
        assert_once_in_order(ended.log(), messages(["a", "b", "parent"], 200))

    def test_pool_with_one_task_for_each_worker(self, program: Program, method: str) -> None:
        """Workers that come and go all the time; with fork they come out of a thread of the pool itself."""
        # From 3.12 on the interpreter warns of forks beside the pool's own threads, whatever mplog does.
        ended = program.run(ONE_TASK_EACH, method, warnings="default", silent=False)
        assert_once_in_order(ended.log(), messages(["job"], 12))

    def test_daemon_that_is_terminated(self, program: Program, method: str) -> None:
        """The end of the parent kills a daemonic child in the middle of its work; what had returned is there."""
        ended = program.run(TERMINATED, method)
        returned = [int(line) for line in (ended.here / "returned.txt").read_text().splitlines()]
        lines = ended.log()
        assert len(lines) in (len(returned), len(returned) + 1)
        assert_once_in_order(lines, messages(["worker"], len(lines)))


class TestBareFork:
    def test_children_that_leave_by_os_exit(self, program: Program) -> None:
        """`os._exit` is an ordinary end, for children and for their children."""
        ended = program.run(BARE_FORK)
        expected = messages(["a", "b", "c", "parent"], 200) + [
            f"{name} {n}" for name in ("c", "child of c") for n in range(200, 300)
        ]
        assert_once_in_order(ended.log(), expected)
