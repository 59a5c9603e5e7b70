"""Coroutines and standard handlers live in the owner, which gets the records of workers; logger-api.md, section 30.

And section 31; row 8a of beyond.md: at most once, in order, each behind its own queue, losses counted.
"""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

COROUTINE = """
    import asyncio, multiprocessing, os, sys
    from mplog import logger

    got = []

    async def sink(message):
        await asyncio.sleep(0)
        got.append(message)

    def work(name):
        for n in range(200):
            logger.bind(n=n).info("{} {}", name, n)
        assert logger.complete()

    async def main():
        logger.remove()
        logger.add(sink, format="{process.name} {message}", enqueue="enqueue" in sys.argv)
        context = multiprocessing.get_context(sys.argv[1])
        processes = [context.Process(target=work, args=(name,), name=name) for name in "ab"]
        for process in processes:
            process.start()
        for n in range(200):
            logger.info("main {}", n)
            if n % 20 == 0:
                await asyncio.sleep(0)
        for process in processes:
            await asyncio.get_running_loop().run_in_executor(None, process.join)
            assert process.exitcode == 0
        assert await logger.complete()
        for name in ("a", "b", "main"):
            mine = [message for message in got if message.split()[1] == name]
            assert [int(message.split()[2]) for message in mine] == list(range(200)), name
            shown = "MainProcess" if name == "main" else name
            assert {message.split()[0] for message in mine} == {shown}
            if name != "main":
                assert [message.record["extra"]["n"] for message in mine] == list(range(200))
                assert {message.record["function"] for message in mine} == {"work"}
                assert {message.record["process"].id for message in mine}.isdisjoint({os.getpid()})
        assert len(got) == 600

    if __name__ == "__main__":
        asyncio.run(main())
"""

LOOP_IN_A_THREAD = """
    import asyncio, multiprocessing, sys, threading
    from mplog import logger

    got = []

    async def sink(message):
        assert threading.current_thread().name == "loop"
        got.append(int(message))
        if message == "13\\n":
            raise OSError("cannot take 13")

    def work():
        for n in range(300):
            logger.info(n)

    if __name__ == "__main__":
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="loop")
        thread.start()
        logger.remove()
        logger.add(sink, format="{message}", loop=loop)
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()

        async def complete():
            return await logger.complete()

        assert asyncio.run_coroutine_threadsafe(complete(), loop).result(30)
        assert got == list(range(300)), got
        logger.remove()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
"""

CONFIGURED_AGAIN = """
    import asyncio, logging, multiprocessing, sys
    from mplog import logger

    def note(text):
        with open("seen.txt", "a") as file:
            file.write(text)

    async def later(message):
        note(f"later {message}")

    class Handler(logging.Handler):
        def emit(self, record):
            note(f"handler {record.getMessage()}\\n")

    logger.remove()
    logger.add(later, format="{message}")
    logger.add(Handler(), format="{message}")
    logger.add(lambda message: note(f"first {message}"), format="{message}")
    logger.add(lambda message: note(f"second {message}"), format="{message}")

    def work():
        logger.info("from the worker")
        logger.complete()

    async def main():
        logger.info("from the owner")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        await asyncio.get_running_loop().run_in_executor(None, process.join)
        await logger.complete()

    if __name__ == "__main__":
        asyncio.run(main())
"""

IN_A_LOOP_OF_THE_CHILD = """
    import asyncio, multiprocessing, os, sys, threading
    from mplog import logger

    owner = os.getpid()
    completed = []

    class Buffering:
        def __init__(self):
            self.lines = []

        def write(self, message):
            self.lines.append(str(message))

        async def complete(self):
            completed.append(os.getpid())
            await asyncio.sleep(0)
            lines, self.lines = self.lines, []
            with open("sent.txt", "a") as file:
                file.writelines(lines)

    async def endless(message):
        await asyncio.sleep(600)

    def work():
        async def main():
            logger.info("child")
            assert await asyncio.wait_for(complete(), 30)
            assert completed == []

        asyncio.run(main())

    async def complete():
        return await logger.complete()

    async def main():
        buffering = Buffering()
        logger.add(buffering, format="{message}")
        number = logger.add(endless, format="{message}")
        logger.info("parent")
        await asyncio.sleep(0)
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        await asyncio.get_running_loop().run_in_executor(None, process.join)
        assert process.exitcode == 0
        # Its record is in the stream's hands, for complete() in the child has waited for the queue.
        assert buffering.lines == ["parent\\n", "child\\n"], buffering.lines
        assert not await logger.complete(timeout=0.01)
        logger.remove(number)
        assert await logger.complete(timeout=30)

    logger.remove()
    if __name__ == "__main__":
        asyncio.run(main())
"""

