"""What the owner's `complete()`, `remove()` and end wait for, and what they do not wait for.

Covers logger-api.md, sections 18 and 19.
"""

from __future__ import annotations

import pytest
from programs import Program

JOINED = """
    import multiprocessing, sys, time
    from mplog import logger

    def work(name):
        for number in range(50):
            logger.info("{} {}", name, number)

    if __name__ == "__main__":
        logger.remove()
        texts, slow = [], []
        logger.add(texts.append, format="{message}")
        logger.add(lambda message: (time.sleep(0.001), slow.append(message)), format="{message}")
        logger.add("app.log", format="{process.id} {message}")
        expected = []
        for name in "abc":
            process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(name,))
            process.start()
            process.join()
            assert logger.complete()
            expected += [f"{name} {number}\\n" for number in range(50)]
            assert texts == slow == expected, (len(texts), len(slow), len(expected))
            with open("app.log") as file:
                assert [line.partition(" ")[2] for line in file] == expected
"""

INSIDE = """
    import multiprocessing
    from mplog import logger

    def work():
        for number in range(3):
            logger.info("{}", number)

    if __name__ == "__main__":
        logger.remove()
        answers = []
        logger.add(lambda message: answers.append(bool(logger.complete())), format="{message}")
        logger.add("app.log", format="{message}", filter=lambda record: answers.append(bool(logger.complete())) or True)
        process = multiprocessing.get_context("spawn").Process(target=work)
        process.start()
        process.join()
        logger.complete()
        assert answers == [False] * 6, answers
        logger.info("direct")
        assert len(answers) == 8
"""

REMOVED = """
    import multiprocessing, sys, threading, time
    from mplog import logger

    inside = threading.Event()

    def asks(record):
        inside.set()
        while sys.argv[1] in repr(logger):
            time.sleep(0.001)
        logger.level("INFO")
        logger.level("LATE", no=31)
        return True

    def work():
        logger.info("x")

    if __name__ == "__main__":
        logger.remove()
        number = logger.add(sys.argv[1], format="{message}", filter=lambda record: asks(record))
        process = multiprocessing.get_context("spawn").Process(target=work)
        process.start()
        assert inside.wait(30)
        logger.remove(number)
        process.join()
        assert logger.level("LATE").no == 31
"""

BLOCKED = """
    import multiprocessing, threading
    from mplog import QueueOptions, logger

    inside = threading.Event()

    def never(record):
        inside.set()
        threading.Event().wait()

    def work():
        logger.info("x")

    if __name__ == "__main__":
        logger.configure(queue=QueueOptions(shutdown_timeout=0.1))
        logger.remove()
        number = logger.add("app.log", format="{message}", filter=lambda record: never(record))
        other = logger.add("other.log", format="{message}")
        process = multiprocessing.get_context("spawn").Process(target=work)
        process.start()
        assert inside.wait(30)
        assert not logger.complete()
        assert not logger.complete(timeout=0.1)
        logger.remove(other)
        process.join()
"""

OWN_HANDLER = """
    import multiprocessing
    from mplog import logger

    got = []

    def sink(message):
        got.append(message)
        logger.remove(number)

    def work():
        for number in range(3):
            logger.info("{}", number)

    if __name__ == "__main__":
        logger.remove()
        number = logger.add(sink, format="{message}")
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        logger.complete()
        logger.remove()
        assert got == ["0\\n"], got
"""


THREADS = """
    import sys, threading
    from mplog import logger

    sys.setswitchinterval(1e-6)
    logger.remove()
    logger.add("app.log", format="{message}", enqueue=True)
    late = []

    def work(name):
        for number in range(100):
            logger.info("{} {}", name, number)
            if not logger.complete(timeout=5):
                late.append(name)
                return

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not late, late
    with open("app.log") as file:
        assert len(file.readlines()) == 400
"""


class TestComplete:
    def test_threads_do_not_take_each_others_place(self, program: Program) -> None:
        """Each one waits for its own records, also when another one that waits for less asks after it."""
        program.run(THREADS)

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_what_joined_workers_logged_is_in_every_sink(self, program: Program, method: str) -> None:
        """Nobody called `complete()` in the workers; their functions, slow ones too, and files have all of it."""
        program.run(JOINED, method)

    def test_not_from_inside_of_a_filter_or_sink(self, program: Program) -> None:
        """Called by what it would wait for, it is false at once."""
        program.run(INSIDE)


class TestRemove:
    def test_a_filter_may_ask_for_levels_meanwhile(self, program: Program) -> None:
        """The owner runs it for a worker's record, and waits for its end in `remove()`."""
        program.run(REMOVED, "app.log")

    def test_a_sink_may_remove_its_own_handler(self, program: Program) -> None:
        """For a worker's record, in its own thread; what comes later vanishes."""
        ended = program.run(OWN_HANDLER, silent=False)
        assert ended.said.count("\n") <= 1
        assert not ended.said or "was removed by its own sink; " in ended.said


class TestBounds:
    def test_a_filter_that_never_returns(self, program: Program) -> None:
        """It keeps neither `complete()`, nor the removal of another handler, nor the end of the program for ever."""
        ended = program.start(BLOCKED).wait()
        assert ended.status == 0, ended.said
        assert "some records could not be written before the end of process" in ended.said
        assert "Traceback" not in ended.said
