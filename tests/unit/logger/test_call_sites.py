"""A call site that is remembered logs what it logged when it was not: the fast way equals the full way."""

from __future__ import annotations

import io
import itertools
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import read_log

from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._render.escape import escape
from mplog._render.times import local_time

FORMATS = [
    "{message}",
    "{time:YYYY-MM-DD HH:mm:ss.SSS Z} | {level: <8} | {name}:{function}:{line} - {message}",
    "{time} {message}",
    "{time:HH:mm:ss.SSSSSS} {message}",
    "{time:S}{time:SS} {message}",
    "{time:X.SSS!UTC} {message}",
    "{level.icon} {level.no:>5} {file.name} {file} {module} {message}",
    "{{literal}} {{{message}}}",
    "{message} {message}",
    "{message!r:>30} {level!s}",
    "{process} {thread.name} {message}",
    "{extra} {message}",
    "no message at all",
    "'\"\\ {message} \\n",
]

MESSAGES: list[tuple[Any, tuple[Any, ...]]] = [
    ("plain", ()),
    ("literal {} {0} {x}", ()),
    ("one {}", (1,)),
    ("{} and {}", ("a", 2.5)),
    ("{:>8} {!r:<8} {:05.1f} {:#x} {:,}", ("a", "b", 3.14159, 255, 10**7)),
    ("{0} {1} {0}", (1, 2)),
    ("{0[0]} {1.real}", ([1], 2)),
    ("{:{}}", ("a", 6)),
    ("surplus {}", (1, 2, 3)),
    ("{{}} {}", (1,)),
    ("quotes ' \" \\ {}", ("'\"\\",)),
    ("{} {} {}", (None, True, [1, {"a": (2,)}])),
    ("{!a} {!s}", ("é", "é")),
    ("percent %s %d {}", ("%",)),
    ("é € 漢字 {}", ("\U0001f600",)),
    ("new\nline {}", ("a\nb",)),
    ("tab\t{}", ("\t",)),
    ("escape {}", ("\x1b[31m",)),
    ("", ()),
    ("{}", ("",)),
]


class FrozenClock:
    """Stands for `time.time`, in steps."""

    def __init__(self) -> None:
        self.now = 1_767_222_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    """A clock that stands still."""
    found = FrozenClock()
    monkeypatch.setattr(time, "time", found)
    return found


@pytest.mark.parametrize("format_", FORMATS)
class TestSameText:
    def test_as_a_sink_that_wants_the_record(
        self, logger: Logger, tmp_path: Path, clock: FrozenClock, format_: str
    ) -> None:
        """A file and a function beside it get the same lines, at the first call and at later ones."""
        other: list[str] = []
        logger.add(tmp_path / "app.log", format=format_)
        numbers = itertools.count()
        plain = Logger(Core(), {})
        plain.add(other.append, format=format_)
        for message, arguments in MESSAGES:
            for _ in range(3):
                clock.now += 0.25 + 0.001 * next(numbers)
                # One line, so that both calls name the same; each logger remembers the call for itself.
                for each in (logger, plain):
                    each.info(message, *arguments)
        plain.remove()
        assert "\n".join(read_log(tmp_path)) + "\n" == "".join(other)


class TestOnePlace:
    def test_that_logs_different_things(self, logger: Logger, tmp_path: Path) -> None:
        """Other templates, counts of arguments, keywords and levels in between confuse nothing."""
        logger.add(tmp_path / "app.log", format="{level.no} {message} {extra}")
        expected = []
        for n in range(4):
            for message, arguments, keywords, shown in [
                ("{}", (n,), {}, f"{n} {{}}"),
                ("<{}>", (n,), {}, f"<{n}> {{}}"),
                ("{}", (n, n), {}, f"{n} {{}}"),
                ("{}", (), {}, "{} {}"),
                ("{a}", (), {"a": n}, f"{n} {{'a': {n}}}"),
                (n, (), {}, f"{n} {{}}"),
            ]:
                logger.info(message, *arguments, **keywords)
                expected.append(f"20 {shown}")
            for method in (logger.debug, logger.error):
                method("x")
            expected += ["10 x {}", "40 x {}"]
        assert read_log(tmp_path) == expected

    def test_many_messages_without_end(self, logger: Logger, tmp_path: Path) -> None:
        """A message that is made anew each time is logged like any other."""
        logger.add(tmp_path / "app.log", format="{message}")
        for n in range(50):
            logger.info(f"made {n} {{}}", n)
        assert read_log(tmp_path) == [f"made {n} {n}" for n in range(50)]

    def test_more_places_than_are_remembered(self, logger: Logger, tmp_path: Path) -> None:
        """Code that a program makes without end is not kept without end."""
        logger.add(tmp_path / "app.log", format="{function} {message}")
        for n in range(5000):
            exec(compile(f"def f{n}(): logger.info('x')\nf{n}()", "made.py", "exec"), {"logger": logger})
        assert read_log(tmp_path) == [f"f{n} x" for n in range(5000)]
        assert len(logger._core.state.sites) <= 4096

    def test_values_that_change_what_they_are(self, logger: Logger, tmp_path: Path) -> None:
        """A fault of one value sends that call, and no other, the full way."""
        logger.add(tmp_path / "app.log", format="{message}")
        for value in (1, "a", None, 1.5, "\x1b", b"x", [1], "b"):
            logger.info("{:>4}" if isinstance(value, (int, str)) else "{}", value)
        for value in (1, "text", 2):
            logger.info("{:d}", value)
        lines = read_log(tmp_path)
        assert lines[:8] == ["   1", "   a", "None", "1.5", "   \x1b".replace("\x1b", "\\x1b"), "b'x'", "[1]", "   b"]
        assert lines[8:] == ["1", "{:d} <not formatted>", "2"]

    def test_handlers_that_come_and_go(self, logger: Logger, tmp_path: Path) -> None:
        """What is remembered belongs to one configuration."""

        def log() -> None:
            logger.info("x {}", 1)

        logger.add(tmp_path / "one.log", format="{message}")
        for _ in range(3):
            log()
        number = logger.add(tmp_path / "two.log", format="2 {message}")
        for _ in range(3):
            log()
        logger.remove(number)
        log()
        logger.add(tmp_path / "three.log", format="3 {message}", level="WARNING")
        logger.add(tmp_path / "four.log", format="4 {message}", filter="other")
        log()
        assert read_log(tmp_path, "one.log") == ["x 1"] * 8
        assert read_log(tmp_path, "two.log") == ["2 x 1"] * 3
        assert read_log(tmp_path, "three.log") == read_log(tmp_path, "four.log") == []


