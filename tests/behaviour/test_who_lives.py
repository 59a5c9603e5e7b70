"""Who lives is what the kernel says: whatever became of a process's first thread, descriptors, children or namespaces.

A process that is taken for dead while it lives loses what it logs; one that is taken for living while it is dead leaves
its records, and its memory, behind.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import Program, Running, assert_once_in_order, wait_until

from mplog._logger import ending
from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._ring import byte_lock, life
from mplog._ring.ring_file import MINIMUM_CAPACITY
from mplog._session import rings
from mplog._session.identity import myself


def _can_unshare(*options: str) -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", *options, "true"], capture_output=True, check=False).returncode == 0


NEEDS_LOCKS = pytest.mark.skipif(not byte_lock.SUPPORTED, reason="there are no locks of open files here")
NEEDS_PID_NAMESPACES = pytest.mark.skipif(
    not _can_unshare("--pid", "--fork", "--mount-proc"), reason="this process may not make pid namespaces"
)
NEEDS_TIME_NAMESPACES = pytest.mark.skipif(
    not _can_unshare("--time", "--boottime", "1000"), reason="this process may not make time namespaces"
)

LEADERLESS = """
import ctypes, os, threading, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}")
if not os.fork():
    def work():
        logger.info("worker 0")
        time.sleep(4)  # Longer than a ring is quiet before its process is looked for.
        for count in range(1, 500):
            logger.info("worker {}", count)
        os._exit(0)
    threading.Thread(target=work).start()
    ctypes.CDLL(None).pthread_exit(None)
os.wait()
"""

STARTS = """
import os, signal, sys, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{message}")
for worker in range(2):
    if not os.fork():
        for count in range(5):
            logger.info("{} {} {}", sys.argv[1], worker, count)
        time.sleep(60)
        os._exit(0)
deadline = time.monotonic() + 20
while sum(line.startswith(sys.argv[1]) for line in open("app.log")) < 10 and time.monotonic() < deadline:
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)  # The first process of a pid namespace: everything in it is killed.
"""

ELSEWHERE = """
import os, subprocess, sys, time
from mplog import attach, logger

logger.remove()
logger.add("app.log", format="{message}")
attach()
child = subprocess.Popen(["unshare", *sys.argv[2:], sys.executable, sys.argv[1]])
deadline = time.monotonic() + 20
while not os.path.exists("logged.txt") and time.monotonic() < deadline:
    time.sleep(0.01)
"""

WORKER_ELSEWHERE = """
import time
from mplog import attach, logger

assert attach()
for count in range(10):
    logger.info("worker {}", count)
open("logged.txt", "w").close()
time.sleep(60)
"""


LIVING = """
import os, time
from mplog import logger

logger.remove()
seen = []
logger.add(lambda message: seen.append(str(message)), format="{message}")
logger.add("app.log", format="{process.id} {message}")
pid = os.fork()
if pid:
    open("ready.txt", "w").close()
while not os.path.exists("end.txt"):
    time.sleep(0.01)
if not pid:
    logger.info("worker 0")
    os._exit(0)
os.waitpid(pid, 0)
assert logger.complete()
assert seen == ["worker 0\\n"], seen
"""

BLIND = {
    "built with old headers": """
import fcntl
del fcntl.F_OFD_SETLK, fcntl.F_OFD_GETLK
""",
    "refused": """
import errno, fcntl
real = fcntl.fcntl

def refusing(fd, command, *rest):
    if command in (36, 37):
        raise OSError(errno.EINVAL, "no such command")
    return real(fd, command, *rest)

fcntl.fcntl = refusing
""",
}

BESIDE = """
from mplog import logger

