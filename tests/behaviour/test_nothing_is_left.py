"""Programs that end without exit functions leave nothing for ever: the next session of any program removes what holds
nothing, whichever file it writes; what waits for its file stays."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import Program, can_mount, read_log, wait_until

ENDS = """
import multiprocessing, os, signal, sys, time
from mplog import logger

how, name = sys.argv[1:]
logger.remove()
logger.add(name, format="{message}")

def work(number):
    logger.info("job {}", number)

if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        pool.map(work, range(10))
    assert logger.complete(timeout=20)
    for number in range(2):
        if not os.fork():
            logger.info("job")
            time.sleep(60) if how == "killpg" else os._exit(0)
    for number in range(2 if how != "killpg" else 0):
        os.wait()
    while open(name).read().count("job\\n") < 2:
        time.sleep(0.01)
    assert logger.complete(timeout=20)
    if how == "killpg":
        os.killpg(0, signal.SIGKILL)
    os._exit(0) if how == "_exit" else os.kill(os.getpid(), getattr(signal, how))
"""

NEXT = """
import os
from mplog import logger

logger.remove()
logger.add("other.log", format="{message}")
if not os.fork():
    logger.info("worker")
    os._exit(0)
os.wait()
"""

WAITS = """
import os, signal, sys, time
from mplog import logger
from mplog._writer.drain import Drain

logger.remove()
os.makedirs("logs", exist_ok=True)
logger.add("logs/app.log", format="{message}")
Drain.round = lambda self, **how: 0  # The writer lives and gets nowhere.
if not os.fork():
    for count in range(50):
        logger.info("worker {}", count)
    os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
os.wait()
"""


def sessions(runtime: Path) -> list[str]:
    return [path.name for path in runtime.glob("mplog-*/sessions/*")]


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL", "_exit", "killpg"])
def test_of_a_program_that_had_written_everything(program: Program, how: str) -> None:
    """Its session goes with the next program, which writes another file."""
    for run in range(2):
        program.start(ENDS, how, f"run{run}.log").wait()
        program.wait_for_members()
    program.run(NEXT)
    for run in range(2):
        assert len((program.here / f"run{run}.log").read_text().split("\n")) == 13


def test_what_waits_stays(program: Program) -> None:
    """Until its own file is added, however many other programs come."""
    program.start(WAITS).wait()
    program.wait_for_members()
    for _ in range(2):
        program.start(NEXT).wait()
    assert len(sessions(program.runtime)) == 1
    program.start("from mplog import logger; logger.remove(); logger.add('logs/app.log')").wait()
    assert read_log(program.here / "logs") == [f"worker {count}" for count in range(50)]
    assert program.runtime_entries() == []


def test_names_of_what_is_gone(program: Program) -> None:
    """Slots, links and directories of sessions that somebody has deleted by hand."""
    program.start(WAITS).wait()
    program.wait_for_members()
    base = program.runtime / f"mplog-{os.geteuid()}"
    assert list(base.glob("files/*/*"))
    assert list(base.glob("by-pid/*"))
    shutil.rmtree(base / "sessions")
    shutil.rmtree(program.here / "logs")
    program.run(NEXT)


SECOND = """
set -e
mount -t tmpfs none /dev/shm
mount -t tmpfs none /tmp
"""


@pytest.mark.skipif(not can_mount("mount -t tmpfs none /dev/shm"), reason="this process may not mount anything")
def test_in_the_second_runtime_directory(program: Program) -> None:
    """A killed program leaves nothing there that outlives the first one, also when that was emptied meanwhile."""
    waits, following = program.script(WAITS, "waits.py"), program.script(NEXT, "next.py")
    python = f"{sys.executable} -W error"
    commands = [
        "mount -t tmpfs none /dev/shm",
        "mkdir tmp.txt",
        f"{python} {waits} || true",
        # As a program that found the first one full had made it.
        "session=$(ls /dev/shm/mplog-*/sessions)",
        "user=$(id -u)",
        "umask 077; mkdir -p $TMPDIR/mplog-$user/sessions/$session/rings",
        f"{python} {following}",
        "test -d $TMPDIR/mplog-$user",  # Of a session whose records wait.
        "rm -rf /dev/shm/mplog-$user",
        f"{python} {following}",
        "find $TMPDIR /dev/shm -mindepth 1",
    ]
    environment = {name: value for name, value in program.environment().items() if name != "MPLOG_RUNTIME_DIR"}
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", "\n".join(commands)],
        cwd=program.here,
        env={**environment, "TMPDIR": str(program.here / "tmp.txt")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_directories_that_nobody_needs_are_not_made(program: Program, tmp_path: Path) -> None:
    """A session has a directory for rings in the second place only when the first is full."""
    source = """
    import os, sys
    from mplog import logger
    logger.remove()
    logger.add("app.log")
    if not os.fork():
        logger.info("worker")
        os._exit(0)
    os.wait()
    places = logger._core.sessions.host.place.ring_directories
    assert len(places) == 2, places
    assert os.path.isdir(places[0])
    assert not os.path.exists(places[1])
    """
    variables = {"TMPDIR": str(tmp_path)}
    script = program.script(source, "places.py")
    environment = {name: value for name, value in program.environment(variables).items() if name != "MPLOG_RUNTIME_DIR"}
    subprocess.run([sys.executable, str(script)], cwd=program.here, env=environment, check=True, timeout=60)


def test_a_living_worker_keeps_its_session(program: Program) -> None:
    """Also one whose owner is dead, and who has nothing to write now."""
    source = WAITS.replace("Drain.round = lambda self, **how: 0", "round").replace(
        "    os.kill(os.getpid(), signal.SIGKILL)",
        "    from mplog._session.lookout import Lookout\n"
        "    Lookout._look = lambda self, shift: None\n"
        "    open('alone.txt', 'w').close()\n"
        "    while not os.path.exists('go.txt'): time.sleep(0.01)\n"
        "    logger.info('worker {}', 50)\n"
        "    os._exit(0)",
    )
    source = source.replace("    os.kill(os.getppid()", "    logger.complete()\n    os.kill(os.getppid()")
    program.start(source).wait()
    wait_until((program.here / "alone.txt").exists, "the worker is alone")
    program.start(NEXT).wait()
    assert len(sessions(program.runtime)) == 1
    (program.here / "go.txt").touch()
    program.wait_for_members()
    assert read_log(program.here / "logs") == [f"worker {count}" for count in range(51)]
    program.start(NEXT).wait()
    assert program.runtime_entries() == []