LEVEL_OF_THE_MOMENT = """
    import logging, multiprocessing, sys
    from mplog import logger

    class Handler(logging.Handler):
        def __init__(self):
            super().__init__("ERROR")
            self.got = []

        def emit(self, record):
            assert self.lock._is_owned()
            self.got.append(record.getMessage())

    def work(connection):
        for step in iter(connection.recv, None):
            logger.info("{} info", step)
            logger.error("{} error", step)
            logger.complete()
            connection.send(step)

    if __name__ == "__main__":
        logger.remove()
        handler = Handler()
        logger.add(handler, format="{message}")
        connection, other = multiprocessing.Pipe()
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(other,))
        process.start()
        for step, level in enumerate(("ERROR", "CRITICAL", "INFO")):
            handler.setLevel(level)
            connection.send(step)
            assert connection.recv() == step
        connection.send(None)
        process.join()
        assert handler.got == ["0 error", "2 info", "2 error"], handler.got
"""

STANDARD = """
    import logging, multiprocessing, os, sys, threading
    from mplog import logger

    class Handler(logging.Handler):
        def __init__(self):
            super().__init__()
            self.got = []

        def emit(self, record):
            self.got.append(record)

    def work(connection):
        logger.bind(name="n", message="m").warning("hello {}", "world")
        line = work.__code__.co_firstlineno + 1
        try:
            int("x")
        except ValueError:
            logger.exception("failed")
        assert logger.complete()
        connection.send((os.getpid(), threading.get_ident(), line))

    if __name__ == "__main__":
        logger.remove()
        handler = Handler()
        logger.add(handler, format="{level} {message}")
        connection, other = multiprocessing.Pipe()
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(other,), name="W")
        process.start()
        pid, thread, line = connection.recv()
        first, second = handler.got  # complete() in the worker has waited for them.
        process.join()
        assert process.exitcode == 0
        assert first.getMessage() == "WARNING hello world"
        assert (first.levelno, first.levelname) == (30, "WARNING")
        assert (first.process, first.processName, first.thread, first.threadName) == (pid, "W", thread, "MainThread")
        assert (first.lineno, first.funcName, first.module, first.filename) == (line, "work", "program", "program.py")
        assert first.pathname == os.path.abspath(__file__)
        assert first.name == ("__main__" if sys.argv[1] == "fork" else "__mp_main__")
        assert first.extra == {"name": "n", "message": "m"}
        assert first.exc_info is first.exc_text is None
        assert second.exc_text == "\\n"
        kind, value, traceback = second.exc_info
        assert issubclass(kind, BaseException) and kind.__name__ == "ValueError" and isinstance(value, kind)
        assert str(value) == "invalid literal for int() with base 10: 'x'" and traceback is None
        text = second.getMessage()
        assert text.startswith("ERROR failed\\nTraceback") and text.rstrip().endswith(f"ValueError: {value}")
        assert logging.Formatter("%(message)s").format(second).count("Traceback") == 1
"""

SLOW = """
    import asyncio, logging, multiprocessing, os, sys, threading, time
    from mplog import logger

    release = threading.Event()
    seen = []

    class Handler(logging.Handler):
        def emit(self, record):
            release.wait(60)
            seen.append(record.getMessage())

    def function(message):
        release.wait(60)

    def work():
        for n in range(1000):
            logger.info("line {}", n)

    if __name__ == "__main__":
        logger.remove()
        logger.add(Handler(), format="{message}")
        logger.add(function, format="{message}")
        logger.add("app.log", format="{message}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        deadline = time.monotonic() + 60
        while True:
            with open("app.log") as file:
                if len(file.readlines()) == 1000:
                    break
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert seen == []
        release.set()
        logger.remove()
        assert seen == [f"line {n}" for n in range(1000)]
"""

ENDED_LOOP = """
    import asyncio, multiprocessing, sys
    from mplog import logger

    async def sink(message):
        pass

    def work():
        for n in range(50):
            logger.info("line {}", n)
        assert logger.complete()

    async def add():
        logger.add(sink)

    if __name__ == "__main__":
        logger.remove()
        asyncio.run(add())
        logger.add("app.log", format="{message}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
"""

UNFINISHED = """
    import asyncio, multiprocessing, sys
    from mplog import logger

    async def sink(message):
        await asyncio.sleep(60)

    def work():
        for n in range(50):
            logger.info("line {}", n)
        assert logger.complete()

    async def main():
        logger.add(sink)
        logger.add("app.log", format="{message}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        await asyncio.get_running_loop().run_in_executor(None, process.join)
        assert not await logger.complete(timeout=0.01)

    if __name__ == "__main__":
        logger.remove()
        asyncio.run(main())
"""

