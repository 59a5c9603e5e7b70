"""Generated texts beside the reference: formats, messages, markup, times, sizes, durations, days, filters and JSON.

Covers logger-api.md, sections 8 to 13, 15 and 16. Every case is made from its number, so that the number in a failure
makes the same case again. Many cases share a pair of handlers, for handlers are what takes time.

Deliberate differences, each said where it is left out: which of two errors in one text is told, a duration that is too
long (ValueError, as for all else that cannot be read), the words of errors about times. Kept out of the cases: control
characters (beyond.md row 13), `{}` beside `{0.attribute}` (an error for `str.format`, too), digits that are not ASCII.
"""

from __future__ import annotations

import datetime as dt
import io
import random
import re
import zoneinfo
from collections.abc import Callable, Iterator
from typing import Any

import loguru._string_parsers as reference_grammar
import pytest
from beside import pair as make_pair
from beside import reference
from counting import ran
from test_markup_parity import raised
from test_serialize_parity import TIMES, strict
from test_time_parity import TOKENS, Reference

from mplog._logger.logger import Logger
from mplog._render.times import format_time
from mplog._sinks.file import grammar

PARTS = range(4)
"""Each test is cut into parts, which run beside one another."""


def cases(part: int, count: int) -> Iterator[tuple[int, random.Random]]:
    """The numbers of one part of *count* cases, each with what its case is made from. Counts those that passed."""
    for number in range(part, count, len(PARTS)):
        yield number, random.Random(number)
        ran()


def joined(draw: random.Random, pieces: list[str], most: int) -> str:
    """Up to *most* of *pieces*."""
    return "".join(draw.choices(pieces, k=draw.randint(0, most)))


class Pair:
    """A logger of each library, with one handler for many messages."""

    def __init__(self, **handler: Any) -> None:
        self.loggers = make_pair(strict=True)
        self.got: tuple[list[Any], list[Any]] = [], []
        for logger, got in zip(self.loggers, self.got, strict=True):
            logger.add(got.append, **{"catch": False, "level": 0, **handler})

    def results(self, use: Callable[..., Any], *given: Any) -> list[Any]:
        """What both make of one use with what is *given*, or what it raises."""
        found: list[Any] = []
        for logger, got in zip(self.loggers, self.got, strict=True):
            got.clear()
            error = None
            try:
                use(logger, *given)
            except Exception as caught:  # noqa: BLE001 - which, is what is compared
                error = raised(caught)
            found.append((error, [(str(message), message.record["message"]) for message in got]))
        return found

    def end(self) -> None:
        """Remove the handlers."""
        for logger in self.loggers:
            logger.remove()


CONVERSIONS = ["", "", "", "!r", "!s", "!a"]
SPECS = [
    "",
    "",
    ":",
    ":>12",
    ":<9",
    ":^7",
    ":*^20",
    ":.3",
    ":>8.2",
    ":05d",
    ":+",
    ":x",
    ":,",
    ":s",
    ":<red>",
    ":{line}",
]
NAMES = [
    *("message", "message", "level", "level.name", "level.no", "level.icon", "name", "function", "line", "module"),
    *("file", "file.name", "process.name", "thread.name", "extra", "extra[a]", "extra[c]", "extra[c][d]", "exception"),
    *("message[0]", "extra[b]", "nothing", "level.nothing", "extra[c][0]", "", "0"),
]
AROUND = [" ", "|", "é", "{{", "}}", "\n", "\t", "-", "text", "< ", " >", "\\", "%s", "日", "{", "}"]
TAGS = [
    *("<r>", "<b>", "<level>", "<lvl>", "<fg 5>", "<bg #ff0000>", "<W>", "<light-red>", "</>", "</>", "</r>", "</b>"),
    *("</level>", "</lvl>", "</fg 5>", "\\<b>", "<foo>", "<>"),
]


def any_format(draw: random.Random) -> str:
    """Fields with conversions and specs, text, often tags; seldom what is no format at all."""
    made = []
    for _ in range(draw.randint(0, 6)):
        kind = draw.random()
        if kind < 0.55:
            # What is wrong is rarer than what is right, so that most formats give a text.
            names = NAMES if draw.random() < 0.15 else NAMES[:18]
            specs = SPECS if draw.random() < 0.2 else SPECS[:9]
            made.append("{" + draw.choice(names) + draw.choice(CONVERSIONS) + draw.choice(specs) + "}")
        elif kind < 0.8:
            made.append(draw.choice(AROUND if draw.random() < 0.1 else AROUND[:-2]))
        elif draw.random() < 0.7:
            tag = draw.choice(["r", "b", "level", "lvl", "fg 5", "light-red", "Y"])
            made.append(f"<{tag}>{{message}}{draw.choice(['</>', f'</{tag}>'])}")
        else:
            made.append(draw.choice(TAGS))
    return "".join(made)


