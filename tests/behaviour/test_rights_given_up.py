"""Workers that give up rights of their owner, or its view of the file system, before their first record.

A server that starts as root does so in the worker that it has forked. From then on that worker can make no file where
its owner looks, and perhaps makes one, with all its records, where nobody does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import Program, assert_once_in_order, read_log, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")

GIVES_UP = """
    import ctypes, os, signal, struct, sys, time
    from mplog import logger

    how, here = sys.argv[1:3]
    libc = ctypes.CDLL(None, use_errno=True)
    NOBODY, CAPSET, NEW_MOUNTS, PRIVATE = 65534, 126, 0x20000, 0x44000

    def give_up():
        if how == "user":
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        elif how == "group":
            os.setgroups([])
            os.setgid(NOBODY)
        elif how == "effective user":
            os.seteuid(NOBODY)
        elif how == "user for files":
            libc.setfsuid(NOBODY)
        elif how == "capabilities":
            assert not libc.syscall(CAPSET, struct.pack("=II", 0x20080522, 0), bytes(24)), ctypes.get_errno()
        elif how == "root directory":
            os.chroot(os.path.join(here, "jail"))
        elif how == "mounts":
            assert not libc.unshare(NEW_MOUNTS)
            assert not libc.mount(None, b"/", None, PRIVATE, None)
            runtime = os.environ["MPLOG_RUNTIME_DIR"].encode()
            assert not libc.mount(b"none", runtime, b"tmpfs", 0, None), ctypes.get_errno()
        else:
            raise AssertionError(how)

    logger.remove()
    logger.add(f"{here}/app.log", format="{process.id} {message}")
    logger.info("owner 0")
    if how == "capabilities":
        # Without them root is a user like others.
        os.chown(f"{here}/app.log", NOBODY, NOBODY)
        os.chown(here, NOBODY, NOBODY)
"""

LIVING_OWNER = (
    GIVES_UP
    + """
    pids = []
    for name in ("first", "second"):
        pids.append(os.fork())
        if not pids[-1]:
            give_up()
            for count in range(300):
                logger.info("{} {}", name, count)
            logger.info("{} {} {}", name, "x" * 100_000, 300)
            assert logger.complete(timeout=20)
            mine = logger.statistics().processes[0]
            assert (mine.emitted, mine.written) == (301, 301), mine
            os._exit(0)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
"""
)

DYING_OWNER = (
    GIVES_UP
    + """
    logs_before = int(sys.argv[3])
    parent = os.getpid()
    said, saying = os.pipe()
    if not os.fork():
        give_up()
        for count in range(logs_before):
            logger.info("worker {}", count)
        os.write(saying, b"!")
        while os.getppid() == parent:
            time.sleep(0.005)
        for count in range(logs_before, 300):
            logger.info("worker {}", count)
        sys.stdout.write("logged")
        sys.stdout.flush()
        sys.stdin.readline()  # Lives on, and logs more, when its records have been looked for.
        for count in range(300, 400):
            logger.info("worker {}", count)
        os._exit(0)
    os.read(said, 1)
    if sys.argv[4] == "killed":
        os.kill(parent, signal.SIGKILL)
"""
)

FOR_A_WHILE = (
    GIVES_UP
    + """
    pid = os.fork()
    if not pid:
        for count in range(300):
            if count % 100 == 0:
                os.seteuid(NOBODY if count % 200 == 0 else 0)
            logger.info("worker {}", count)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""
)

OWNER = (
    GIVES_UP
    + """
    logger.add(f"{here}/queued.log", format="{process.id} {message}", enqueue=True)
    logger.info("owner 1")
    logger.complete()
    give_up()
    pids = []
    for name in ("first", "second"):
        pids.append(os.fork())
        if not pids[-1]:
            for count in range(300):
                logger.info("{} {}", name, count)
            assert logger.complete(timeout=20)
            os._exit(0)
        logger.info("owner {}", len(pids) + 1)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
"""
)

