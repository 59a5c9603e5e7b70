"""When files rotate and what they are called then, beside the reference: logger-api.md, sections 16.1 and 16.3 to 16.7.

Deliberate differences, each with a test here:

- no rotation leaves an empty file behind, unless a limit of 0 or a function asks for it (a file without a record
  tells nobody anything, and counts against the retention);
- size limits count bytes of the record, not characters (a limit of the file system is one of bytes);
- a rotated file does not take a name whose archive is there already (no archive is renamed later);
- fixed steps ("1 h") go on from the first file of a log over restarts, for other processes count from there, too; the
  reference begins a new count with each start;
- a change of clocks between the creation and the first message is told by the zone at the creation;
- no message is lost when a rotation function raises (beyond.md row 21).
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loguru
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sides import START, Side, aware, run, stamp, zone

from mplog._sinks.file import birth
from mplog._sinks.file.naming import PathTemplate
from mplog._sinks.file.options import FileOptions
from mplog._sinks.file.rotation import parse_rotation
from mplog._sinks.file.sink import FileSink

HOUR, DAY = 3600, 86_400

RULES: list[tuple[Any, list[int]]] = [
    ("1 h", [0, HOUR - 1, 1, HOUR - 1, 1, 5 * HOUR + 60, 60, HOUR]),
    ("1 h", [0, HOUR + 1800, 1800, 1799, 1]),
    ("90 min", [0, 5399, 1, 5400, 5401]),
    (dt.timedelta(days=1, hours=3), [0, 27 * HOUR, 26 * HOUR, HOUR]),
    ("hourly", [0, 2400, 0, HOUR, 30 * HOUR, 1800]),
    ("daily", [0, 10 * HOUR, HOUR, DAY, 10 * DAY, HOUR]),
    ("weekly", [0, 4 * DAY, DAY, 7 * DAY, 21 * DAY]),
    ("monthly", [0, 3 * DAY, DAY, 27 * DAY, 60 * DAY]),
    ("yearly", [0, 300 * DAY, 37 * DAY, DAY, 800 * DAY]),
    ("13:20:30.250", [0, 1, DAY - 1, DAY]),
    ("14:00", [0, 2370, 1, DAY, 3 * DAY]),
    (dt.time(3, 30), [0, 14 * HOUR, HOUR, DAY]),
    (dt.time(3, 30, tzinfo=dt.timezone(dt.timedelta(hours=5))), [0, 9 * HOUR, HOUR, DAY]),
    ("wednesday at 14:00", [0, HOUR, 7 * DAY, 20 * DAY]),
    ("w3", [0, 10 * HOUR, HOUR, 7 * DAY]),
    ("2:00:00 PM", [0, 2370, 1, DAY]),
    ("8 B", [0, 0, 0, 0, 0, 0, 0]),
    (6, [0, 0, 0]),
    (lambda message, file: message.startswith("2") or file.name == "", [0, 0, 0, 0]),
    (lambda message, file: file.seek(0, 2) + len(message) > 5, [0, 0, 0, 0, 0]),
    (lambda message, file: message.record["time"].hour == 15, [0, HOUR, HOUR, HOUR]),
]


def name_of(case: Any) -> str:
    return re.sub(r"[^\w ]+", "-", str(case))[:40] if not callable(case) else "function"


class TestUnderAFrozenClock:
    @pytest.mark.parametrize("path", ["app.log", "app", "a.tar.gz", "sub/{time:YYYY-MM-DD}/app.log", "app_{time}.log"])
    @pytest.mark.parametrize(("rule", "ticks"), RULES, ids=name_of)
    def test_names_and_contents(self, tmp_path: Path, path: str, rule: Any, ticks: list[int]) -> None:
        """The same files, with the same names and the same lines in them."""

        def scenario(side: Side) -> None:
            side.add(path, rotation=rule)
            for number, seconds in enumerate(ticks):
                side.tick(seconds)
                side.logger.info(str(number))

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()

    @pytest.mark.parametrize("path", ["app.log", "app", ".hidden", "a.tar.gz", "x.y/app.log", "app_{time:YYYY}.log"])
    def test_several_rotations_at_one_time(self, tmp_path: Path, path: str) -> None:
        """A second file of the same creation time gets a number, in the same place."""

        def scenario(side: Side) -> None:
            side.add(path, rotation=0)
            for number in range(4):
                side.logger.info(str(number))

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()
        assert len(ours.left()) == 5

    @pytest.mark.parametrize(("rule", "ticks"), [*RULES[:1], *RULES[2:]], ids=name_of)
    def test_restart(self, tmp_path: Path, rule: Any, ticks: list[int]) -> None:
        """A program that stops and starts again goes on with the limits of the file that it finds."""

        def scenario(side: Side) -> None:
            for number, seconds in enumerate(ticks[:3]):
                side.tick(seconds)
                handler = side.add("app.log", rotation=rule)
                side.logger.info(str(number))
                side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()

    @pytest.mark.parametrize("delay", [False, True])
    def test_delay(self, tmp_path: Path, delay: bool) -> None:
        """With `delay` the path is that of the first message."""

        def scenario(side: Side) -> None:
            side.add("app_{time}.log", rotation="1 h", delay=delay)
            side.tick(60)
            side.logger.info("a")
            side.logger.info("b")

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()

    def test_times_that_a_patcher_sets(self, tmp_path: Path) -> None:
        """It is the record's time that counts, also where it goes back."""

        def scenario(side: Side) -> None:
            now = START.replace(tzinfo=dt.timezone.utc)
            logger = side.logger.patch(lambda record: record.update(time=now))
            side.add(rotation="1 h")
            for number, minutes in enumerate((0, 30, 45, -200, 10, 300, 59, 600)):
                now += dt.timedelta(minutes=minutes)
                logger.info(str(number))

        reference, ours = run(tmp_path, scenario)
        assert sorted(ours.left().values()) == sorted(reference.left().values())
        assert len(ours.left()) == 5

    def test_file_of_an_earlier_program(self, tmp_path: Path) -> None:
        """A file without recorded date counts from its modification time, and later writes do not move that."""

        def scenario(side: Side) -> None:
            old = side.here / "app.log"
            old.write_text("old\n")
            os.utime(old, ((START - dt.timedelta(minutes=30)).replace(tzinfo=dt.timezone.utc).timestamp(),) * 2)
            side.logger.add(old, format="{message}", rotation="1 h")
            for number in range(4):
                side.logger.info(str(number))
                side.tick(15 * 60)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()
        assert len(ours.left()) == 2


