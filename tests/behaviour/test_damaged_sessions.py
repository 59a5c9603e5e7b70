"""What a killed program left is damaged before anybody looks at it: no record is removed that is not in its file.

A slot that is lost or damaged costs nothing, and may double what was being written; what cannot be read at all is kept,
said, named by ``mplog recover``, and removed by nothing but its ``--discard``.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from programs import Program, wait_until

from mplog._ring import layout
from mplog._sinks.file import slot as slots

VICTIM = """
import os, signal, sys, time
from mplog import logger

logger.remove()
for path in sys.argv[2:]:
    logger.add(path, format="{message}")

def state(pid):
    return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0]

def wait(condition):
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.001)

owner = os.getpid()
def work(name):
    for count in range(20):
        logger.info("early {} {}", name, count)
    logger.complete()
    open(f"{name}.early.txt", "w").close()
    wait(lambda: state(owner) == "T")
    for count in range(60):
        logger.info("late {} {}", name, count)
    open(f"{name}.late.txt", "w").close()
    wait(lambda: os.path.exists("die.txt"))
    os._exit(0)

pids = []
for name in "ab":
    pid = os.fork()
    if pid == 0:
        work(name)
    pids.append(pid)
killer = os.fork()
if killer == 0:
    wait(lambda: all(os.path.exists(f"{name}.early.txt") for name in "ab"))
    os.kill(owner, signal.SIGSTOP)
    wait(lambda: all(os.path.exists(f"{name}.late.txt") for name in "ab"))
    for pid in pids if sys.argv[1] == "all" else ():
        os.kill(pid, signal.SIGKILL)
    os.kill(owner, signal.SIGKILL)
    os._exit(0)
time.sleep(60)
"""
EARLY = [f"early {name} {count}" for name in "ab" for count in range(20)]
LATE = [f"late {name} {count}" for name in "ab" for count in range(60)]

NEXT = """
import sys
from mplog import logger
logger.remove()
for path in sys.argv[1:]:
    logger.add(path, format="{message}")
logger.info("next")
"""


def leave(program: Program, *files: str, who: str = "all") -> Path:
    """Kill a program whose workers have written 40 records to each of *files*, and have 120 more in their rings; its
    session."""
    victim = program.start(VICTIM, who, *(files or ("app.log",)))
    wait_until(lambda: victim.process.poll() is not None, "the owner is killed", within=30)
    assert victim.process.returncode == -signal.SIGKILL, victim.said_so_far()
    if who == "all":
        program.wait_for_members()
    (session,) = (program.runtime / f"mplog-{os.geteuid()}" / "sessions").iterdir()
    return session


def slot_of(program: Program, route: str = "*") -> Path:
    """Its slot."""
    (path,) = (program.runtime / f"mplog-{os.geteuid()}" / "files").glob(f"*/*-{route}.slot")
    return path


def store(path: Path, at: int, data: bytes) -> None:
    """Put *data* into the file *path*."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def flip(path: Path, at: int) -> None:
    """Change one bit."""
    store(path, at, bytes([path.read_bytes()[at] ^ 2]))


def last_bank(path: Path) -> int:
    """Where the last kept promise is."""
    done: int = struct.unpack_from("=Q", path.read_bytes(), 16)[0]
    assert done
    return slots.BANK_AT + (done & 1) * slots.BANK_BYTES


def replaced_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else in its place."""

    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


SLOTS: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "gone with its directory": lambda path: shutil.rmtree(path.parent),
    "magic": lambda path: flip(path, 0),
    "intent": lambda path: flip(path, 8 + 1),
    "done": lambda path: flip(path, 16 + 1),
    "nothing was ever done": lambda path: store(path, 16, bytes(8)),
    "route": lambda path: flip(path, 24),
    "session": lambda path: flip(path, 32),
    "the last promise": lambda path: flip(path, last_bank(path) + 60),
    "its number": lambda path: flip(path, last_bank(path)),
    "shorter": lambda path: os.truncate(path, slots.SLOT_BYTES - 1),
    "empty": lambda path: os.truncate(path, 0),
    "zeros": lambda path: path.write_bytes(bytes(slots.SLOT_BYTES)),
    "a directory": replaced_by(Path.mkdir),
    "a fifo": replaced_by(lambda path: os.mkfifo(path)),
    "a link": replaced_by(lambda path: path.symlink_to("/etc/passwd")),
}


def recover(program: Program, *arguments: str, status: int = 0) -> tuple[list[dict[str, Any]], str]:
    """Run the command, which must end with *status*; the sessions that it tells of, and what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "mplog", "recover", "--json", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=program.environment(),
    )
    assert ended.returncode == status, ended
    return json.loads(ended.stdout)["sessions"], ended.stderr