class TestColored:
    def test_coloured_handlers_are_remembered(self, logger: Logger) -> None:
        """A call site with colours has its line compiled, and hostile data still goes the full way."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf8", newline="")
        logger.add(stream, format="<g>{level}</g> <level>{message}</level>", colorize=True)
        logger.add(stream, format="{level}", colorize=False)
        for value in ("a", ["b"], None, "\x1b", Hostile(), 1.5):
            logger.info("{}", value)
        assert len(logger._core.state.sites) == 1
        logger.remove()
        stream.seek(0)
        shown = ["a", "['b']", "None", "\\x1b", "\\x07", "1.5"]
        assert stream.read() == "".join(f"\x1b[32mINFO\x1b[0m \x1b[1m{text}\x1b[0m\nINFO\n" for text in shown)

    def test_what_only_a_later_handler_shows_is_escaped(self, logger: Logger) -> None:
        """Each line is looked at, not the first handler's alone."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf8", newline="")
        logger.add(stream, format="{level}")
        logger.add(stream, format="{message}")
        for _ in range(3):
            logger.info("{}", Hostile())
        logger.remove()
        stream.seek(0)
        assert stream.read() == "INFO\n\\x07\n" * 3


class Hostile:
    """A value whose text is a control character."""

    def __str__(self) -> str:
        return "\x07"


class TestTime:
    def test_the_text_follows_the_clock(self, logger: Logger, tmp_path: Path, clock: FrozenClock) -> None:
        """Also when it is put back, and across seconds, minutes and days."""
        logger.add(tmp_path / "app.log", format="{time:YYYY-MM-DD HH:mm:ss.SSS}")
        expected = []
        for step in (0, 0.5, 0.4999, 0.001, 60, 86400, -1.5, -86400, 0.999, 1e-7):
            clock.now += step
            logger.info("x")
            expected.append(f"{local_time(clock.now):YYYY-MM-DD HH:mm:ss.SSS}")
        assert read_log(tmp_path) == expected


class TestDisabled:
    @pytest.fixture
    def explosive(self) -> Any:
        """A value that may not be looked at."""

        class Explosive:
            def __getattribute__(self, name: str) -> Any:
                raise AssertionError("looked at")

        return Explosive()

    def test_below_every_handler(self, logger: Logger, explosive: Any) -> None:
        """Nothing of the call is evaluated."""
        logger.add(lambda _: None, level="ERROR")
        logger.info("{} {}", explosive, explosive)
        logger.log("DEBUG", "{}", explosive)
        logger.log(5, explosive)

    def test_without_any_handler(self, logger: Logger, explosive: Any) -> None:
        """Not even the level is checked."""
        logger.critical(explosive)
        logger.exception("{}", explosive)
        logger.log("NO SUCH LEVEL", explosive)
        logger.log(-1, explosive)
        logger.log(None, explosive)  # type: ignore[arg-type]  # which is the point


class TestEveryText:
    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.tuples(st.text(max_size=20), st.lists(st.text(max_size=5), max_size=3)), max_size=5))
    def test_any_message_with_any_arguments(self, calls: list[tuple[str, list[str]]]) -> None:
        """Remembered or not, in any order, with whatever is in it: what `str.format` makes, escaped."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="utf8", newline="")
        logger = Logger(Core(), {})
        logger.add(stream, format="{message}")
        expected = []
        for message, arguments in calls * 3:
            logger.info(message, *arguments)
            try:
                expected.append(message.format(*arguments) if arguments else message)
            except (ValueError, LookupError, AttributeError):
                expected.append(f"{message} <not formatted>")
        logger.remove()
        stream.seek(0)
        assert stream.read() == "".join(f"{escape(text)}\n" for text in expected)