@pytest.fixture(params=["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def local(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for _ in zone(request.param, monkeypatch):
        yield request.param


CHANGES = {
    "UTC": (1774746000.0,),
    "Europe/Berlin": (1774746000.0, 1792890000.0),
    "America/New_York": (1772953200.0, 1793512800.0),
    "Australia/Lord_Howe": (1775314800.0, 1791041400.0),
}
"""The instants at which clocks are put forward or back."""

DIRECTORY = iter(range(10**9))


def written_by_reference(here: Path, rule: Any, created: float, messages: list[tuple[float, str]]) -> list[bytes]:
    """The contents of its files, oldest first."""
    log = here / "app.log"
    log.touch()
    stamp(log, created)
    now = created
    logger = loguru.logger.patch(lambda record: record.update({"time": aware(now)}))
    handler = logger.add(log, rotation=rule, format="{message}")
    for now, text in messages:  # noqa: B007 - the patcher reads it
        logger.info(text)
    logger.remove(handler)
    return in_order(here)


def written_by_us(here: Path, rule: Any, created: float, messages: list[tuple[float, str]]) -> list[bytes]:
    """The same for mplog's sink."""
    log = here / "app.log"
    log.touch()
    with log.open("ab") as file:
        birth.write_birth(file.fileno(), created)
    sink = FileSink(FileOptions(PathTemplate(log), rotation=parse_rotation(rule)))
    for now, text in messages:
        sink.write(f"{text}\n".encode(), now)
    sink.close()
    return in_order(here)


def in_order(here: Path) -> list[bytes]:
    """The contents of files by the first number that a line in them begins with, the live file's at the end.

    Not by their dates: the clock of file systems ticks every few milliseconds, and several rotations fit in between.
    """

    def age(path: Path) -> tuple[bool, int, bytes]:
        content = path.read_bytes()
        number = re.search(rb"^\d+", content, re.MULTILINE)
        return path.name == "app.log", int(number[0]) if number else -1, content

    return [content for _, _, content in sorted(map(age, here.iterdir())) if content]


class TestWhereClocksChange:
    @pytest.mark.usefixtures("runtime_dir")
    @settings(
        max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(data=st.data())
    def test_generated_times_and_sizes(self, tmp_path: Path, local: str, data: st.DataObject) -> None:
        """The same lines share a file, over changes of clocks in both directions and messages out of order."""
        change = data.draw(st.sampled_from(CHANGES[local]))
        rule = data.draw(
            st.sampled_from(
                ["1 h", "25 min", "5 h", "1 d", "hourly", "daily", "weekly", "02:30", "01:30", "w6 at 02:00"]
            )
        )
        limit = data.draw(st.sampled_from([None, "40 B", 25]))
        created = change + data.draw(st.integers(-2 * DAY, DAY))
        steps = data.draw(
            st.lists(
                st.tuples(st.sampled_from([0, 1, 60, 900, 1800, HOUR, 5 * HOUR, DAY, -60, -HOUR]), st.integers(1, 30)),
                min_size=1,
                max_size=12,
            )
        )
        # The reference tells a file's creation by the zone of the first message, mplog by that of the creation: so that
        # all processes agree, whichever logs first.
        assume(aware(created).utcoffset() == aware(created + steps[0][0]).utcoffset())
        now, messages = created, []
        for number, (seconds, length) in enumerate(steps):
            now += seconds
            messages.append((now, f"{number}".ljust(length, ".")))
        here = tmp_path / str(next(DIRECTORY))
        rules = rule if limit is None else [rule, limit]
        found = []
        for work in (written_by_reference, written_by_us):
            place = here / work.__name__
            place.mkdir(parents=True)
            if work is written_by_reference and limit is not None:
                found.append(_reference_with_list(place, rule, limit, created, messages))
            else:
                found.append(work(place, rules, created, messages))
        assert found[1] == found[0]


def _reference_with_list(
    place: Path, rule: str, limit: Any, created: float, messages: list[tuple[float, str]]
) -> list[bytes]:
    """Lists are newer than the release that can be installed: one rule of the two after the other, by hand."""
    # Size and time are independent of one another, so a function stands for the size.
    bound = 40 if limit == "40 B" else limit
    expected: list[list[str]] = [[]]
    alone = place / "alone"
    alone.mkdir()
    by_time = written_by_reference(alone, rule, created, messages)
    # Where the time rule alone begins a new file.
    borders, total = set(), 0
    for content in by_time[:-1]:
        total += content.count(b"\n")
        borders.add(total)
    size = 0
    for number, (_, text) in enumerate(messages):
        if number in borders or (size and size + len(text) + 1 > bound):
            expected.append([])
            size = 0
        expected[-1].append(f"{text}\n")
        size += len(text) + 1
    return ["".join(lines).encode() for lines in expected if lines]


class TestSizes:
    @settings(
        max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        rule=st.sampled_from(["50 B", "0.05 kB", 50, 50.5, "400b", 0, 1, "1 MB"]),
        lengths=st.lists(st.integers(0, 60), min_size=1, max_size=15),
        before=st.sampled_from([0, 1, 49, 50, 51, 200]),
    )
    def test_generated_sizes(self, tmp_path: Path, rule: Any, lengths: list[int], before: int) -> None:
        """The same lines share a file, whatever was in it before."""
        here = tmp_path / str(next(DIRECTORY))
        messages = [(1.8e9, f"{number}".ljust(length, ".")) for number, length in enumerate(lengths)]
        found = []
        for work in (written_by_reference, written_by_us):
            place = here / work.__name__
            place.mkdir(parents=True)
            if before:
                (place / "app.log").write_text("x" * (before - 1) + "\n")
            found.append(work(place, rule, 1.7e9, messages))
        assert found[1] == found[0]


class TestLists:
    """Lists of rotations are newer than the release that can be installed: tested against the text."""

    @pytest.mark.parametrize("kind", [list, tuple, frozenset])
    def test_any_of_them_is_enough(self, tmp_path: Path, kind: Any) -> None:
        """By size twice, then by time; a rotation by size does not move the limit of time."""
        rules = kind(["8 B", "1 h"])
        messages = [(0, "aaa"), (0, "bbb"), (0, "ccc"), (3599, "d"), (1, "e"), (1800, "f"), (1799, "g"), (1, "h")]
        now, moments = 1.8e9, []
        for seconds, text in messages:
            now += seconds
            moments.append((now, text))
        found = written_by_us(tmp_path, rules, 1.8e9, moments)
        assert found == [b"aaa\nbbb\n", b"ccc\nd\n", b"e\nf\ng\n", b"h\n"]


class TestDifferences:
    def test_steps_go_on_over_a_restart(self, tmp_path: Path) -> None:
        """The limits of "1 h" are whole hours after the first file of the log, whoever asks and when."""

        def scenario(side: Side) -> None:
            for number, seconds in enumerate([0, HOUR + 1800, 1800]):
                side.tick(seconds)
                handler = side.add(rotation="1 h")
                side.logger.info(str(number))
                side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert len(ours.left()) == 3
        assert len(reference.left()) == 2

    def test_no_empty_file_is_left_behind(self, tmp_path: Path) -> None:
        """A file without a record begins anew instead of being renamed."""

        def scenario(side: Side) -> None:
            side.add(rotation="1 h")
            side.tick(2 * HOUR)
            side.logger.info("a")
            side.tick(HOUR)
            side.logger.info("b")

        reference, ours = run(tmp_path, scenario)
        filled = [content for content in reference.left().values() if content]
        assert sorted(ours.left().values()) == sorted(filled) == [b"a\n", b"b\n"]
        assert len(reference.left()) == 3

    def test_record_over_the_limit_leaves_no_empty_file(self, tmp_path: Path) -> None:
        """One record larger than the limit goes into the empty file as it is."""

        def scenario(side: Side) -> None:
            side.add(rotation="5 B")
            side.logger.info("more than five")

        reference, ours = run(tmp_path, scenario)
        assert list(ours.left().values()) == [b"more than five\n"]
        assert sorted(reference.left().values()) == [b"", b"more than five\n"]

    def test_sizes_are_bytes(self, tmp_path: Path) -> None:
        """What a character takes in the file is what counts."""

        def scenario(side: Side) -> None:
            side.add(rotation="10 B")
            side.logger.info("a")
            side.logger.info("éééé")

        reference, ours = run(tmp_path, scenario)
        assert sorted(ours.left().values()) == [b"a\n", "éééé\n".encode()]
        assert list(reference.left().values()) == ["a\néééé\n".encode()]

    def test_no_record_is_lost_when_a_function_raises(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """beyond.md row 21: the error is reported, the record is written, the file stays."""

        def fail(message: Any, file: Any) -> bool:
            raise ZeroDivisionError

        def scenario(side: Side) -> None:
            side.add(rotation=fail)
            side.logger.info("a")

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == {"app.log": b"a\n"}
        assert reference.left() == {"app.log": b""}
        said = capsys.readouterr().err
        assert len(re.findall(r"^ *ZeroDivisionError$", said, re.MULTILINE)) == 2
        assert ": handler 0 (" in said


class TestFunctions:
    def test_what_they_get(self, tmp_path: Path) -> None:
        """The message with its record, and a text file of the path's name that can be asked and sought."""

        def scenario(side: Side) -> None:
            def asked(message: Any, file: Any) -> bool:
                file.seek(0, 2)
                side.said.append(
                    (
                        str(message),
                        message.record["message"],
                        message.record["level"].name,
                        os.path.basename(file.name),
                        file.tell(),
                        file.mode[0],
                        file.encoding.replace("-", ""),
                        file.closed,
                        file.writable(),
                    )
                )
                return bool(message.record["extra"].get("rotate", False))

            side.add(rotation=asked)
            side.logger.info("a")
            side.logger.bind(rotate=True).info("b")
            side.logger.warning("c")

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said
        assert ours.left() == reference.left()

    def test_reading_with_a_plus(self, tmp_path: Path) -> None:
        """Under mode `a+` a function can read what is in the file."""

        def scenario(side: Side) -> None:
            def full(message: Any, file: Any) -> bool:
                file.seek(0)
                side.said.append(file.read())
                return len(side.said) == 3

            side.add(rotation=full, mode="a+")
            for number in range(4):
                side.logger.info(str(number))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said
        assert ours.left() == reference.left()
