"""Programs without a common parent that are all ended at once: their guard writes what they left.

Real servers that stop are in test_servers_that_stop.py.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from programs import Program, Running, assert_once_in_order, wait_until

from mplog._logger import environment
from mplog._session import guarding

STRANGER = """
import os, resource, sys, time
from mplog import logger

name = sys.argv[1]
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
for number in (30, 2000):
    if number < most:
        os.dup2(2, number)  # For a program that it may start.
logger.remove()
logger.add("app.log", format="{process.id} {message}")
ledger = os.open(f"{name}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
sessions = logger._core.sessions
count = 0
while not os.path.exists("stop.txt"):
    logger.info(f"{name} {{}}", count)
    count += 1
    # A call that has returned is counted where no library has to do with it.
    os.write(ledger, b"!")
    if count % 100 == 0 and (sessions.host is not None or sessions.company.links()):
        open(f"{name}.met.txt", "w").close()
    time.sleep(0.0005)
"""


def guards(session_root: Path, half: bytes = b"guard.py") -> list[int]:
    """The guards of sessions in a runtime directory, as far as a word of their command ends with *half*."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.endswith(half) for word in command) and os.fsencode(session_root) in b" ".join(command):
                found.append(int(entry.name))
    return found


def started(program: Program, environment: dict[str, str] | None = None) -> list[Running]:
    """Three programs that have met: one is the host of the others, and has started the guard if there is to be one."""
    running = [program.start(STRANGER, name, environment=environment) for name in "abc"]
    wait_until(lambda: all((program.here / f"{name}.met.txt").exists() for name in "abc"), "they have met", 30)
    return running


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_all_are_ended_at_once(program: Program, how: signal.Signals) -> None:
    """Every call that returned is in the file and the session is gone, without another start; so is the guard."""
    running = started(program)
    wait_until(lambda: len(guards(program.runtime)) == 1, "there is a guard")
    for each in running:
        os.kill(each.process.pid, how)
    for each in running:
        assert each.wait().status == -how, each.said_so_far()
    program.leaves_nothing()
    wait_until(lambda: not guards(program.runtime), "the guard is gone")
    lines = (program.here / "app.log").read_text().splitlines()
    expected = []
    for name in "abc":
        returned = (program.here / f"{name}.txt").stat().st_size
        # The one in progress may be there, too.
        found = sum(line.split()[1] == name for line in lines)
        assert returned <= found <= returned + 1
        expected += [f"{name} {number}" for number in range(found)]
    assert_once_in_order(lines, expected)


def test_the_guard_outlives_the_signals_of_its_service(program: Program) -> None:
    """What stops all processes of a service does not stop the guard, which has nothing of the program open."""
    running = started(program)
    wait_until(lambda: len(guards(program.runtime)) == 1, "there is a guard")
    (guard,) = guards(program.runtime)
    status = Path(f"/proc/{guard}/status")

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def ignores() -> bool:
        ignored = int(status.read_text().partition("SigIgn:")[2].split()[0], 16)
        return all(ignored >> number - 1 & 1 for number in numbers)

    wait_until(ignores, "it ignores the signals")
    for number in numbers:
        os.kill(guard, number)
    assert status.exists()
    assert set(os.listdir(f"/proc/{guard}/fd")) <= {"0", "1", "2", "3", "4"}
    assert os.getsid(guard) not in {each.process.pid for each in running}
    assert os.readlink(f"/proc/{guard}/cwd") == "/"
    (program.here / "stop.txt").touch()
    for each in running:
        ended = each.wait()
        assert (ended.status, ended.said) == (0, "")
    program.leaves_nothing()
    wait_until(lambda: not guards(program.runtime), "the guard is gone, too")


LEFT = """
import os, sys, time
from mplog import logger

logger.remove()
logger.add("app.log", format="{message}")
pid = os.fork()
if pid == 0:
    count = 0
    while True:
        logger.info("worker {}", count)
        count += 1
        time.sleep(0.001 if sys.argv[1] == "later" else 60)
with open("pid.txt", "w") as file:
    file.write(str(pid))
while not os.path.exists("end.txt"):
    time.sleep(0.001)
"""


@pytest.mark.parametrize("when", ["then", "later"])
def test_a_worker_that_is_killed_when_its_owner_has_ended(program: Program, when: str) -> None:
    """Nothing is left of the session, be the worker killed before it has noticed, or while it writes by itself."""
    running = program.start(LEFT, when)
    number, log = program.here / "pid.txt", program.here / "app.log"
    wait_until(lambda: number.exists() and log.stat().st_size > 0, "the worker logs", 30)
    (program.here / "end.txt").touch()
    assert running.wait().status == 0
    if when == "later":
        size = log.stat().st_size
        wait_until(lambda: log.stat().st_size > size + 100, "the worker goes on")
    os.kill(int(number.read_text()), signal.SIGKILL)
    program.leaves_nothing()
    lines = log.read_text().splitlines()
    assert lines == [f"worker {count}" for count in range(len(lines))]


def test_an_end_in_good_order_starts_no_second_half(program: Program) -> None:
    """When all have said goodbye nothing is left to be written, and no interpreter is started to find that out."""
    here = program.here.parent / "customized"
    here.mkdir()
    starts = here / "starts.txt"
    (here / "sitecustomize.py").write_text(
        f"import sys\nwith open({str(starts)!r}, 'a') as file:\n    file.write(repr(sys.orig_argv) + chr(10))\n"
    )
    path = f"{program.environment()['PYTHONPATH']}{os.pathsep}{here}"
    one = "logger.remove()\n"
    assert one in STRANGER
    # With many files it takes the last one a while to take the session away.
    source = STRANGER.replace(one, f"{one}for number in range(30):\n    logger.add(f'{{number}}.log')\n")
    running = [program.start(source, name, environment={"PYTHONPATH": path}) for name in "abc"]
    wait_until(lambda: all((program.here / f"{name}.met.txt").exists() for name in "abc"), "they have met", 30)
    (program.here / "stop.txt").touch()
    for each in running:
        ended = each.wait()
        assert (ended.status, ended.said) == (0, "")
    wait_until(lambda: not guards(program.runtime, b""), "the guard is gone, and whatever it may have started")
    program.leaves_nothing()
    assert sum("program" in line for line in starts.read_text().splitlines()) == 3
    assert "recover_session" not in starts.read_text()


@pytest.mark.parametrize("word", ["0", "false", "NO", "n", "nok", "Off", "1", "yes"])
def test_every_boolean_is_understood(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """MPLOG_GUARD takes the same words as every variable that is on or off."""
    monkeypatch.setenv("MPLOG_GUARD", word)
    assert guarding._can_start() == environment.boolean(word, "MPLOG_GUARD")


def test_without_a_guard(program: Program) -> None:
    """With MPLOG_GUARD=0 there is none."""
    running = started(program, {"MPLOG_GUARD": "0"})
    assert not guards(program.runtime)
    (program.here / "stop.txt").touch()
    for each in running:
        assert each.wait().status == 0
    assert not guards(program.runtime)
    program.leaves_nothing()