def unnamed(result: Any) -> Any:
    """*result*; of a string that is no format, ours says so before it says why."""
    error, texts = result
    return (error[1:] if error and error[0] == "Invalid format" else error), texts


class TestFormats:
    @pytest.mark.parametrize("part", PARTS)
    @pytest.mark.parametrize("colorize", [True, False])
    def test_of_functions(self, part: int, colorize: bool) -> None:
        """A function that returns another format for each message."""
        source = ""
        pair = Pair(format=lambda _: source, colorize=colorize)
        for number, draw in cases(part, 4_000):
            source = any_format(draw)
            level = draw.choice(["INFO", "ERROR", 33])
            theirs, ours = pair.results(
                lambda logger, level: logger.bind(a="x", b=[1], c={"d": 1.5}).log(level, "the message"), level
            )
            assert unnamed(ours) == unnamed(theirs), f"case {number}: {source!r}"
        pair.end()

    @pytest.mark.parametrize("part", PARTS)
    def test_of_strings(self, part: int) -> None:
        """A handler for each format, and two messages from one place."""
        pair = Pair(format="{message}")
        for number, draw in cases(part, 600):
            source, colorize = any_format(draw), draw.random() < 0.5

            def use(logger: Any, source: str = source, colorize: bool = colorize) -> None:
                logger.remove()
                got = pair.got[0] if logger is pair.loggers[0] else pair.got[1]
                logger.add(got.append, format=source, colorize=colorize, catch=False)
                for _ in range(2):
                    logger.bind(a="x", b=[1], c={"d": 1.5}).warning("the {}", 1)

            theirs, ours = pair.results(use)
            assert unnamed(ours) == unnamed(theirs), f"case {number}: {source!r}"
        pair.end()


FIELDS = [
    *("{}", "{}", "{}", "{:>5}", "{!r}", "{!s:^9}", "{0}", "{1!s}", "{k}", "{k!a:>12}", "{w:.2f}", "{:{}}", "{k:>{w}}"),
    *("{k[0]}", "{0[0]}", "{k.real}", "{:d}", "{:x}", "{:,}", "{x}", "{2}", "{:<b>}"),
]
BETWEEN = ["{{", "}}", " ", "a", "é", "\n", "%d", "<", ">", "/", "\\", "text ", "{", "}"]
VALUES: list[Any] = [
    0,
    7,
    -3,
    2.5,
    "x",
    "",
    "{}",
    "<b>",
    "</r>",
    "日本",
    None,
    True,
    [1],
    ("a",),
    b"y",
    {"k": 1},
    10**20,
]


def any_message(draw: random.Random, tags: list[str]) -> str:
    """A template with, seldom, what is wrong with it."""
    made = []
    for _ in range(draw.randint(0, 6)):
        kind = draw.random()
        if kind < 0.4:
            made.append(draw.choice(FIELDS if draw.random() < 0.4 else FIELDS[:6]))
        elif kind < 0.7 or not tags:
            made.append(draw.choice(BETWEEN if draw.random() < 0.1 else BETWEEN[:-2]))
        elif draw.random() < 0.6:
            tag = draw.choice(["r", "b", "lvl", "fg 5", "Y"])
            made.append(f"<{tag}>{draw.choice(FIELDS[:6])}{draw.choice(['</>', f'</{tag}>'])}")
        else:
            made.append(draw.choice(tags))
    return "".join(made)


def any_arguments(draw: random.Random) -> tuple[list[Any], dict[str, Any]]:
    """Values by position and by name."""
    return draw.choices(VALUES, k=draw.randint(0, 5)), {
        name: draw.choice(VALUES) for name in ("k", "w") if draw.random() < 0.4
    }


def is_mixed(message: str) -> bool:
    """Whether empty fields stand beside numbered ones with an attribute or index: an error for `str.format` only."""
    return bool(re.search(r"\{[!:}]", message) and re.search(r"\{\d+[.\[]", message))