logger.remove()
logger.add("app.log", format="{process.id} {message}", enqueue=True)
logger.info("beside 0")
"""


class TestProcess:
    def test_without_its_first_thread(self, program: Program) -> None:
        """A process whose main thread has ended is a zombie by name, and goes on logging."""
        ended = program.run(LEADERLESS)
        assert_once_in_order(ended.log(), [f"worker {count}" for count in range(500)])


@NEEDS_LOCKS
class TestLock:
    @pytest.fixture
    def path(self, tmp_path: Path) -> str:
        (tmp_path / "file").write_bytes(bytes(4096))
        return str(tmp_path / "file")

    def holder(self, program: Program, path: str, then: str) -> int:
        """A process that holds *path* and does something *then*, told by a file. Its pid."""
        running = program.start(
            "import ctypes, os, sys, time\n"
            "from mplog._ring import life\n"
            f"held = life.hold({path!r})\n"
            "assert held is not None\n"
            f"{then}\n"
            "open('ready.txt', 'w').close()\n"
            "time.sleep(60)\n"
        )
        wait_until((program.here / "ready.txt").exists, lambda: f"it is ready; it said {running.said_so_far()!r}")
        return running.process.pid

    @pytest.mark.parametrize(
        "then",
        [
            "",
            "os.closerange(3, 1000)",
            "if not os.fork(): time.sleep(60)",
            "if not ctypes.CDLL(None).fork(): time.sleep(60)",
            "if not ctypes.CDLL(None).fork(): del held; time.sleep(60)",
        ],
        ids=["alone", "descriptors closed", "forked", "forked without hooks", "and let go there"],
    )
    def test_until_death(self, program: Program, path: str, then: str) -> None:
        """It is held as long as its process lives, and not a moment longer, whoever else is there."""
        pid = self.holder(program, path, then)
        assert life.is_held_at(path)
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert not life.is_held_at(path)

    def test_until_exec(self, program: Program, path: str) -> None:
        """The program that replaces another one is not that program."""
        second = "open('ready.txt', 'w').close(); import time; time.sleep(60)"
        self.holder(program, path, f"os.execv(sys.executable, [sys.executable, '-c', {second!r}])")
        assert not life.is_held_at(path)

    def test_no_descriptor(self, path: str) -> None:
        """Holding costs none, so that nothing can be closed, inherited or run out."""
        before = sorted(os.listdir("/proc/self/fd"))
        held = life.hold(path)
        assert held is not None
        assert sorted(os.listdir("/proc/self/fd")) == before
        assert life.hold(path) is None  # By this process itself already.
        held.end()
        assert not life.is_held_at(path)


@NEEDS_LOCKS
@pytest.mark.parametrize("prelude", BLIND.values(), ids=BLIND)
def test_whoever_sees_no_lock_takes_nobody_for_dead(program: Program, prelude: str) -> None:
    """The session of a living program stays where another one's Python, or its sandbox, has no locks of open files."""
    owner = program.start(LIVING)
    wait_until((program.here / "ready.txt").exists, "the owner has its session")
    (session,) = (program.runtime / f"mplog-{os.geteuid()}" / "sessions").iterdir()
    before = (session / "control").stat().st_ino

    beside = program.start(prelude + BESIDE).wait()

    assert beside.status == 0, beside.said
    assert (session / "control").stat().st_ino == before
    (program.here / "end.txt").touch()
    ended = owner.wait()
    assert (ended.status, ended.said) == (0, "")
    assert_once_in_order(ended.log(), ["worker 0", "beside 0"])
    program.leaves_nothing()


