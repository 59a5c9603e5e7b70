"""A program started by anything finds its owner by itself, with its first record, unless it has a configuration.

beyond.md, row 28.
"""

from __future__ import annotations

import pytest
from attached import OWNER, write_helper
from programs import Program, assert_once_in_order

PLAIN = """
    import sys
    from mplog import logger

    for number in range(int(sys.argv[2])):
        logger.info("{} {}", sys.argv[1], number)
"""

STARTS_ONE = """
    import subprocess, sys
    from mplog import attach, logger

    logger.remove()
    logger.add("app.log", format="{message}")
    attach()
    ended = subprocess.run([sys.executable, "-W", "error", *sys.argv[1:]], capture_output=True, text=True)
    print(ended.stdout, end="")
    print(ended.stderr, end="", file=sys.stderr)
    sys.exit(ended.returncode)
"""


class TestWithoutAConfiguration:
    def test_records_are_in_the_owners_file(self, program: Program) -> None:
        """Three programs and the owner at once, across rotations: each line once, in order."""
        ended = program.run(OWNER, write_helper(program, PLAIN))
        expected = [f"{name} {n}" for name in ("owner", "helper0", "helper1", "helper2") for n in range(500)]
        assert_once_in_order(ended.log(), expected)

    def test_a_level_of_its_own_is_no_configuration(self, program: Program) -> None:
        """It has no handler yet; the level is known in the owner's file, too."""
        helper = write_helper(
            program,
            """
            from mplog import logger

            logger.level("NOTICE", no=27)
            logger.log("NOTICE", "one")
            """,
        )
        assert program.run(STARTS_ONE, helper).log() == ["one"]

    def test_a_call_below_every_level_is_the_first(self, program: Program) -> None:
        """It joins before the level is looked at, since the owner's may be lower than the default one."""
        helper = write_helper(
            program,
            """
            from mplog import logger

            logger.trace("one")
            """,
        )
        owner = STARTS_ONE.replace('format="{message}"', 'format="{message}", level="TRACE"')
        assert program.run(owner, helper).log() == ["one"]

    def test_records_of_standard_logging_come_along(self, program: Program) -> None:
        """They are records as any other."""
        helper = write_helper(
            program,
            """
            import logging
            from mplog.integrations.standard import intercept

            intercept()
            logging.getLogger("library").warning("one")
            """,
        )
        assert program.run(STARTS_ONE, helper).log() == ["one"]

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_its_children_do_so_too(self, program: Program, method: str) -> None:
        """A pool that is made before the first record of its parent."""
        helper = write_helper(
            program,
            """
            import multiprocessing, sys
            from mplog import logger

            def work(n):
                logger.info("job {}", n)

            if __name__ == "__main__":
                with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                    pool.map(work, range(20))
                logger.info("done")
            """,
        )
        ended = program.run(STARTS_ONE, helper, method)
        assert sorted(ended.log()) == sorted([*(f"job {n}" for n in range(20)), "done"])

    def test_a_killed_one_has_logged(self, program: Program) -> None:
        """As any worker."""
        helper = write_helper(
            program,
            """
            import os, signal
            from mplog import logger

            logger.info("one")
            os.kill(os.getpid(), signal.SIGKILL)
            """,
        )
        owner = STARTS_ONE.replace("sys.exit(ended.returncode)", "assert ended.returncode == -9")
        assert program.run(owner, helper).log() == ["one"]

    def test_what_is_added_afterwards_is_its_own(self, program: Program) -> None:
        """It is a worker by then, and may have further sinks."""
        helper = write_helper(
            program,
            """
            from mplog import logger

            logger.info("one")
            logger.add("own.log", format="{message}")
            logger.info("two")
            """,
        )
        ended = program.run(STARTS_ONE, helper)
        assert ended.log() == ["one", "two"]
        assert ended.log("own.log") == ["two"]


class TestWithAConfiguration:
    @pytest.mark.parametrize(
        "configuring",
        [
            'logger.add("own.log", format="{message}")',
            'logger.remove(); logger.add("own.log", format="{message}")',
            'logger.configure(handlers=[{"sink": "own.log", "format": "{message}"}])',
            'from mplog.integrations.standard import Handler; Handler(sink="own.log", format="{message}")',
        ],
    )
    def test_it_is_on_its_own(self, program: Program, configuring: str) -> None:
        """A program that says where its records go is obeyed."""
        helper = write_helper(
            program,
            f"""
            from mplog import logger

            {configuring}
            logger.info("one")
            """,
        )
        ended = program.run(STARTS_ONE, helper, silent=False)
        assert ended.log() == []
        assert ended.log("own.log") == ["one"]

    def test_silence_is_a_configuration(self, program: Program) -> None:
        """A program that has removed everything logs nothing."""
        helper = write_helper(
            program,
            """
            from mplog import logger

            logger.remove()
            logger.info("one")
            """,
        )
        assert program.run(STARTS_ONE, helper).log() == []

    def test_attach_joins_all_the_same(self, program: Program) -> None:
        """Its own handlers stay, and the owner's come."""
        helper = write_helper(
            program,
            """
            from mplog import attach, logger

            logger.add("own.log", format="{message}")
            assert attach()
            logger.info("one")
            """,
        )
        ended = program.run(STARTS_ONE, helper)
        assert ended.log() == ["one"]
        assert ended.log("own.log") == ["one"]


class TestWithoutAnOwner:
    @pytest.mark.parametrize("kind", ["ended", "no session", "no path"])
    def test_the_default_handler_is_used(self, program: Program, kind: str) -> None:
        """The variable names what is not there: nothing is said of that, and records go to standard error."""
        owner = program.run("import os; from mplog import attach; attach(); print(os.environ['MPLOG_SESSION'])")
        named = {"ended": owner.output.strip(), "no session": "/tmp", "no path": "x"}[kind]
        ended = program.run(PLAIN, "helper", "2", environment={"MPLOG_SESSION": named}, silent=False)
        assert [line.rpartition(" - ")[2] for line in ended.said.splitlines()] == ["helper 0", "helper 1"]

    def test_an_owner_that_is_killed_is_survived(self, program: Program) -> None:
        """What has joined goes on by itself, as every worker does."""
        helper = write_helper(
            program,
            """
            import os, signal, time
            from mplog import logger

            logger.info("one")
            owner, deadline = os.getppid(), time.monotonic() + 20
            os.kill(owner, signal.SIGKILL)
            while os.getppid() == owner and time.monotonic() < deadline:
                time.sleep(0.01)
            logger.info("two")
            """,
        )
        owner = STARTS_ONE.replace("capture_output=True, text=True", "stderr=subprocess.DEVNULL")
        ended = program.run(owner, helper, status=-9, silent=False)
        assert ended.log() == ["one", "two"]
