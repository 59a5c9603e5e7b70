"""The stage: one interpreter that has imported mplog with its kill points, and forks the acts that it is asked for.

It reads requests from standard input, one JSON object a line, and answers each with one line when no process of the
act is left. `python stage.py` is started by test_kill_points.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from typing import Any

import injection
from points import POINTS

PATIENCE = 30.0
"""Seconds for one act. A sound one takes less than half of one."""


def main() -> None:
    """Serve requests until standard input ends."""
    injection.install(POINTS)
    import acts
    import faults

    from mplog._logger.logger import logger
    from mplog._session import fork

    logger.remove()
    core = logger._core
    # Acts are programs of their own, not workers of the stage.
    fork.unregister(core.forks)
    for line in sys.stdin:
        request: dict[str, Any] = json.loads(line)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(reader)
                os.setpgid(0, 0)
                os.chdir(request["here"])
                os.environ["MPLOG_RUNTIME_DIR"] = request["runtime"]
                _speak_into(os.path.join(request["directory"], "said"))
                fork.register(core.forks)
                core.forks.after_fork_in_child(prepared=True)
                if request["fault"]:
                    faults.FAULTS[request["fault"]]()
                acts.perform(
                    acts.Act(acts.PLAYS[request["play"]], request["who"], request["deaths"], request["directory"])
                )
            except BaseException:  # noqa: BLE001 - said, and seen by the exit code
                sys.excepthook(*sys.exc_info())
            finally:
                os._exit(70)
        os.close(writer)
        sys.stdout.write(json.dumps({"status": _wait(pid, reader)}) + "\n")
        sys.stdout.flush()
        os.close(reader)


def _speak_into(path: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)


def _wait(pid: int, reader: int) -> int | None:
    """Wait until nobody holds the other end of the pipe: no process of the act is left. None when it took too long."""
    ended = bool(select.select([reader], [], [], PATIENCE)[0])
    if not ended:
        os.killpg(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    # A process that dies closes its files a moment before it is dead, and a next start in between would let it be.
    deadline = time.monotonic() + PATIENCE
    while _is_any_left(pid) and time.monotonic() < deadline:
        time.sleep(0.001)
    return status if ended else None


def _is_any_left(group: int) -> bool:
    """Whether a process of the group *group* is there, and not only its exit code."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                state, _parent, its_group = file.read().rpartition(b")")[2].split()[:3]
                if int(its_group) == group and state not in (b"Z", b"X"):
                    return True
    return False


if __name__ == "__main__":
    main()
