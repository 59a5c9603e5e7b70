"""The end of a program loses nothing, in whichever order exit functions were registered and libraries imported.

Covers logger-api.md, sections 1 and 36.
"""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order

LATE_CHILD = """
    import sys
    order, library, method = sys.argv[1:4]
    names = ["mplog", f"{library}.util", "multiprocessing.util", "multiprocess.util"]
    if order == "after":
        names = names[:2]
    elif order == "before":
        names = names[1::-1]
    elif order == "between":
        names = [names[2], names[0], names[3]]
    elif order == "between the other way":
        names = [names[3], names[0], names[2]]
    for name in names:
        __import__(name)

    import importlib, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def work(told):
        told.recv()  # the parent is at the end of its code
        for n in range(100):
            logger.info("child {}", n)
            time.sleep(0.001)  # so that the parent's exit functions run meanwhile

    if __name__ == "__main__":
        context = importlib.import_module(library).get_context(method)
        told, tell = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(told,))
        process.start()
        logger.info("parent 0")
        tell.send("go")
"""

FIRST_OF_ALL = """
    import multiprocessing, sys, threading
    from mplog import logger

    got = []
    logger.remove()
    logger.add(sys.stderr, format="{message}")
    logger.add(lambda message: print(message, end="", flush=True), format="{message}")

    def work(told):
        told.recv()
        for n in range(3):
            logger.info("child {}", n)

    def refuse(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        told, tell = context.Pipe(duplex=False)
        context.Process(target=work, args=(told,)).start()
        threading.Thread.start = refuse  # As Python 3.12 does it when the code of the program has ended.
        tell.send("go")
"""

EXIT_FUNCTIONS = """
    import atexit, sys

    def say(text):
        from mplog import logger
        logger.info("{} 0", text)

    atexit.register(say, "registered before mplog")
    from mplog import logger

    if "mplog stops first" not in sys.argv:
        import multiprocessing.util, multiprocess.util
    logger.remove()
    logger.add("app.log", format="{message} {message}")
    logger.add(sys.stdout, format="{message}")
    logger.add(lambda message: None)
    enqueue = "enqueue" in sys.argv
    logger.add("enqueued.log", format="{message} {message}", enqueue=enqueue)
    atexit.register(say, "registered after mplog")
    if "fork" in sys.argv:
        import os
        pid = os.fork()
        if not pid:
            say("in a child")
            sys.exit()
        os.waitpid(pid, 0)

    class Last:
        def __init__(self):
            self.logger = logger

        def __del__(self):
            self.logger.info("too late")
            self.logger.bind(a=1).exception("{} {}", "too", "late")

    # The functions above keep this module alive until the interpreter takes all modules apart.
    last = Last()
"""

LAST_OBJECTS = """
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")

    class Resource:
        def __init__(self, name):
            self.name = name

        def __del__(self):
            logger.info("{} is closed", self.name)

    resource = Resource("one")
    cycle = [Resource("two")]
    cycle.append(cycle)
    logger.info("end of the code")
"""

CHILDS_END = """
    import importlib, os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")

    def leave(text):
        logger.info(text)

    def work(library, how):
        util = importlib.import_module(f"{library}.util")
        util.Finalize(None, leave, args=("finalizer 0",), exitpriority=10)
        util.Finalize(None, leave, args=("last finalizer 1",), exitpriority=-1000)
        if how == "raise":
            raise SystemExit(3)

    if __name__ == "__main__":
        library, method, how = sys.argv[1:4]
        process = importlib.import_module(library).get_context(method).Process(target=work, args=(library, how))
        process.start()
        process.join()
        assert process.exitcode == (3 if how == "raise" else 0), process.exitcode
"""

THREADS = """
    import sys, threading, time
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", enqueue="enqueue" in sys.argv)

    def finite():
        threading.main_thread().join()  # the interpreter waits for this thread before its exit functions
        for n in range(200):
            logger.info("thread {}", n)

    def endless():
        while True:
            logger.debug("from a daemon thread")

    threading.Thread(target=finite).start()
    threading.Thread(target=endless, daemon=True).start()
"""