class TestMessages:
    @pytest.mark.parametrize("part", PARTS)
    def test_without_markup(self, part: int) -> None:
        """Any template with any arguments, with `record` and `raw` and without."""
        pair = Pair(format="{level.no} {message} {extra}", colorize=False)
        for number, draw in cases(part, 7_000):
            message, (arguments, keywords) = any_message(draw, []), any_arguments(draw)
            options = {name: True for name in ("record", "raw") if draw.random() < 0.2}
            theirs, ours = pair.results(
                lambda logger, m, a, k, o: logger.opt(**o).info(m, *a, **k), message, arguments, keywords, options
            )
            assert ours == theirs, f"case {number}: {message!r} {arguments} {keywords} {options}"
        pair.end()

    @pytest.mark.parametrize("part", PARTS)
    @pytest.mark.parametrize("colorize", [True, False])
    def test_with_markup(self, part: int, colorize: bool) -> None:
        """The same with `colors`."""
        pair = Pair(format="<g>[{message}]</g> <level>{message:>20}</level>|", colorize=colorize)
        for number, draw in cases(part, 4_000):
            message, (arguments, keywords) = any_message(draw, TAGS), any_arguments(draw)
            while is_mixed(message):
                message = any_message(draw, TAGS)
            options = {name: True for name in ("record", "raw") if draw.random() < 0.2}
            theirs, ours = pair.results(
                lambda logger, m, a, k, o: logger.opt(colors=True, **o).warning(m, *a, **k),
                message,
                arguments,
                keywords,
                options,
            )
            assert ours == theirs, f"case {number}: {message!r} {arguments} {keywords} {options}"
        pair.end()

    @pytest.mark.parametrize("part", PARTS)
    def test_colors_of_levels(self, part: int) -> None:
        """Markup of a level that changes all the time."""
        pieces = [
            "<red>",
            "<b>",
            "<bold>",
            "<fg 5>",
            "<bg 1,2,3>",
            "<LIGHT-RED>",
            " ",
            "\n",
            "</>",
            "<lvl>",
            "x",
            "<u>",
        ]
        pair = Pair(format="<level>{message}</level>|{message}", colorize=True)
        for number, draw in cases(part, 2_000):
            color = joined(draw, pieces[: draw.choice([6, 8, 12])], 4)

            def use(logger: Any, color: str = color) -> None:
                logger.level("ERROR", color=color)
                logger.error("x")
                logger.opt(colors=True).error("a<level>b</level>")

            theirs, ours = pair.results(use)
            if "</>" in color and "lvl" in color and theirs[0] is not None and ours[0] is not None:
                # Two errors in one text: which of them is told first may differ.
                theirs, ours = (theirs[0][0], theirs[1]), (ours[0][0], ours[1])
            assert ours == theirs, f"case {number}: {color!r}"
        pair.end()


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"]


