"""Who moves a log file decides who follows: rotations are followed by all, other moves only with `watch`.

Covers logger-api.md, section 16.5.
"""

from __future__ import annotations

import signal
import subprocess

import pytest
from programs import Program, assert_once_in_order, read_log, wait_until

MOVED = """
    import multiprocessing, os, sys
    from mplog import logger

    def work(turn):
        logger.info("worker {}", turn)

    def turn(number):
        logger.info("owner {}", number)
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work, args=(number,))
        process.start()
        process.join()
        assert process.exitcode == 0
        logger.complete()

    if __name__ == "__main__":
        logger.remove()
        logger.add("app.log", format="{process.id} {message}", **eval(sys.argv[2]))
        turn(0)
        os.rename("app.log", "elsewhere.log")
        turn(1)
"""

DUE = """
    import os, sys
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{message}", rotation=510)
    for number in range(12):
        if number == 3:
            os.rename("app.log", "elsewhere.log")
            if sys.argv[1] == "True":
                with open("app.log", "w") as file:
                    file.write("foreign\\n")
        logger.info(f"{number:050}")
"""

ROTATES = """
    import sys
    from mplog import logger
    import mplog._sinks.file.direct as direct

    direct.COMPANY = int(sys.argv[2])  # After how many contended appends programs look for one another.
    logger.remove()
    logger.add("app.log", format="{process.id} {message}", **eval(sys.argv[1]))
    logger.info("line 0")
    print(flush=True)
    for number in sys.stdin:
        logger.info("line {}", number.strip())
        print(flush=True)
"""

KILLED = """
    import os, signal
    from mplog import logger
    from mplog._sinks.file.slot import Slot

    def dies(slot):
        os.kill(os.getpid(), signal.SIGKILL)  # Appended, and not marked done.

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    logger.info("owner 0")
    Slot.done = dies
    pid = os.fork()
    if not pid:
        logger.info("worker 0")
        logger.complete()
        os._exit(0)
    os.waitpid(pid, 0)
    logger.complete()
"""

AGAIN = """
    from mplog import logger

    logger.remove()
    logger.add("app.log", format="{process.id} {message}")
    logger.info("next 0")
"""


class TestMovedBySomebody:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    @pytest.mark.parametrize(
        ("options", "follows"),
        [
            ({}, False),
            ({"watch": True}, True),
            ({"rotation": "1 MB"}, False),
            ({"rotation": "1 MB", "watch": True}, True),
        ],
    )
    def test_owner_and_workers_do_the_same(
        self, program: Program, method: str, options: dict[str, object], follows: bool
    ) -> None:
        """Without `watch` the log goes on in the moved file: with the owner's records and those of its workers."""
        ended = program.run(MOVED, method, options)
        old, new = ["owner 0", "worker 0"], ["owner 1", "worker 1"]
        assert_once_in_order(ended.log("elsewhere.log"), old if follows else old + new)
        if follows:
            assert_once_in_order(ended.log(), new)
        else:
            assert not (program.here / "app.log").exists()

    @pytest.mark.parametrize("replaced", [False, True])
    def test_until_its_rotation_is_due(self, program: Program, replaced: bool) -> None:
        """Then the log goes on where the path says, and neither the moved file nor what took its place is renamed."""
        program.run(DUE, replaced)
        assert sorted(path.name for path in program.here.iterdir()) == ["app.log", "elsewhere.log"]
        lines = [*read_log(program.here, "elsewhere.log"), *read_log(program.here)]
        assert [line for line in lines if line != "foreign"] == [f"{number:050}" for number in range(12)]
        assert (program.here / "elsewhere.log").stat().st_size == 10 * 51
        assert ("foreign" in lines) == replaced

    def test_one_that_was_removed_is_made_again_where_it_rotates(self, program: Program) -> None:
        """Nobody could read what would be written into it."""
        program.run(
            """
            import os
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}", rotation="1 MB")
            logger.info("one")
            os.unlink("app.log")
            logger.info("two")
            """
        )
        assert read_log(program.here) == ["two"]

    def test_and_the_owner_is_killed_over_its_promise(self, program: Program) -> None:
        """What had been written when the owner was killed is found in the moved file, and not written once more."""
        victim = program.start(KILLED)
        wait_until(lambda: victim.process.poll() is not None, "the owner is killed", within=20)
        assert victim.process.returncode == -signal.SIGKILL
        (program.here / "app.log").rename(program.here / "elsewhere.log")
        ended = program.run(AGAIN)
        assert_once_in_order(ended.log("elsewhere.log"), ["owner 0", "worker 0"])
        assert_once_in_order(ended.log(), ["next 0"])


class TestRotatedByAnother:
    @pytest.mark.parametrize("company", [16, 1_000_000], ids=["joins", "apart"])
    @pytest.mark.parametrize(
        "options", [{}, {"permissions": 0o660}, {"watch": True}], ids=["plain", "of several users", "watch"]
    )
    def test_whose_options_are_not_ours(self, program: Program, company: int, options: dict[str, object]) -> None:
        """A program without a rotation follows those of another one, whose limit holds whoever serves whom."""
        rules = {"rotation": "2 KB", "compression": "gz", **options}
        # Whoever makes the file gives it its mode; without an alarm that everybody may ring, each call looks.
        both = [
            program.start(ROTATES, repr(which), company, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for which in (rules, options)
        ]
        pipes = []
        for running in both:
            assert running.process.stdin is not None
            assert running.process.stdout is not None
            pipes.append((running.process.stdin, running.process.stdout))
            running.process.stdout.readline()
        for number in range(1, 150):
            for stdin, stdout in pipes:
                stdin.write(f"{number}\n")
                stdin.flush()
                stdout.readline()
        for running, (stdin, _) in zip(both, pipes, strict=True):
            stdin.close()
            assert running.wait().status == 0
        program.leaves_nothing()
        names = [path.name for path in program.here.iterdir()]
        assert sum(name.endswith(".gz") for name in names) >= 1, names
        # Lines of the other one may come behind the limit, until the first has its next.
        assert (program.here / "app.log").stat().st_size <= 3000
        assert_once_in_order(both[0].log(), [f"line {number}" for number in range(150)] * 2)
