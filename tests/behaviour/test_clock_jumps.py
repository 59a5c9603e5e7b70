"""The wall clock is put forward and back under running programs: no call waits for it, no record is lost or doubled.

What the clock shows comes from a library that is preloaded (clock.c); logger-api.md, section 16.3, says what a rotation
by time makes of it.
"""

from __future__ import annotations

import math
import re
import shutil
import struct
import time
from pathlib import Path

import pytest
from programs import Program, assert_once_in_order, compiled, wait_until

CLOCK = Path(__file__).with_name("clock.c")
pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

NOON = 1_893_501_000  # 2030-01-01 12:30:00 UTC

JUMPS = """
import mmap, multiprocessing, os, signal, struct, sys, time
from mplog import logger

page = mmap.mmap(os.open("clock.txt", os.O_RDWR), 4096)
clock, counts = memoryview(page)[:8].cast("q"), memoryview(page)[8:].cast("q")
STOP = 100  # In `counts`: whether the workers shall end.
HOUR, DECADE = 3600, 10 * 365 * 86400

def log(who):
    start = time.monotonic()
    logger.info("{} {}", ("owner", "one", "two", "three")[who], counts[who])
    counts[who] += 1
    taken = time.monotonic() - start
    assert taken < 2, f"a call took {taken} s"

def work(who):
    while not counts[STOP]:
        log(who)
        time.sleep(0.002)

def quickly(what, *arguments, **options):
    start = time.monotonic()
    result = what(*arguments, **options)
    taken = time.monotonic() - start
    assert taken < 5, f"{what} took {taken} s"
    return result

def main():
    logger.remove()
    logger.add("app.log", format="{process.id} {message}", catch=False, **eval(sys.argv[1]))
    log(0)
    workers = [
        multiprocessing.get_context(method).Process(target=work, args=(who,))
        for who, method in [(1, "fork"), (2, "fork"), (3, "spawn")]
    ]
    for worker in workers:
        worker.start()
    base = clock[0]
    for wrong in eval(sys.argv[2]):
        clock[0] = base + wrong
        seen = list(counts[:4])
        deadline = time.monotonic() + 10
        while any(now < before + 20 for now, before in zip(counts[:4], seen)):
            log(0)
            time.sleep(0.002)
            assert time.monotonic() < deadline, (list(counts[:4]), seen)
        assert quickly(logger.complete, timeout=10)
        health = quickly(logger.health)
        assert health, health
    if sys.argv[3] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    counts[STOP] = 1
    for worker in workers:
        quickly(worker.join)
        assert worker.exitcode == 0
    quickly(logger.remove)

if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="session")
def jumping(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The compiled library."""
    return compiled(CLOCK, tmp_path_factory.mktemp("clock"))