def any_moment(draw: random.Random) -> dt.datetime:
    """Of five centuries, often at an end of something, in a zone of the world or with an offset of its own."""
    moment = dt.datetime(1971, 1, 2) + dt.timedelta(
        days=draw.randint(0, 190_000),
        microseconds=draw.choice([0, 1, 999_999, 86_399_999_999, draw.randrange(86400 * 10**6)]),
    )
    if draw.random() < 0.3:
        moment = moment.replace(month=draw.choice([1, 2, 3, 10, 12]), day=draw.choice([1, 28]))
    if draw.random() < 0.5:
        # As a record has it: the offset and name of that moment.
        there = moment.replace(tzinfo=zoneinfo.ZoneInfo(draw.choice(ZONES)))
        offset = there.utcoffset()
        assert offset is not None
        return moment.replace(tzinfo=dt.timezone(offset, there.tzname() or "?"))
    return moment.replace(tzinfo=dt.timezone(dt.timedelta(minutes=draw.randint(-1439, 1439))))


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result, or the kind and first sentence of the error."""
    try:
        return function(*arguments)
    except (ValueError, OverflowError) as error:
        return type(error), str(error).split(". ")[0].removesuffix(".")


class TestTimes:
    @pytest.mark.parametrize("part", PARTS)
    def test_tokens(self, part: int) -> None:
        """Any tokens of any moment."""
        reference = Reference()
        tokens = [*TOKENS.split(), " ", ":", "%"]
        for number, draw in cases(part, 8_000):
            moment = any_moment(draw)
            spec = joined(draw, tokens if draw.random() < 0.05 else tokens[:-1], 9)
            ours, theirs = outcome(format_time, moment, spec), outcome(reference.format, moment, spec)
            if isinstance(ours, tuple) and isinstance(theirs, tuple):
                # Errors are of one kind, in words of our own.
                ours, theirs = ours[0], theirs[0]
            assert ours == theirs, f"case {number}: {moment!r} {spec!r}"


DIGITS = ["0", "1", "5", "12", "23", "24", "30", "59", "60", "1.5", "-3", "+2", "1e3", "007", "0.25", ".5", "5."]
UNITS = [
    "y",
    "year",
    "months",
    "w",
    "weeks",
    "d",
    "days",
    "h",
    "hours",
    "min",
    "minutes",
    "s",
    "sec",
    "ms",
    "us",
    "foo",
]
DAYS = ["monday", "tuesday", "wednesday", "Thursday", "friday", "SATURDAY", "sunday", "mon"]
WRITTEN: dict[str, list[str]] = {
    "size": [*DIGITS, *"kKmMgGtTpPeEzZyYiIbB", "KB", "MiB", "mb", " GiB", " ", " ", "b", "kib", ",", "x"],
    "duration": [
        *(*DIGITS, *DIGITS, "y", "year", "months", "w", "weeks", "d", " days", "h", "hours", "m", "min", " minutes"),
        *("s", "sec", "seconds", "ms", "us", " ", ", ", ",", " h ", "foo", "MB", "H"),
    ],
    "daytime": [
        *(*DIGITS, *(f":{n}" for n in DIGITS[:9]), ":05", ":59.25", " at ", " at ", "w0", "w6", "w7", "monday"),
        *("Sunday", "FRIDAY", " PM", " AM", "pm", " ", "at", "noon", "x"),
    ],
}


def any_written(draw: random.Random, kind: str) -> str:
    """Mostly what can be read, or nearly so; sometimes any pieces."""
    if draw.random() < 0.3:
        return joined(draw, WRITTEN[kind], draw.choice([2, 3, 4, 8]))
    if kind == "size":
        number = draw.choice(DIGITS) if draw.random() < 0.5 else f"{draw.uniform(0, 2000):.{draw.randint(0, 4)}f}"
        unit = draw.choice(["", *"kmgtpezyKMGTPEZY"]) + draw.choice(["", "i"]) + draw.choice(["b", "B", "B", ""])
        return f"{draw.choice(['', '', ' '])}{number}{draw.choice(['', ' ', '  '])}{unit}"
    if kind == "duration":
        between = draw.choice([" ", ", ", "", ","])
        return between.join(
            f"{draw.choice(DIGITS)}{draw.choice(['', ' '])}{draw.choice(UNITS)}" for _ in range(draw.randint(1, 4))
        )
    hour, minute, second = draw.randint(0, 25), draw.randint(0, 61), draw.randint(0, 61)
    time = f"{hour}:{minute:02}:{second:02}"
    time = draw.choice(
        [f"{hour}", f"{hour}:{minute}", time, f"{time}.{draw.randrange(10**6)}", f"{time} PM", f"{time} am"]
    )
    day = draw.choice([*DAYS, *(f"w{number}" for number in range(8)), "w05"])
    return draw.choice([time, day, f"{day} at {time}", f"{day.upper()} at {time}", f" {day}  at  {time}"])


def is_newer(kind: str, text: str) -> bool:
    """Whether *text* has minutes without seconds beside AM or PM: newer than the release that can be installed."""
    return kind == "daytime" and re.search(r"(?<![:\d])\d{1,2}:\d{1,2} (AM|PM)$", text, re.IGNORECASE) is not None


class TestGrammar:
    @pytest.mark.parametrize("part", PARTS)
    @pytest.mark.parametrize("kind", WRITTEN)
    def test_what_may_be_written(self, part: int, kind: str) -> None:
        """The same sizes, durations, days and times, and the same refusals."""
        theirs, ours = getattr(reference_grammar, f"parse_{kind}"), getattr(grammar, f"parse_{kind}")
        for number, draw in cases(part, 4_000):
            text = any_written(draw, kind)
            while is_newer(kind, text):
                text = any_written(draw, kind)
            found, expected = outcome(ours, text), outcome(theirs, text)
            if isinstance(expected, tuple) and expected[0] is OverflowError:
                # Longer than any timedelta, up to infinity: as everything that cannot be read.
                assert found[0] is ValueError, f"case {number}: {text!r}"
                continue
            assert found == expected, f"case {number}: {text!r}"


class TestFilters:
    @pytest.mark.parametrize("part", PARTS)
    def test_names_and_levels(self, part: int) -> None:
        """Any filter; the same records of any modules and levels pass."""
        modules = ["a", "a.b", "a.b.c", "a.bc", "ab", "b", "", ".", "a.", ".a", "a..b", None]
        code = compile("logger.log(level, 'x')", "made.py", "exec")
        pair = Pair(format="{message}")
        for number, draw in cases(part, 600):
            given: Any = {
                draw.choice(modules): draw.choice([True, False, 0, 10, 21, 40, "INFO", "ERROR", "TRACE"])
                for _ in range(draw.randint(0, 5))
            }
            if draw.random() < 0.3:
                given = joined(draw, ["a", "b", "."], 5)
            if draw.random() < 0.1:
                given = (
                    {**given, draw.choice(["a", 5]): draw.choice(["LOUD", -1, 1.5, None])} if given != str(given) else 5
                )
            records = [(draw.choice(modules), draw.choice(["TRACE", "INFO", "ERROR", 0, 20, 21, 33])) for _ in range(5)]

            def use(logger: Any, given: Any = given, records: list[Any] = records) -> None:
                logger.remove()
                got = pair.got[0] if logger is pair.loggers[0] else pair.got[1]
                logger.add(got.append, level=0, filter=given, catch=False, format="{name} {level.no}")
                for name, level in records:
                    exec(code, {"logger": logger, "level": level, "__name__": name})

            theirs, ours = pair.results(use)
            assert ours == theirs, f"case {number}: {given!r} {records}"
        pair.end()


def any_value(draw: random.Random, depth: int = 0) -> Any:
    """What JSON has a way to write, and texts of what it has none for."""
    kind = draw.randrange(8 if depth < 3 else 5)
    if kind < 3:
        return draw.choice([*VALUES, -0.0, 1e300, 1e-7, 2**70, '\\"/', dt.date(2020, 1, 1), {1}, 1j, range(2)])
    if kind < 5:
        return joined(draw, ["a", '"', "\\", "é", "\n", "😀", "<", "{}", " ", "/"], 6)
    if kind == 5:
        return [any_value(draw, depth + 1) for _ in range(draw.randint(0, 3))]
    if kind == 6:
        return tuple(any_value(draw, depth + 1) for _ in range(draw.randint(0, 2)))
    keys = draw.sample(["a", "b", "é", '"', 5, -1.5, "", "x y"], k=draw.randint(0, 3))
    return {key: any_value(draw, depth + 1) for key in keys}


class TestJson:
    @pytest.mark.parametrize("part", PARTS)
    def test_values(self, part: int) -> None:
        """Character by character but for times."""
        pair = Pair(format="{message}", serialize=True)
        for number, draw in cases(part, 2_000):
            extra, message = (
                {"v": any_value(draw), "w": any_value(draw)},
                joined(draw, ["é", '"', "\n", "a ", "{", "\\"], 5),
            )
            (_, theirs), (_, ours) = pair.results(lambda logger, e, m: logger.bind(**e).info(m), extra, message)
            assert strict(ours[0][0]), f"case {number}"
            assert TIMES.sub(r"\1\2", ours[0][0]) == TIMES.sub(r"\1\2", theirs[0][0]), f"case {number}: {extra}"
        pair.end()


class TestParse:
    @pytest.mark.parametrize("part", PARTS)
    def test_texts(self, part: int) -> None:
        """What is found in any text, in chunks of any size that hold a record."""
        patterns = [
            r"<(?P<level>[A-Z]+)> (?P<message>[^<\n]*)\n",
            r"(?P<n>\d+)",
            r"^(?P<all>.*)$",
            r"(?P<a>a)|(?P<b>b+)",
        ]
        for number, draw in cases(part, 2_000):
            text = joined(draw, ["<INFO> x\n", "<X> ab 1\n", "<no>", "\n", "12", "abba", " "], 12)
            pattern, chunk = draw.choice(patterns), draw.choice([-1, 1000, 7, 1])
            cast: Any = draw.choice([{}, {}, {"n": int}, {"message": len}])
            found = [
                list(kind.parse(io.StringIO(text), pattern, cast=cast, chunk=chunk))
                for kind in (type(reference()), Logger)
            ]
            assert found[1] == found[0], f"case {number}: {text!r} {pattern!r} {chunk}"
