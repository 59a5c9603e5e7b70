"""Lines of one process stand in the order of its calls, also when its owner dies while somebody has the file's lock."""

from __future__ import annotations

import pytest
from programs import Program, assert_once_in_order, read_log

# The program's first process only starts the owner, whose death its worker goes through.
SCRIPT = """
    import fcntl, os, signal, time
    from pathlib import Path
    from mplog import logger

    LOCKED = {locked}

    def state(pid):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]

    def wait_for(condition):
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def log(numbers):
        for number in numbers:
            logger.info("worker {}", number)

    def is_gone(pid):
        try:
            return state(pid) in "ZX"
        except OSError:
            return True

    def work(owner):
        log(range(1))
        assert logger.complete(20)
        os.kill(owner, signal.SIGSTOP)
        wait_for(lambda: state(owner) == "T")
        log(range(1, 11))
        held = [os.open(name, os.O_RDWR) for name in LOCKED]
        for fd in held:
            fcntl.flock(fd, fcntl.LOCK_EX)
        os.kill(owner, signal.SIGKILL)
        wait_for(lambda: is_gone(owner))
        log(range(11, 60))
        for fd in held:
            os.close(fd)
        log(range(60, 80))
        assert logger.complete(20)
        log(range(80, 90))
        os._exit(0)

    if os.fork() == 0:
        logger.remove()
        for name in ("app.log", "other.log"):
            logger.add(name, format="{process.id} {message}")
        owner = os.getpid()
        if os.fork() == 0:
            work(owner)
        time.sleep(60)
    os.wait()
"""


@pytest.mark.parametrize("locked", [["app.log"], ["app.log", "other.log"]], ids=len)
def test_an_owner_dies_behind_a_locked_file(program: Program, locked: list[str]) -> None:
    """What the worker logs meanwhile waits behind what it had logged before, and each is there once."""
    program.run(SCRIPT.replace("{locked}", str(locked)), silent=False)
    program.wait_for_members()

    for name in ("app.log", "other.log"):
        assert_once_in_order(read_log(program.here, name), [f"worker {number}" for number in range(90)])