def start(program: Program, source: str, *files: str) -> str:
    """Run the program to its end, whatever it leaves; what it said."""
    ended = program.start(source, *files).wait()
    assert ended.status == 0, ended.said
    return ended.said


def messages(program: Program, name: str = "app.log") -> Counter[str]:
    """How often each line is in a log."""
    return Counter((program.here / name).read_text().splitlines())


class TestSlot:
    @pytest.mark.parametrize("damage", SLOTS)
    def test_next_start_writes_what_the_rings_hold(self, program: Program, damage: str) -> None:
        """All of it, which is said, and nothing is left behind."""
        leave(program)
        SLOTS[damage](slot_of(program))
        ended = program.run(NEXT, "app.log", silent=False)
        found = messages(program)
        assert set(found) == {*EARLY, *LATE, "next"}
        assert max(found.values()) <= 2
        told = ended.said.count("nothing but its rings tells what is in")
        # A slot whose only promise was not kept, as it says then, is a whole one: its owner was killed just before.
        assert told == 1 or (told == 0 and damage == "nothing was ever done" and max(found.values()) == 1)
        program.leaves_nothing()

    @pytest.mark.parametrize("damage", ["gone", "route", "empty"])
    def test_so_does_recover(self, program: Program, damage: str) -> None:
        """The command lists it before, with the number of its records, and finds nothing afterwards."""
        leave(program)
        SLOTS[damage](slot_of(program))
        ((listed,), _) = recover(program, "--list")
        assert [(file["path"], file["waiting"]) for file in listed["files"]] == [(str(program.here / "app.log"), 120)]
        ((session,), said) = recover(program)
        assert (session["removed"], session["files"][0]["written"]) == (True, 120)
        assert "some of them may be in it twice now" in said
        assert set(messages(program)) == {*EARLY, *LATE}
        program.leaves_nothing()

    @pytest.mark.parametrize("damage", ["gone", "the last promise"])
    def test_of_one_file_among_two(self, program: Program, damage: str) -> None:
        """The program adds only the file whose slot is whole: the other one's records wait for it."""
        leave(program, "app.log", "other.log")
        SLOTS[damage](slot_of(program, "2"))
        assert start(program, NEXT, "app.log") == ""
        assert messages(program) == Counter([*EARLY, *LATE, "next"])
        assert set(messages(program, "other.log")) == set(EARLY)
        program.run(NEXT, "other.log", silent=False)
        assert set(messages(program, "other.log")) == {*EARLY, *LATE, "next"}
        assert messages(program) == Counter([*EARLY, *LATE, "next"])
        program.leaves_nothing()

    @pytest.mark.parametrize("damage", ["gone", "done", "shorter"])
    def test_of_workers_that_live(self, program: Program, damage: str) -> None:
        """The owner is killed, and its workers write by themselves what they have logged."""
        victim = program.start(VICTIM.replace("os.kill(owner, signal.SIGKILL)", LATER), "owner only", "app.log")
        wait_until((program.here / "damage.txt").exists, "the owner stands still", within=30)
        SLOTS[damage](slot_of(program))
        (program.here / "kill.txt").touch()
        wait_until(lambda: set(messages(program)) == {*EARLY, *LATE}, "everything is written", within=30)
        assert "nothing but its rings tells what is in" in victim.said_so_far()
        (program.here / "die.txt").touch()
        program.wait_for_members()
        recover(program)
        assert max(messages(program).values()) <= 2
        program.leaves_nothing()


LATER = """open("damage.txt", "w").close()
    wait(lambda: os.path.exists("kill.txt"))
    os.kill(owner, signal.SIGKILL)"""


def other_namespace(path: Path) -> None:
    """Let a control page say that it has no lock, and that its program is where nobody can see it."""
    store(path, layout.HELD * 8, bytes(8))
    flip(path, layout.CONTROL_HEADER_AT + layout.CONTROL_HEADER.size - 1)


