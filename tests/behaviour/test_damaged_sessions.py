"""What a killed program left is damaged before anybody looks at it: no record is removed that is not in its file.

A slot that is lost or damaged costs nothing, and may double what was being written; what cannot be read at all is kept,
said, named by ``mplog recover``, and removed by nothing but its ``--discard``.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from damages import (
    EARLY,
    LATE,
    LATER,
    NEXT,
    VICTIM,
    flip,
    last_bank,
    leave,
    messages,
    recover,
    replaced_by,
    ring_of,
    slot_of,
    start,
    store,
)
from programs import Program, wait_until

from mplog._ring import layout
from mplog._sinks.file import slot as slots

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
