"""What the owner changes reaches workers that are running already.

Covers logger-api.md, section 36.
"""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

ANSWERING = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.name} {message}")

    def work(connection):
        for level, message in iter(connection.recv, None):
            try:
                logger.log(level, message)
                connection.send(None)
            except ValueError as error:
                connection.send(str(error))

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        connection, other = context.Pipe()
        process = context.Process(target=work, args=(other,), name="W")
        process.start()

        def ask(level, message):
            connection.send((level, message))
            return connection.recv()
"""

ADD_AND_REMOVE = """
        ask("INFO", "one")
        number = logger.add("added.log", format="{process.name} {message}", level="WARNING")
        ask("INFO", "two")
        ask("WARNING", "three")
        logger.remove(number)
        ask("WARNING", "four")
        logger.remove()
        ask("CRITICAL", "five")
        again = logger.add("again.log", format="{process.name} {message}")
        ask("INFO", "six")
        connection.send(None)
        process.join()
        assert process.exitcode == 0
"""

LEVEL = """
        assert ask("NOTICE", "one").startswith("Level 'NOTICE' does not exist")
        logger.level("NOTICE", no=22, icon="!")
        assert ask("NOTICE", "two") is None
        logger.level("NOTICE", icon="?")
        number = logger.add("icons.log", format="{level} {level.no} {level.icon} {message}")
        assert ask("NOTICE", "three") is None
        connection.send(None)
        process.join()
        assert process.exitcode == 0
"""

LOWER = """
        logger.remove()
        logger.add("app.log", format="{process.name} {message}", level="ERROR")
        ask("WARNING", "too low")
        number = logger.add("low.log", format="{process.name} {message}", level=1)
        ask(1, "low enough")
        logger.remove(number)
        ask(1, "too low again")
        ask("ERROR", "high enough")
        connection.send(None)
        process.join()
"""


@pytest.mark.parametrize("method", METHODS)
class TestRunningWorker:
    def test_handlers_come_and_go(self, program: Program, method: str) -> None:
        """The worker's next call after `add()` or `remove()` in the owner obeys it."""
        ended = program.run(ANSWERING + ADD_AND_REMOVE, method)
        assert ended.log() == ["W one", "W two", "W three", "W four"]
        assert ended.log("added.log") == ["W three"]
        assert ended.log("again.log") == ["W six"]

    def test_new_levels_are_known(self, program: Program, method: str) -> None:
        """A level that the owner makes can be used by workers, and a new icon shows there."""
        ended = program.run(ANSWERING + LEVEL, method)
        assert ended.log() == ["W two", "W three"]
        assert ended.log("icons.log") == ["NOTICE 22 ? three"]

    def test_the_gate_follows_the_lowest_level(self, program: Program, method: str) -> None:
        """A handler that wants lower records opens the gate of running workers, and its end closes it."""
        # By the time the child adds its file the owner may have added it again: that the levels differ may be said.
        ended = program.run(ANSWERING + LOWER, method, silent=False)
        assert ended.log() == ["W high enough"]
        assert ended.log("low.log") == ["W low enough"]


STARTED_LATE = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.name} {message}")

    def work(connection):
        for level, message in iter(connection.recv, None):
            logger.log(level, message)
            connection.send(None)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        connection, other = context.Pipe()
        logger.remove()
        process = context.Process(target=work, args=(other,), name="W")
        process.start()

        def ask(level, message):
            connection.send((level, message))
            return connection.recv()

        ask("INFO", "removed")
        logger.add("app.log", format="{process.name} {message}", level="ERROR")
        ask("INFO", "too low")
        ask("ERROR", "high enough")
        connection.send(None)
        process.join()
        assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", METHODS)
def test_what_was_removed_before_the_start(program: Program, method: str) -> None:
    """A child whose main module adds it again has no handler of its own for it, and its owner's when that adds it."""
    assert program.run(STARTED_LATE, method).log() == ["W high enough"]