PAGES: dict[str, Callable[[Path], object]] = {
    "magic": lambda path: flip(path, 0),
    "layout": lambda path: flip(path, 8),
    "session": lambda path: flip(path, layout.CONTROL_HEADER_AT + 8),
    "what says that there is a lock": lambda path: flip(path, layout.HELD * 8 + 1),
    "the same, gone, and another namespace": lambda path: other_namespace(path),
    "shorter": lambda path: os.truncate(path, 100),
    "empty": lambda path: os.truncate(path, 0),
    "a directory": replaced_by(Path.mkdir),
    "a fifo": replaced_by(lambda path: os.mkfifo(path)),
    "a link": replaced_by(lambda path: path.symlink_to("/etc/passwd")),
    "gone": Path.unlink,
}


class TestControlPage:
    @pytest.mark.parametrize("damage", PAGES)
    def test_is_kept_and_named_until_it_is_discarded(self, program: Program, damage: str) -> None:
        """No start of a program and no sweep removes it, and the status says that records remain."""
        session = leave(program)
        PAGES[damage](session / "control")
        for _ in range(2):
            start(program, NEXT, "app.log")
            ((listed,), _) = recover(program, "--list")
            ((found,), _) = recover(program, status=1)
            for each in (listed, found):
                assert (each["path"], each["files"][0]["waiting"], each["removed"]) == (str(session), 120, False)
                assert "Run `mplog recover --discard`" in each["files"][0]["trouble"]
        assert set(messages(program)) == {*EARLY, "next"}
        ((found,), _) = recover(program, "--discard")
        assert sum(share["records"] for share in found["files"][0]["discarded"]) == 120
        assert recover(program) == ([], "")
        program.leaves_nothing()

    def test_of_a_living_program(self, program: Program) -> None:
        """It is no dead program's, whatever the page says."""
        running = program.start(
            """
            import os, time
            from mplog import logger
            logger.remove()
            logger.add("app.log", format="{message}", enqueue=True)
            logger.info("here")
            open("ready.txt", "w").close()
            while not os.path.exists("go.txt"):
                time.sleep(0.01)
            """
        )
        wait_until((program.here / "ready.txt").exists, "it has logged", within=20)
        (session,) = (program.runtime / f"mplog-{os.geteuid()}" / "sessions").iterdir()
        flip(session / "control", 0)
        assert recover(program, "--discard") == ([], "")
        assert session.is_dir()
        (program.here / "go.txt").touch()
        assert running.wait().status == 0
        assert messages(program) == Counter(["here"])


class TestRegistry:
    @pytest.mark.parametrize(
        "damage",
        {
            "a fifo": replaced_by(lambda path: os.mkfifo(path)),
            "a directory": replaced_by(Path.mkdir),
            "empty": lambda path: os.truncate(path, 0),
            "gone": Path.unlink,
        }.items(),
        ids=lambda damage: damage[0],
    )
    def test_recover_says_what_it_cannot_tell(
        self, program: Program, damage: tuple[str, Callable[[Path], object]]
    ) -> None:
        """It neither hangs nor removes anything; the program that adds the file knows where it is."""
        session = leave(program)
        damage[1](session / "registry")
        for arguments, status in ((("--list",), 0), ((), 1)):
            ((found,), _) = recover(program, *arguments, status=status)
            assert "where it belongs cannot be read" in found["files"][0]["trouble"]
            assert (found["files"][0]["waiting"], found["removed"]) == (120, False)
        program.run(NEXT, "app.log")
        assert messages(program) == Counter([*EARLY, *LATE, "next"])
        program.leaves_nothing()


def ring_of(session: Path, text: bytes) -> Path:
    """The ring that holds *text*."""
    (path,) = (path for path in (session / "rings").glob("*.ring") if text in path.read_bytes())
    return path


def of_late(path: Path) -> int:
    """Where the text of the 30th late record is."""
    return path.read_bytes().index(b" 30\n", path.read_bytes().index(b"late "))