NEXT = """
    import sys
    from mplog import logger

    logger.remove()
    logger.add(f"{sys.argv[1]}/app.log", format="{process.id} {message}")
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody can reach, with one for logs, a runtime directory that anybody may write to, and a
    root directory for prisoners that has the same."""
    found = Path(tempfile.mkdtemp(prefix="mplog-test-", dir="/tmp"))
    try:
        for path in (found, *(found / name for name in ("run", "jail"))):
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
        for path in (found / "run", found / "jail" / str(found)[1:] / "run"):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o1777)
        yield found
    finally:
        shutil.rmtree(found)


def environment(place: Path) -> dict[str, str]:
    """Of a program whose runtime directory is that of *place*."""
    return {"MPLOG_RUNTIME_DIR": str(place / "run")}


def nothing_elsewhere(place: Path) -> None:
    """No other user has a runtime directory of mplog now, and no prisoner has files."""
    assert sorted(os.listdir(place / "run")) in ([], ["mplog-0"])
    assert os.listdir(place / "jail" / str(place)[1:]) == ["run"]
    assert os.listdir(place / "jail" / str(place)[1:] / "run") == []


@pytest.mark.parametrize(
    "how", ["user", "group", "effective user", "user for files", "capabilities", "root directory", "mounts"]
)
def test_every_line_reaches_a_living_owner(program: Program, place: Path, how: str) -> None:
    """Whatever is given up, records go where the owner looks, large ones whole, and nothing is said."""
    program.run(LIVING_OWNER, how, place, environment=environment(place))

    large = [f"{name} {'x' * 100_000} 300" for name in ("first", "second")]
    small = [f"{name} {count}" for name in ("first", "second") for count in range(300)]
    assert_once_in_order(read_log(place), ["owner 0", *small, *large])
    nothing_elsewhere(place)
    assert os.listdir(place / "run") == []


def test_rights_given_up_for_a_while(program: Program, place: Path) -> None:
    """Rings are made in turns with and without the right to make them."""
    program.run(FOR_A_WHILE, "effective user", place, environment=environment(place))

    assert_once_in_order(read_log(place), ["owner 0", *[f"worker {count}" for count in range(300)]])
    assert os.listdir(place / "run") == []


@pytest.mark.parametrize("how", ["user", "root directory"])
def test_an_owner_gives_up_its_rights(program: Program, place: Path, how: str) -> None:
    """It has a session already: it makes another one, where it and its workers may."""
    program.run(OWNER, how, place, environment=environment(place))

    expected = [f"{name} {count}" for name in ("first", "second") for count in range(300)]
    expected += [f"owner {count}" for count in (1, 2, 3)]
    assert_once_in_order(read_log(place, "queued.log"), expected)
    assert_once_in_order(read_log(place), ["owner 0", *expected])


@pytest.mark.parametrize("end", ["killed", "ended"])
@pytest.mark.parametrize("before", [0, 100])
@pytest.mark.parametrize("how", ["user", "capabilities", "root directory"])
def test_every_line_survives_the_owner(program: Program, place: Path, how: str, before: int, end: str) -> None:
    """What such a worker logs when its owner is gone waits where programs of the owner's user find it, also while the
    worker lives."""
    running = program.start(DYING_OWNER, how, place, before, end, environment=environment(place), stdin=subprocess.PIPE)
    assert running.wait().status == (-signal.SIGKILL if end == "killed" else 0)
    wait_until(lambda: running.wait().output == "logged", "the worker has logged")
    program_run = [sys.executable, str(program.script(NEXT, "next.py")), str(place)]
    surroundings = program.environment(environment(place))
    expected = ["owner 0", *[f"worker {count}" for count in range(300)]]

    subprocess.run(program_run, env=surroundings, check=True)
    assert_once_in_order(read_log(place), expected)
    assert running.process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        running.process.stdin.close()
    program.wait_for_members()
    if end == "killed":
        recover = subprocess.run(
            [str(Path(sys.executable).with_name("mplog")), "recover"],
            env=surroundings,
            check=True,
            capture_output=True,
            text=True,
        )
        assert "100 records written" in recover.stdout, recover
    else:  # It has left a guard behind, which does the same.
        wait_until(lambda: os.listdir(place / "run") == [], "all is written")
    assert_once_in_order(read_log(place), [*expected, *[f"worker {count}" for count in range(300, 400)]])
    nothing_elsewhere(place)
    assert os.listdir(place / "run") == []