class Jumping:
    """A program under a clock of its own."""

    def __init__(self, program: Program, library: str) -> None:
        self.program = program
        self._environment = {"LD_PRELOAD": library, "TZ": "UTC"}
        self._page = program.here / "clock.txt"
        self._files: list[Path] = []

    def run(self, options: str, jumps: str, end: str = "", *, at: float = NOON) -> list[str]:
        """Begin with the clock at *at*; return the names of the log files afterwards."""
        wrong = math.ceil(at - time.time())
        self._page.write_bytes(struct.pack("q", wrong).ljust(4096, b"\0"))
        status = -9 if end == "killed" else 0
        running = self.program.start(JUMPS, options, jumps, end, environment=self._environment)
        if end == "killed":
            running.process.wait()
            before = self._counts()
            wait_until(
                lambda: all(now >= then + 200 for now, then in zip(self._counts()[1:], before[1:], strict=True)),
                "the workers log",
            )
            with self._page.open("r+b") as page:
                page.seek(8 + 8 * 100)
                page.write(struct.pack("q", 1))
        ended = running.wait()
        self.program.leaves_nothing()
        assert ended.status == status, ended.said
        assert end == "killed" or not ended.said, ended.said
        self._files = sorted(ended.here.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
        return sorted(path.name for path in ended.here.glob("*.log"))

    def lines(self) -> list[str]:
        """All lines, by the true time of the last line of their file."""
        texts = [path.read_text() for path in self._files]
        assert all(text.endswith("\n") for text in texts)
        return "".join(texts).splitlines()

    def counted(self) -> list[str]:
        """The messages that the last program has logged."""
        ends = zip(["owner", "one", "two", "three"], self._counts(), strict=True)
        return [f"{who} {n}" for who, end in ends for n in range(end)]

    def _counts(self) -> tuple[int, ...]:
        return struct.unpack_from("4q", self._page.read_bytes(), 8)


@pytest.fixture
def clock(program: Program, jumping: str) -> Jumping:
    """A program whose clock can be put forward and back."""
    return Jumping(program, jumping)


def names_of(*moments: str) -> list[str]:
    """The live log and those rotated, whose files were created at *moments*, as patterns."""
    return [*(rf"app\.{moment}_\d{{6}}\.log" for moment in moments), r"app\.log"]


def assert_named(names: list[str], patterns: list[str]) -> None:
    """Each name fits the pattern at its place, and there are no others."""
    assert len(names) == len(patterns), names
    assert all(re.fullmatch(pattern, name) for pattern, name in zip(patterns, names, strict=True)), names


def assert_last_in_order(lines: list[str], expected: list[str]) -> None:
    """Of each process its last messages, without a gap."""
    found: dict[str, list[int]] = {}
    for line in lines:
        _, who, number = line.split()
        found.setdefault(who, []).append(int(number))
    for who, numbers in found.items():
        count = sum(message.startswith(f"{who} ") for message in expected)
        assert numbers == list(range(count))[-len(numbers) :], who


class TestRotationByTime:
    """Of an hourly file, whose owner and workers log all the time."""

    def test_back_and_forward(self, program: Program, clock: Jumping) -> None:
        """The first time the clock shows the next hour the file is rotated, and not again when it does so again."""
        names = clock.run("{'rotation': 'hourly', 'retention': 20}", "[0, HOUR, 0, HOUR, -HOUR, HOUR + 60, -24 * HOUR]")

        assert_named(names, names_of("2030-01-01_12-30-.."))
        assert_once_in_order(clock.lines(), clock.counted())

    def test_ten_years(self, program: Program, clock: Jumping) -> None:
        """One rotation, none for the years between, and none when the clock comes back."""
        names = clock.run("{'rotation': 'hourly', 'retention': 20}", "[0, DECADE, 0, -DECADE, DECADE, 0]")

        assert_named(names, names_of("2030-01-01_12-30-.."))
        assert_once_in_order(clock.lines(), clock.counted())

    def test_every_hour_from_the_creation(self, program: Program, clock: Jumping) -> None:
        """The same for a file that is rotated an hour after it was made."""
        names = clock.run(
            "{'rotation': '1 h', 'retention': 20}", "[0, HOUR + 60, 0, HOUR + 60, -HOUR, 2 * HOUR - 60, 0]"
        )

        assert_named(names, names_of("2030-01-01_12-30-.."))
        assert_once_in_order(clock.lines(), clock.counted())

    def test_a_start_while_the_clock_is_behind(self, program: Program, clock: Jumping) -> None:
        """What a file was rotated for is not due again for a program that starts before that moment."""
        clock.run("{'rotation': 'hourly', 'retention': 20}", "[0, HOUR]")
        first = clock.counted()
        names = clock.run("{'rotation': 'hourly', 'retention': 20}", "[0, HOUR]", at=NOON - 60)

        assert_named(names, names_of("2030-01-01_12-30-.."))
        assert len(clock.lines()) == len(first) + len(clock.counted())


class TestRotationBySize:
    """Whose files are named by the clock."""

    def test_no_file_takes_anothers_name(self, program: Program, clock: Jumping) -> None:
        """Not when the clock shows the same second again, either."""
        names = clock.run("{'rotation': 2000}", "[0, -HOUR, 0, -HOUR, DECADE, 0, -DECADE]")

        assert len(names) >= 3
        assert_once_in_order(clock.lines(), clock.counted())

    def test_a_retention_removes_no_more_than_it_may(self, program: Program, clock: Jumping) -> None:
        """The newest so many stay, also when their names say that they are from another decade."""
        names = clock.run("{'rotation': 1000, 'retention': 3}", "[0, -HOUR, DECADE, 0, -DECADE]")

        assert len(names) == 4
        assert_last_in_order(clock.lines(), clock.counted())


def test_an_owner_killed_while_the_clock_is_wrong(program: Program, clock: Jumping) -> None:
    """Its workers notice, and write what was on the way and what comes later."""
    clock.run("{'rotation': 'hourly'}", "[0, HOUR, -HOUR]", "killed")

    lines = clock.lines()
    assert_once_in_order(lines, clock.counted())
