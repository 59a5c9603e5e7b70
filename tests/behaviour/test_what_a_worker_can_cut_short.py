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

    OURS = ("/dev/shm/", os.getcwd(), os.environ["MPLOG_RUNTIME_DIR"])

    def reachable():
        # What is open or mapped, by each name that leads to it, and the directory's own name for it.
        for place in ("fd", "map_files"):
            for name in os.listdir(f"/proc/self/{place}"):
                path = f"/proc/self/{place}/{name}"
                try:
                    target = os.readlink(path)
                except OSError:
                    continue  # That of the listing.
                if target.startswith(OURS):
                    yield target, path, int(name) if place == "fd" else None
        with open("/proc/self/maps") as maps:
            for line in maps:
                target = line.rstrip("\\n").partition("/")
                if (target := "/" + target[2]).startswith(OURS):
                    yield target, target, None
        yield os.path.abspath("app.log"), os.path.abspath("app.log"), None

    def cut():
        done, tried = [], set()
        for target, path, fd in list(reachable()):
            tried.add(os.path.basename(target).rpartition("-")[2])
            for what in (path, fd):
                try:
                    if what is not None:
                        os.truncate(what, 0)
                        done.append(target)
                except OSError:
                    pass
        assert not done, done
        return tried

    pids = []
    for name in ("sibling", "cutting"):
        pids.append(os.fork())
        if not pids[-1]:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            for count in range(300):
                if name == "cutting" and count == (0 if when == "before its first record" else 150):
                    print(*sorted(cut()), flush=True)
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
    ended = program.run(CUTS, when)
    tried = ended.output
    assert all(name in tried for name in ("app.log", "control", ".ring")), tried
    expected = [f"{name} {count}" for name in ("sibling", "cutting") for count in range(300)]
    assert_once_in_order(read_log(program.here), ["owner 0", *expected, "owner 1"])
