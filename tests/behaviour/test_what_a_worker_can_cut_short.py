"""A worker that has given up root, and then tries to cut every file short that it has open or mapped."""

from __future__ import annotations

import os

import pytest
from programs import Program, assert_once_in_order, read_log

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")

CUTS = """
    import os, sys
    from mplog import logger

    when = sys.argv[1]
    logger.remove()
    logger.add("app.log", format="{process.id} {message}", permissions=0o600)
    logger.info("owner 0")

    def cut():
        done = []
        for name in os.listdir("/proc/self/fd"):
            path = f"/proc/self/fd/{name}"
            try:
                target = os.readlink(path)
            except OSError:
                continue  # That of the listing.
            if not target.startswith(("/dev/shm/", os.getcwd(), os.environ["MPLOG_RUNTIME_DIR"])):
                continue
            for attempt in (lambda: os.ftruncate(int(name), 0), lambda: os.truncate(path, 0)):
                try:
                    attempt()
                except OSError:
                    continue
                done.append(target)
        return done

    pids = []
    for name in ("sibling", "cutting"):
        pids.append(os.fork())
        if not pids[-1]:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            for count in range(300):
                if name == "cutting" and count == (0 if when == "before its first record" else 150):
                    assert cut() == []
                logger.info("{} {}", name, count)
            assert logger.complete(timeout=20)
            os._exit(0)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    logger.info("owner 1")
"""


@pytest.mark.parametrize("when", ["before its first record", "between its records"])
def test_nothing_can_be_cut(program: Program, when: str) -> None:
    """Nothing that it still has can shorten a file of root's, so its owner touches nothing that is not there."""
    program.run(CUTS, when)
    expected = [f"{name} {count}" for name in ("sibling", "cutting") for count in range(300)]
    assert_once_in_order(read_log(program.here), ["owner 0", *expected, "owner 1"])