RINGS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "a record in the middle": (
        lambda path: store(path, of_late(path) - len("late a") - layout.BODY, b"\xff" * 8),
        {f"late a {count}" for count in range(30)},
    ),
    "tail": (lambda path: store(path, layout.TAIL * 8 + 6, b"\x77"), set()),
    "head": (lambda path: store(path, layout.HEAD * 8 + 6, b"\x77"), set()),
    "magic": (lambda path: flip(path, 0), set()),
    "shorter": (lambda path: os.truncate(path, os.path.getsize(path) - 16), set()),
    "empty": (lambda path: os.truncate(path, 0), set()),
    "another name": (lambda path: path.rename(path.with_name("x-y.ring")), set()),
    "a fifo": (replaced_by(lambda path: os.mkfifo(path)), set()),
}


class TestRing:
    @pytest.mark.parametrize("damage", RINGS)
    def test_is_never_removed_with_its_session(self, program: Program, damage: str) -> None:
        """What is whole is written once; the rest is kept, which is said at each start, until it is given up."""
        session = leave(program)
        change, whole = RINGS[damage]
        path = ring_of(session, b"late a")
        others = set((session / "rings").iterdir()) - {path}
        change(path)
        (kept,) = set((session / "rings").iterdir()) - others
        late_b = {f"late b {count}" for count in range(60)}
        for times in (1, 2):
            said = start(program, NEXT, "app.log")
            assert f"{kept} is damaged (" in said
            assert "kept there" in said
            assert {*EARLY, *late_b, *whole, "next"} == set(messages(program))
            assert {messages(program)[line] for line in {*EARLY, *late_b, *whole}} == {1}, times
            ((listed,), _) = recover(program, "--list")
            ((found,), _) = recover(program, status=1)
            assert list(listed["damaged"]) == list(found["damaged"]) == [str(kept)]
            assert kept.exists()
        ((found,), _) = recover(program, "--discard")
        assert found["removed"]
        program.leaves_nothing()

    def test_of_a_worker_that_outlives_its_owner(self, program: Program) -> None:
        """It writes what it can read of its own ring, goes on, and leaves the ring to those who look into it."""
        program.start(VICTIM.replace("os.kill(owner, signal.SIGKILL)", LATER), "owner only", "app.log")
        wait_until((program.here / "damage.txt").exists, "the owner stands still", within=30)
        (session,) = (program.runtime / f"mplog-{os.geteuid()}" / "sessions").iterdir()
        path = ring_of(session, b"late a")
        change, whole = RINGS["a record in the middle"]
        change(path)
        (program.here / "kill.txt").touch()
        expected = {*EARLY, *whole, *(f"late b {count}" for count in range(60))}
        wait_until(lambda: set(messages(program)) == expected, "everything is written", within=30)
        (program.here / "die.txt").touch()
        program.wait_for_members()
        ((found,), _) = recover(program, status=1)
        assert (list(found["damaged"]), found["removed"]) == ([str(path)], False)
        assert max(messages(program).values()) == 1
        recover(program, "--discard")
        program.leaves_nothing()

    def test_a_flag_makes_none_of_a_process_that_has_never_logged(self, program: Program) -> None:
        """A ring with records is read, whatever one bit says; the owner's sweep does not take it for an empty one."""
        session = leave(program)
        path = ring_of(session, b"late a")
        store(path, layout.FLAGS_AT, bytes([path.read_bytes()[layout.FLAGS_AT] ^ layout.FLAG_EARLY]))
        program.run(NEXT, "app.log")
        assert messages(program) == Counter([*EARLY, *LATE, "next"])
        program.leaves_nothing()

    def test_thousands_that_are_none(self, program: Program) -> None:
        """A worker puts them there: its owner says so in a line, and their number at the end."""
        said = start(
            program,
            """
            import glob, os
            from mplog import logger
            logger.remove()
            logger.add("app.log", format="{message}")
            pid = os.fork()
            if pid == 0:
                logger.info("worker")
                (mine,) = glob.glob(os.environ["MPLOG_RUNTIME_DIR"] + f"/*/sessions/*/rings/{os.getpid()}-*.ring")
                for count in range(3000):
                    with open(os.path.join(os.path.dirname(mine), f"{count + 1}-1-1.ring"), "wb") as file:
                        file.write(b"x" * 5000)
                # A further ring, for which the owner looks.
                for count in range(3):
                    logger.info("{}", "x" * 200_000)
                logger.complete()
                os._exit(0)
            os.waitpid(pid, 0)
            logger.complete()
            """,
        )
        assert "2999 more" in said
        assert said.count("is not read") == 2
        ((found,), _) = recover(program, status=1)
        assert len(found["damaged"]) == 3000
        assert recover(program, "--discard")[0][0]["removed"]
        program.leaves_nothing()


