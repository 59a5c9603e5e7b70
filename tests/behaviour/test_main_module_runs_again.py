"""Configuration at module level that runs again in a spawned child changes nothing about the files of its owner.

Covers logger-api.md, section 36.
"""

from __future__ import annotations

import pytest
from programs import Program

METHODS = ("spawn", "forkserver")
LIBRARIES = ("multiprocessing", "multiprocess")

SCRIPT = """
    import importlib, os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", mode="w")
    other = logger.add("other.log", format="{message}", mode="x")
    logger.info("module {} in {}", __name__, "owner" if __name__ == "__main__" else "child")

    def work():
        assert repr(logger).count("sink=") == 2, logger
        logger.info("work in child")

    if __name__ == "__main__":
        library, method = sys.argv[1:3]
        logger.info("before the child")
        process = importlib.import_module(library).get_context(method).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
        logger.info("after the child")
"""

SETTINGS = """
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.name} {message}", mode="w")
"""

PRELOADED = """
    import importlib, sys
    from mplog import logger
    import settings

    def work(n):
        logger.info("job {}", n)

    if __name__ == "__main__":
        library = importlib.import_module(sys.argv[1])
        library.set_forkserver_preload(["settings"])
        logger.info("before")
        context = library.get_context("forkserver")
        for n in range(2):
            process = context.Process(target=work, args=(n,), name=f"W{n}")
            process.start()
            process.join()
"""

ONE_AT_A_TIME = """
    import multiprocessing, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", rotation="10 MB", compression="gz", retention=2)

    def work(n):
        logger.info("job {}", n)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[1])
        for n in range(3):
            process = context.Process(target=work, args=(n,))
            process.start()
            process.join()
"""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("library", LIBRARIES)
class TestMainModule:
    def test_nothing_is_truncated_or_doubled(self, program: Program, library: str, method: str) -> None:
        """`mode="w"` empties the file once and `mode="x"` makes it once: in the owner; each line is there once."""
        (program.here / "app.log").write_text("from an earlier run\n")

        ended = program.run(SCRIPT, library, method)

        expected = ["before the child", "module __main__ in owner", "work in child", "after the child"]
        lines = ended.log()
        from_module = [line for line in lines if "in child" in line and line.startswith("module")]
        if method == "spawn" or from_module:  # Newer fork servers import it before there is a child.
            assert from_module == ["module __mp_main__ in child"]
        assert sorted(line for line in lines if line not in from_module) == sorted(expected)
        # The owner's own lines go past its writer, so nobody promises where they stand among its workers'.
        assert sorted(ended.log("other.log")) == sorted(lines)


@pytest.mark.parametrize("library", LIBRARIES)
class TestForkServer:
    def test_configuration_that_it_preloads_is_joined_to_the_owners(self, program: Program, library: str) -> None:
        """A fork server is never an owner: what it imports and configures opens and truncates nothing."""
        program.script(SETTINGS, "settings.py")
        ended = program.run(PRELOADED, library)
        assert ended.log() == ["MainProcess before", "W0 job 0", "W1 job 1"]


@pytest.mark.parametrize("method", METHODS)
class TestFileOptions:
    def test_children_that_come_and_go_do_not_end_the_file(self, program: Program, method: str) -> None:
        """The end of a child neither rotates nor compresses what its owner still writes."""
        ended = program.run(ONE_AT_A_TIME, method)
        assert ended.log() == ["job 0", "job 1", "job 2"]
        assert [path.name for path in ended.here.iterdir()] == ["app.log"]