OWN = """
    import asyncio, logging, multiprocessing, sys
    from mplog import logger

    def work():
        got = []

        async def sink(message):
            got.append(str(message))

        class Handler(logging.Handler):
            def emit(self, record):
                got.append(f"handler {record.getMessage()}")

        async def main():
            first, second = logger.add(sink, format="{message}"), logger.add(Handler(), format="{message}")
            logger.info("x")
            await logger.complete()
            logger.remove(first)
            logger.remove(second)
            logger.info("y")

        asyncio.run(main())
        assert got == ["handler x", "x\\n"], got

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{message}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
"""

STOPS = """
    import os, sys
    from mplog import logger

    class Stream:
        def __init__(self, name):
            self.name = name

        def write(self, message):
            print(self.name, message.strip(), flush=True)

        def stop(self):
            print(self.name, "stopped", flush=True)
            if self.name == "first":
                raise OSError("cannot stop")

    logger.remove()
    logger.add(Stream("first"), format="{message}")
    logger.add(Stream("second"), format="{message}")
    logger.info("x")
    pid = os.fork()
    if not pid:
        sys.exit()
    os.waitpid(pid, 0)
"""


@pytest.mark.parametrize("method", METHODS)
class TestCoroutines:
    @pytest.mark.parametrize("enqueue", ["", "enqueue"])
    def test_records_of_workers_become_tasks_of_the_owner(self, program: Program, method: str, enqueue: str) -> None:
        """All of them, once, in order; `complete()` in the owner waits for their tasks."""
        program.run(COROUTINE, method, enqueue)

    def test_a_loop_in_a_thread_of_the_owner(self, program: Program, method: str) -> None:
        """The one that was given to `add()`; an error costs one record, and is reported."""
        ended = program.run(LOOP_IN_A_THREAD, method, silent=False)
        assert ended.said.count("OSError: cannot take 13") == 1

    def test_a_closed_loop_loses_nothing_but_its_own(self, program: Program, method: str) -> None:
        """The loss is said once, and `complete()` in the worker comes back; W11 of the field notes."""
        ended = program.run(ENDED_LOOP, method, silent=False)
        assert ended.log() == [f"line {n}" for n in range(50)]
        assert ended.said.count("are lost: its event loop is closed") == 1
        assert len(ended.said.splitlines()) == 1

    def test_unfinished_tasks_do_not_delay_the_end(self, program: Program, method: str) -> None:
        """They are cancelled with their loop, which is said once."""
        ended = program.run(UNFINISHED, method, silent=False)
        assert ended.said.count("their event loop ended before their tasks did") == len(ended.said.splitlines()) == 1
        assert ended.log() == [f"line {n}" for n in range(50)]
        assert ended.seconds < 30

    def test_complete_in_a_loop_of_the_child(self, program: Program, method: str) -> None:
        """It waits for the queue; tasks, and streams that complete as coroutines, are left to the owner."""
        ended = program.run(IN_A_LOOP_OF_THE_CHILD, method)
        assert (ended.here / "sent.txt").read_text() == "parent\nchild\n"


@pytest.mark.parametrize("method", METHODS)
class TestStandardHandlers:
    def test_the_record_is_that_of_the_worker(self, program: Program, method: str) -> None:
        """Process, thread, place, extra and exception; `complete()` in the worker waits for the handler."""
        program.run(STANDARD, method)


@pytest.mark.parametrize("method", METHODS)
class TestAll:
    def test_module_level_configuration_that_runs_again(self, program: Program, method: str) -> None:
        """Joins the owner's handlers, two of one name as well: each sink gets each record once."""
        ended = program.run(CONFIGURED_AGAIN, method)
        expected = [
            f"{name} from the {who}" for name in ("first", "handler", "later", "second") for who in ("owner", "worker")
        ]
        assert sorted((ended.here / "seen.txt").read_text().splitlines()) == expected

    def test_a_sink_that_takes_nothing_slows_no_file(self, program: Program, method: str) -> None:
        """The file has everything before the others have begun."""
        program.run(SLOW, method)

    def test_a_workers_own(self, program: Program, method: str) -> None:
        """Belong to the worker, and end with their removal there."""
        ended = program.run(OWN, method)
        assert ended.log() == ["x", "y"]


class TestLevelsOfStandardHandlers:
    def test_they_are_those_of_the_owner(self, program: Program) -> None:
        """As they are when the record arrives; the handler's lock is held."""
        program.run(LEVEL_OF_THE_MOMENT, "spawn")


class TestEnd:
    def test_sinks_are_told_about_the_end(self, program: Program) -> None:
        """In their owner only; an error of one is reported, and the next one is told as well."""
        ended = program.run(STOPS, silent=False)
        assert ended.output.splitlines() == ["first x", "second x", "first stopped", "second stopped"]
        assert "OSError: cannot stop" in ended.said