CRASHES = """
    import os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")
    for n in range(50):
        logger.info("line {}", n)
    if sys.argv[1] == "exception":
        raise RuntimeError("the program's own end")
    if sys.argv[1] == "exit":
        sys.exit(1)
    os._exit(1)
"""

CHILDS_SINK = """
    import importlib, sys
    from mplog import logger

    def work():
        logger.add("app.log", format="{message}", enqueue=True)
        for n in range(3000):
            logger.info("child {}", n)

    if __name__ == "__main__":
        library, method = sys.argv[1:]
        logger.remove()
        child = importlib.import_module(library).get_context(method).Process(target=work)
        child.start()
        child.join()
"""


class TestImportOrder:
    @pytest.mark.parametrize("order", ["before", "after", "between", "between the other way"])
    @pytest.mark.parametrize("library", ["multiprocessing", "multiprocess"])
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_a_child_that_outlives_the_parents_code(
        self, program: Program, order: str, library: str, method: str
    ) -> None:
        """The owner serves until the library has joined its children, imported before mplog or after."""
        ended = program.run(LATE_CHILD, order, library, method)
        assert_once_in_order(ended.log(), ["parent 0", *[f"child {n}" for n in range(100)]])

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_first_records_that_come_when_no_thread_starts_any_more(self, program: Program, method: str) -> None:
        """Standard error and functions get what a child logs after the code of its parent has ended."""
        ended = program.run(FIRST_OF_ALL, method, silent=False)
        assert ended.said == ended.output == "child 0\nchild 1\nchild 2\n"


class TestExitFunctions:
    @pytest.mark.parametrize(
        "options", [(), ("mplog stops first",), ("fork",), ("enqueue",), ("fork", "enqueue")], ids=" ".join
    )
    def test_they_may_log(self, program: Program, options: tuple[str, ...]) -> None:
        """Functions that run before and after mplog's own one; later calls do nothing, and say nothing."""
        ended = program.run(EXIT_FUNCTIONS, *options)
        expected = {"registered before mplog 0", "registered after mplog 0"}
        if "fork" in options:
            expected.add("in a child 0")
        for name in ("app.log", "enqueued.log"):
            assert set(ended.log(name)) == {f"{message} {message}" for message in expected}, name
        assert set(ended.output.splitlines()) == expected

    def test_the_last_objects_may_log(self, program: Program) -> None:
        """`__del__` of objects that live as long as the main module."""
        ended = program.run(LAST_OBJECTS)
        assert sorted(ended.log()) == ["end of the code", "one is closed", "two is closed"]

    @pytest.mark.parametrize("library", ["multiprocessing", "multiprocess"])
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    @pytest.mark.parametrize("how", ["return", "raise"])
    def test_finalizers_of_a_child_may_log(self, program: Program, library: str, method: str, how: str) -> None:
        """A child's end is no end for the records of its finalizers, however late they run."""
        ended = program.run(CHILDS_END, library, method, how)
        assert_once_in_order(ended.log(), ["finalizer 0", "last finalizer 1"])

    @pytest.mark.parametrize("library", ["multiprocessing", "multiprocess"])
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_a_child_that_has_a_sink_of_its_own(self, program: Program, library: str, method: str) -> None:
        """What waits for that is written when the child ends, and the child's session is gone."""
        ended = program.run(CHILDS_SINK, library, method)
        assert ended.log() == [f"child {n}" for n in range(3000)]
        program.leaves_nothing()


class TestThreads:
    @pytest.mark.parametrize("options", [(), ("enqueue",)], ids=["direct", "enqueue"])
    def test_threads_at_the_end(self, program: Program, options: tuple[str, ...]) -> None:
        """Whoever the interpreter waits for gets everything written; who is cut off disturbs nothing."""
        ended = program.run(THREADS, *options)
        assert [line for line in ended.log() if line.startswith("thread")] == [f"thread {n}" for n in range(200)]


class TestUntidyEnds:
    @pytest.mark.parametrize("how", ["exception", "exit", "os._exit"])
    def test_what_has_been_logged_is_there(self, program: Program, how: str) -> None:
        """An uncaught exception, `sys.exit`, and an end without any exit function."""
        ended = program.run(CRASHES, how, status=1, silent=False)
        assert ended.log() == [f"line {n}" for n in range(50)]