@NEEDS_PID_NAMESPACES
class TestPidNamespaces:
    def start(self, program: Program, run: int) -> None:
        script = program.script(STARTS, "starts.py")
        with (program.here / "said.txt").open("ab") as said:
            subprocess.run(
                ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, str(script), str(run)],
                cwd=program.here,
                env=program.environment(),
                stderr=said,
                timeout=60,
                check=False,
            )

    def test_restarts_of_a_container(self, program: Program) -> None:
        """One whose runtime directory is on a volume, killed again and again, leaves no more than its last start."""
        other = subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "sleep", "60"])
        try:
            # While another namespace lives that was there before, no number of a dead one is used again.
            for run in range(3):
                self.start(program, run)
                sessions = program.runtime / f"mplog-{os.geteuid()}" / "sessions"
                assert len(list(sessions.iterdir())) == 1, (program.here / "said.txt").read_text()
        finally:
            other.kill()
            other.wait()
        program.run("from mplog import logger; logger.remove(); logger.add('app.log')", silent=False)
        assert sorted((program.here / "app.log").read_text().split("\n")[:-1]) == sorted(
            f"{run} {worker} {count}" for run in range(3) for worker in range(2) for count in range(5)
        )

    def test_a_worker_in_another_one_dies(self, program: Program) -> None:
        """Its ring goes while its owner lives."""
        worker = program.script(WORKER_ELSEWHERE, "worker.py")
        owner = program.start(
            ELSEWHERE + "os.system('kill -9 %d' % child.pid)\nwhile not os.path.exists('end.txt'): time.sleep(0.01)",
            worker,
            "--pid",
            "--fork",
            "--kill-child",
        )
        wait_until((program.here / "logged.txt").exists, "the worker has logged", 20)
        wait_until(
            lambda: not [name for name in program.runtime_entries() if name.endswith(".ring")],
            "the ring of the dead worker is gone",
        )
        (program.here / "end.txt").touch()
        assert owner.wait().status == 0
        assert len(owner.log()) == 10


def test_equal_pids_of_two_namespaces_are_two_processes(tmp_path: Path) -> None:
    """Also when both have started at the same moment: each has its ring, and its counts."""
    logger = Logger(Core(), {})
    logger.add(tmp_path / "app.log", format="{message}", enqueue=True)
    host = logger._core.sessions.host
    assert host is not None
    made = []
    for namespace in (1, 2):
        who = dataclasses.replace(myself(), pid=77, start=777, namespace=namespace)
        ring = rings.create(host.place.ring_directories, namespace, who, host.place.id, "p", MINIMUM_CAPACITY)
        made.append(ring)
    try:
        with host.writer.mutex:
            host.find_rings()
        assert len([tally for tally, _ in host.accounts() if tally.pid == 77]) == 2
    finally:
        ending.stop(logger._core)
        for ring in made:
            ring.close()


@NEEDS_TIME_NAMESPACES
@pytest.mark.parametrize("ahead", [1000, -1], ids=["clock ahead", "clock behind"])
class TestTimeNamespaces:
    def test_its_records_arrive(self, program: Program, ahead: int) -> None:
        """A worker whose clock shows another time is read as soon as any."""
        owner = self.owner(program, ahead, "while not os.path.exists('end.txt'): time.sleep(0.01)\nchild.kill()")
        wait_until((program.here / "logged.txt").exists, "the worker has logged", 20)
        wait_until(lambda: len(owner.log()) == 10, "its records are in the file")
        (program.here / "end.txt").touch()
        assert owner.wait().status == 0

    def test_it_notices_the_death_of_its_owner(self, program: Program, ahead: int) -> None:
        """And goes on by itself; while the owner lives it does not."""
        owner = self.owner(
            program,
            ahead,
            "while not os.path.exists('end.txt'): time.sleep(0.01)\nos.kill(os.getpid(), 9)",
            WORKER_ELSEWHERE.replace(
                "time.sleep(60)",
                "for count in range(10, 1000):\n    logger.info('worker {}', count); time.sleep(0.02)",
            ),
        )
        wait_until((program.here / "logged.txt").exists, "the worker has logged", 20)
        time.sleep(1.5)  # For longer than any silence: nothing must happen in this time.
        assert "is gone" not in owner.said_so_far()
        (program.here / "end.txt").touch()
        assert owner.wait().status == -9
        wait_until(lambda: "is gone" in owner.said_so_far(), "the worker has noticed")
        wait_until(lambda: len(owner.log()) == 1000, "all its records are in the file", 40)
        assert owner.log() == [f"worker {count}" for count in range(1000)]

    @staticmethod
    def owner(program: Program, ahead: int, then: str, worker: str = WORKER_ELSEWHERE) -> Running:
        script = program.script(worker, "worker.py")
        return program.start(
            ELSEWHERE + then, script, "--time", "--boottime", ahead, "--monotonic", ahead, warnings="default"
        )
