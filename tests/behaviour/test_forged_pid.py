"""A pid that lives proves nothing: an owner of the same pid that began at another time is dead."""

from __future__ import annotations

from programs import Program, assert_once_in_order

KILLED = """
import os, signal, sys
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}", enqueue=True)
pid = os.fork()
if not pid:
    os.kill(os.getppid(), signal.SIGSTOP)
    for count in range(100):
        logger.info("worker {}", count)
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(pid, 0)
"""

FORGES = """
import os, struct, sys
from mplog._ring.layout import HEADER_AT, OWNER_PID
from mplog._session.identity import myself

# As if the kernel had given the pids of the dead to this very process.
runtime = os.path.join(os.environ["MPLOG_RUNTIME_DIR"], f"mplog-{os.geteuid()}", "sessions")
for place, _, names in os.walk(runtime):
    for name in names:
        path = os.path.join(place, name)
        if name == "control":
            with open(path, "r+b") as file:
                file.seek(8 * OWNER_PID)
                file.write(struct.pack("=Q", os.getpid()))
        elif name.endswith(".ring"):
            with open(path, "r+b") as file:
                file.seek(HEADER_AT + 24)
                file.write(struct.pack("=I", os.getpid()))
from mplog import logger
logger.remove()
logger.add("app.log", format="{process.id} {message}")
"""


def test_records_of_a_dead_program_whose_pid_lives_again(program: Program) -> None:
    """They are recovered by the program that has the pid now, and nothing is left of the dead one."""
    program.start(KILLED).wait()
    program.wait_for_members()
    ended = program.run(FORGES)

    assert_once_in_order(ended.log(), [f"worker {count}" for count in range(100)])
