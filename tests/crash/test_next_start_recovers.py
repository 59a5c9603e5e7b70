"""All processes of a program are killed: the next one that adds the file writes what they left."""

from __future__ import annotations

import os

from programs import Program, assert_once_in_order, wait_until

NEXT = """
from mplog import logger
logger.remove()
logger.add("app.log", format="{process.id} {message}")
logger.info("next 0")
"""


def test_next_start_recovers_before_it_logs(program: Program) -> None:
    """What a killed tree left is in the file before the next program's own first line, and nothing is left behind."""
    victim = program.start(
        """
        import os, signal, time
        from mplog import logger
        from mplog._writer.drain import Drain
        logger.remove()
        logger.add("app.log", format="{process.id} {message}")
        Drain.round = lambda self, **how: 0  # The writer lives and gets nowhere.
        pid = os.fork()
        if pid == 0:
            for count in range(1000):
                logger.info("worker {}", count)
            open("ready.txt", "w").close()
            time.sleep(30)
        while not os.path.exists("ready.txt"):
            time.sleep(0.001)
        os.kill(pid, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    wait_until(lambda: victim.process.poll() is not None, "everything is killed", within=20)
    assert not os.path.getsize(program.here / "app.log")

    program.run(NEXT)

    lines = victim.log()
    assert_once_in_order(lines[:1000], [f"worker {count}" for count in range(1000)])
    assert lines[1000].endswith("next 0")
