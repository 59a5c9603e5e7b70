"""Handlers that only the parent's code adds serve its children, whatever the start method.

Covers logger-api.md, sections 18 and 36.
"""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("fork", "spawn", "forkserver")

GUARDED = """
    import importlib, os, sys
    from mplog import logger

    def work(n):
        logger.debug("too low")
        logger.warning("job {}", n)

    if __name__ == "__main__":
        library, method = sys.argv[1:3]
        logger.remove()
        logger.add("app.log", format="{level} {process.name} {message}", level="INFO")
        process = importlib.import_module(library).get_context(method).Process(target=work, args=(1,), name="W")
        process.start()
        process.join()
"""

NOTHING_YET = """
    import os, sys
    from mplog import logger

    logger.remove()
    told, tell = os.pipe()
    heard, answer = os.pipe()
    pid = os.fork()
    if not pid:
        logger.info("nobody listens")
        os.write(answer, b"!")
        os.read(told, 1)
        logger.info("now there is a handler")
        os._exit(0)
    os.read(heard, 1)
    logger.add("app.log", format="{message}")
    os.write(tell, b"!")
    os.waitpid(pid, 0)
"""

NO_HANDLER = """
    import multiprocessing, sys
    from mplog import logger

    def work():
        logger.info("nobody listens")

    if __name__ == "__main__":
        logger.remove()
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
"""


@pytest.mark.parametrize("method", METHODS)
class TestGuardedConfiguration:
    @pytest.mark.parametrize("library", ["multiprocessing", "multiprocess"])
    def test_children_use_it(self, program: Program, library: str, method: str) -> None:
        """Handlers behind `if __name__ == "__main__"` get what children log, with level and format as given."""
        ended = program.run(GUARDED, library, method)
        assert ended.log() == ["WARNING W job 1"]

    def test_what_the_parent_removed_stays_removed(self, program: Program, method: str) -> None:
        """A child does not start its own default handler beside a parent that has none."""
        program.run(NO_HANDLER, method)


class TestLater:
    def test_a_worker_older_than_the_first_handler_gets_it(self, program: Program) -> None:
        """A fork makes a session, so that the first `add()` after it reaches the child."""
        ended = program.run(NOTHING_YET)
        assert ended.log() == ["now there is a handler"]
