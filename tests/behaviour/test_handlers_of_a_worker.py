"""What a worker adds or removes is its own affair.

Covers logger-api.md, sections 18, 19 and 36.
"""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

OWN = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    shared = logger.add("app.log", format="{process.name} {message}")

    def work(name):
        logger.info("one")
        number = logger.add(f"{name}.log", format="{process.name} {message}", level="WARNING")
        assert number != shared
        logger.info("two")
        logger.warning("three")
        logger.remove(number)
        logger.warning("four")

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        for name in "ab":
            process = context.Process(target=work, args=(name,), name=name)
            process.start()
            process.join()
            assert process.exitcode == 0
        logger.warning("five")
"""

FUNCTION = """
    import multiprocessing, os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}")

    def work():
        def sink(message):
            with open("sink.txt", "a") as file:
                file.write(f"{os.getpid() == process_id} {message.record['message']}\\n")

        process_id = os.getpid()
        logger.add(sink)
        logger.info("to both")

    if __name__ == "__main__":
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        logger.info("to the owner's")
"""

REMOVE = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.name} {message}")
    logger.add("other.log", format="{process.name} {message}")

    def work(which):
        logger.info("before")
        if which == "all":
            logger.remove()
        elif which == "one":
            logger.remove(2)
        logger.info("after")

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        for name in ("all", "one", "none"):
            process = context.Process(target=work, args=(name,), name=name)
            process.start()
            process.join()
            assert process.exitcode == 0
        logger.info("end")
"""

SAME_NUMBERS = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("a.log")
    logger.remove(logger.add("b.log"))
    logger.add("c.log")

    def work(shown):
        assert [part.split(",")[0] for part in repr(logger).split("id=")[1:]] == shown, (logger, shown)

    if __name__ == "__main__":
        shown = [part.split(",")[0] for part in repr(logger).split("id=")[1:]]
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(shown,))
        process.start()
        process.join()
        assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", METHODS)
class TestAdd:
    def test_a_file_that_a_worker_adds_is_its_own(self, program: Program, method: str) -> None:
        """It gets the worker's records only, and the owner's handlers go on getting them, too."""
        ended = program.run(OWN, method)
        assert ended.log("a.log") == ["a three"]
        assert ended.log("b.log") == ["b three"]
        both = [f"{name} {message}" for name in "ab" for message in ("one", "two", "three", "four")]
        assert sorted(ended.log()) == sorted([*both, "MainProcess five"])

    def test_a_function_that_a_worker_adds_is_called_there(self, program: Program, method: str) -> None:
        """In the worker, for the worker's records."""
        ended = program.run(FUNCTION, method)
        assert (ended.here / "sink.txt").read_text() == "True to both\n"
        assert sorted(ended.log()) == ["to both", "to the owner's"]


@pytest.mark.parametrize("method", METHODS)
class TestRemove:
    def test_it_stops_a_handler_for_that_worker_only(self, program: Program, method: str) -> None:
        """Neither the owner nor another worker notices that one of them does not want a handler any more."""
        ended = program.run(REMOVE, method)
        kept = ["none before", "none after", "MainProcess end"]
        assert sorted(ended.log()) == sorted(["all before", "one before", "one after", *kept])
        assert sorted(ended.log("other.log")) == sorted(["all before", "one before", *kept])


@pytest.mark.parametrize("method", METHODS)
class TestIds:
    def test_inherited_handlers_have_the_owners_ids(self, program: Program, method: str) -> None:
        """`remove(id)` means the same handler in every process."""
        program.run(SAME_NUMBERS, method)
