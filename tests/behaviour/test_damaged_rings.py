"""A killed program's ring is damaged or taken away: what is whole is written once, and nobody else pays for it."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from damages import EARLY, LATE, LATER, NEXT, VICTIM, flip, leave, messages, recover, replaced_by, ring_of, start, store
from programs import Program, wait_until

from mplog._ring import layout


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