def test_a_backlog_of_a_session_that_cannot_be_read(program: Program) -> None:
    """Records that waited for a busy file lie beside the rings, and keep the session as those do."""
    session = leave(program)
    ring = ring_of(session, b"late a")
    (session / "backlog" / "0").mkdir(parents=True, mode=0o700)
    ring.rename(session / "backlog" / "0" / ring.name)
    ring_of(session, b"late b").unlink()
    (session / "control").unlink()
    start(program, NEXT, "app.log")
    recover(program, status=1)
    assert (session / "backlog" / "0" / ring.name).exists()
    recover(program, "--discard")
    program.leaves_nothing()


KEPT_NOT_SAID = """
import os, signal, sys, time
from mplog import QueueOptions, logger
from mplog._sinks.file import slot
from mplog._writer import writer

logger.remove()
logger.configure(queue=QueueOptions(order_window=0))  # All that is there is one batch.
logger.add("app.log", format="{message}")
done, step, owner, pids = slot.Slot.done, writer.Writer.step, os.getpid(), []

def wait(name):
    until = time.monotonic() + 30
    while not os.path.exists(name):
        assert time.monotonic() < until, name
        time.sleep(0.001)

def hold(self):
    # Until all has come that is to be in it.
    if os.path.exists("hold.txt"):
        open("held.txt", "w").close()
        for name in "ab":
            wait(f"{name}.late.txt")
    return step(self)

def die(self):
    # The batch is in the file, and nobody has said so.
    if not os.path.exists("held.txt"):
        return done(self)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    os.kill(owner, signal.SIGKILL)

slot.Slot.done, writer.Writer.step = die, hold
for name in "ab":
    pid = os.fork()
    if pid == 0:
        for count in range(20):
            logger.info("early {} {}", name, count)
        logger.complete()
        open(f"{name}.early.txt", "w").close()
        wait("held.txt")
        for count in range(60):
            logger.info("late {} {}", name, count)
        open(f"{name}.late.txt", "w").close()
        time.sleep(60)
    pids.append(pid)
for name in "ab":
    wait(f"{name}.early.txt")
open("hold.txt", "w").close()
time.sleep(60)
"""


class TestPromise:
    """The owner and its workers are killed when a batch is in the file, before that is noted."""

    @pytest.mark.parametrize("cut", [0, 1, 4, 100, 500])
    @pytest.mark.parametrize("damage", ["nothing", "gone", "a record in the middle", "text", "shorter"])
    def test_a_ring_that_is_lost_doubles_no_others_records(self, program: Program, damage: str, cut: int) -> None:
        """Whatever is wrong with one ring, and how much of the batch is in the file: the other's are there once."""
        victim = program.start(KEPT_NOT_SAID, warnings="ignore")
        wait_until(lambda: victim.process.poll() is not None, "the owner is killed", within=30)
        assert victim.process.returncode == -signal.SIGKILL, victim.said_so_far()
        program.wait_for_members()
        log = program.here / "app.log"
        assert set(messages(program)) == {*EARLY, *LATE}
        os.truncate(log, log.stat().st_size - cut)
        before = log.read_text()
        assert "late b" in before
        (session,) = (program.runtime / f"mplog-{os.geteuid()}" / "sessions").iterdir()
        path = ring_of(session, b"late a")
        if damage == "text":
            store(path, of_late(path) + 1, b"?")
        elif damage == "gone":
            path.unlink()
        elif damage != "nothing":
            RINGS[damage][0](path)
        start(program, NEXT, "app.log")
        found = messages(program)
        late_b = [f"late b {count}" for count in range(60)]
        assert [line for line in log.read_text().splitlines() if line.startswith("late b")] == late_b
        assert all(found[line] == 1 for line in EARLY)
        late_a = {line: count for line, count in found.items() if line.startswith("late a ")}
        if damage == "nothing":
            assert late_a == dict.fromkeys((f"late a {count}" for count in range(60)), 1)
        assert max(late_a.values()) <= (2 if damage == "text" else 1)
        strange = [line for line in found if line not in {*EARLY, *LATE, "next"} and not before.endswith(line)]
        assert strange == [] or damage == "text", strange
