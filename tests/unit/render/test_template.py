"""Format strings: checked once, applied to records, compiled for call sites."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mplog._capture.callsite import CallSite
from mplog._capture.record import RecordFile, RecordLevel, RecordProcess, RecordThread
from mplog._render.template import Template, TimeText, merge_message
from mplog._render.times import RecordTime, format_time, local_time

MOMENT = RecordTime(2026, 1, 31, 18, 4, 5, 123_456, dt.timezone(dt.timedelta(hours=1), "CET"))
SITE = CallSite(sys._getframe())


def record(**changes: Any) -> dict[str, Any]:
    """A record with well-known fields."""
    return {
        "elapsed": dt.timedelta(seconds=1.5),
        "exception": None,
        "extra": {},
        "file": RecordFile("f.py", "/a/f.py"),
        "function": "func",
        "level": RecordLevel("INFO", 20, "i"),
        "line": 42,
        "message": "text",
        "module": "f",
        "name": "pkg.f",
        "process": RecordProcess(7, "P"),
        "thread": RecordThread(8, "T"),
        "time": MOMENT,
        **changes,
    }


def shown(source: str, exception: str = "", *, sanitize: bool = True, **changes: Any) -> str:
    """What a template makes of that record."""
    return Template(source).format(record(**changes), exception, sanitize=sanitize)


class TestFields:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("{time}", "2026-01-31T18:04:05.123456+0100"),
            ("{time:YYYY-MM-DD HH:mm:ss.SSS Z}", "2026-01-31 18:04:05.123 +01:00"),
            ("{time:HH!UTC}", "17"),
            ("{level} {level.name} {level.no} {level.icon}", "INFO INFO 20 i"),
            ("{level: <8}|{level:>8}|{level.no:04d}", "INFO    |    INFO|0020"),
            ("{name}:{function}:{line}", "pkg.f:func:42"),
            ("{module} {message} {line:>4}", "f text   42"),
            ("{message!r} {message!s:>6} {message:.2}", "'text'   text te"),
            ("{file} {file.name} {file.path} {file:>6}", "f.py f.py /a/f.py   f.py"),
            ("{process} {process.id} {process.name}", "7 7 P"),
            ("{thread} {thread.id} {thread.name}", "8 8 T"),
            ("{elapsed} {elapsed.seconds}", "0:00:01.500000 1"),
            ("{extra} {extra[a]} {extra[b][0]}", "{'a': 1, 'b': [2]} 1 2"),
            ("{level!r}", "(name='INFO', no=20, icon='i')"),
            ("{{}} {{{line}}}", "{} {42}"),
            ("{line:{extra[a]}}", "42"),
            ("", ""),
            ("plain", "plain"),
        ],
    )
    def test_what_each_shows(self, source: str, expected: str) -> None:
        """Standard specifications and conversions work everywhere; a newline ends the text."""
        assert shown(source, extra={"a": 1, "b": [2]}) == f"{expected}\n"

    def test_keys_that_the_program_added(self) -> None:
        """Any key of the record can be named."""
        assert shown("{own} {own:>3}", own="x") == "x   x\n"

    def test_an_unknown_name(self) -> None:
        """Code without a module has no name."""
        assert shown("{name}", name=None) == "None\n"


class TestException:
    def test_it_follows_the_line(self) -> None:
        """After the terminator."""
        assert shown("{message}", "Traceback ...\nE: x\n") == "text\nTraceback ...\nE: x\n"

    def test_it_can_be_named(self) -> None:
        """Where a format wants it, too."""
        assert shown("<{exception}>", "E") == "<E>\nE"


class TestSanitize:
    def test_what_came_with_data_is_escaped(self) -> None:
        """Message, extra and names; not what the format says, nor the text of an exception, which has been escaped."""
        text = shown("\x1b[1m{message} {extra[a]} {name}", "E\x07\n", message="\x08", extra={"a": "\r"}, name="\x1b")
        assert text == "\x1b[1m\\x08 \\x0d \\x1b\nE\x07\n"

    def test_off(self) -> None:
        """Bytes as they come."""
        assert shown("{message}", message="\x1b", sanitize=False) == "\x1b\n"


class TestFaults:
    @pytest.mark.parametrize("source", ["{", "}", "{message", "message}", "{message!}", "{message!rx}"])
    def test_no_format_string(self, source: str) -> None:
        """Refused when it is made, with the format in the text."""
        with pytest.raises(ValueError, match=r"^Invalid format") as got:
            Template(source)
        assert repr(source) in str(got.value)

    def test_fields_nested_twice(self) -> None:
        """A specification may contain fields, those not again."""
        assert shown("{message:{line}}") == f"{'text':<42}\n"
        with pytest.raises(ValueError, match="Max string recursion exceeded"):
            Template("{message:{line:{line}}}")

    def test_a_missing_key(self) -> None:
        """Named, with what to do."""
        with pytest.raises(ValueError, match=r"^Failed to format log record: .*'user'.*bind") as got:
            shown("{extra[user]}")
        assert isinstance(got.value.__cause__, KeyError)
        with pytest.raises(ValueError, match="'nothing'"):
            shown("{nothing}")

    def test_a_missing_attribute_is_not_converted(self) -> None:
        """It is what it is."""
        with pytest.raises(AttributeError, match="nothing"):
            shown("{level.nothing}")


PIECES = st.sampled_from(
    [
        "{time}",
        "{time:HH:mm:ss.SSS}",
        "{time:YYYY-MM-DD}",
        "{level}",
        "{level: <8}",
        "{level.no:>3}",
        "{level.icon}",
        "{name}",
        "{function!r}",
        "{line:>4}",
        "{module}",
        "{file}",
        "{file.path!s}",
        "{message}",
        " ",
        "|",
        "{{",
        "}}",
        "'",
        '"',
        "\\",
        "\\n",
        "é",
        "%s",
    ]
)


class TestCompiled:
    @settings(deadline=None)  # A busy machine is no error.
    @given(st.lists(PIECES, max_size=8).map("".join), st.floats(1e9, 2e9))
    def test_it_equals_the_plain_way(self, source: str, now: float) -> None:
        """Whatever stands around the fields, a compiled line is what `format` makes of the record."""
        template = Template(source)
        level = RecordLevel("INFO", 20, "i")
        line = template.compile_line(SITE, level, None, 0)
        if line is None:
            assert source.count("{time") > 1 or "{time:YYYY-MM-DD}" not in source
            return
        moment = local_time(now)
        assert template.time_spec is not None
        before, digits, after = template.time_spec
        text = line(
            format_time(moment, before) if before else "",
            int(f"{moment.microsecond:06d}"[:digits] or 0),
            format_time(moment, after) if after else "",
            "the message",
        )
        fields = record(
            file=RecordFile(SITE.file_name, SITE.file_path),
            function=SITE.function,
            level=level,
            line=SITE.line,
            message="the message",
            module=SITE.module,
            name=SITE.name,
            time=moment,
        )
        assert text == template.format(fields, "", sanitize=True)

    @pytest.mark.parametrize("source", ["{process}", "{thread.name}", "{extra}", "{elapsed}", "{message!r}", "{own}"])
    def test_fields_that_differ_between_calls_have_no_short_cut(self, source: str) -> None:
        """They need the record."""
        assert Template(source).compile_line(SITE, RecordLevel("INFO", 20, "i"), None, 0) is None

    def test_text_of_the_program_is_never_run(self) -> None:
        """Names and formats that look like code are text."""
        site = CallSite(sys._getframe())
        site.function = "{__import__('os')}'\"\\"
        line = Template("{function} {{1 + 1}} {message}").compile_line(site, RecordLevel("{2 + 2}", 1, ""), None, 0)
        assert line is not None
        assert line("", 0, "", "{3 + 3}") == "{__import__('os')}'\"\\ {1 + 1} {3 + 3}\n"


class TestColors:
    SOURCE = "<g>{level}</g> <lvl>{message}</lvl>{line}"
    RED = "\x1b[31m"

    @pytest.mark.parametrize("level", [None, "", RED])
    def test_a_compiled_line_has_the_colours_of_the_full_way(self, level: str | None) -> None:
        """For one colour of the level; without colours, tags are gone."""
        template = Template(self.SOURCE)
        line = template.compile_line(SITE, RecordLevel("INFO", 20, "i"), "a {} b", 1, level)
        assert line is not None
        text = line("", 0, "", ("x",))
        assert text == template.format(record(message="a x b", line=SITE.line), "", sanitize=True, level=level)
        assert template.painted(level).own == text.count("\x1b") == (0 if level is None else 3 + bool(level))

    def test_data_is_escaped_between_colours(self) -> None:
        """The template's sequences stay, those that came with the message do not."""
        template = Template(self.SOURCE)
        text = template.format(record(message="\x1b[1m"), "", sanitize=True, level=self.RED)
        assert text == "\x1b[32mINFO\x1b[0m \x1b[31m\\x1b[1m\x1b[0m42\n"
        colored = (("open", "b"), ("text", "\x07"), ("close", ""))
        text = template.format(record(message="\x07"), "", sanitize=True, level=self.RED, colored=colored)
        assert text == "\x1b[32mINFO\x1b[0m \x1b[31m\x1b[1m\\x07\x1b[0m\x1b[31m\x1b[0m42\n"

    def test_a_template_made_of_data_is_escaped_itself(self) -> None:
        """What a format function returns may hold the message."""
        assert Template("<r>\x1b</r>", ending="", clean=True).format(record(), "", sanitize=True, level="") == (
            "\x1b[31m\\x1b\x1b[0m"
        )

    def test_colours_are_remembered_within_bounds(self) -> None:
        """A program may change the colour of a level with each call."""
        template = Template(self.SOURCE)
        for number in range(1000):
            assert str(number) in template.format(record(), "", sanitize=True, level=f"\x1b[38;5;{number}m")
        assert len(template._painted) <= 64


class TestMergedMessages:
    @pytest.mark.parametrize(
        ("message", "arguments"),
        [
            ("{}", ("a",)),
            ("a {} b {} c", (1, None)),
            ("{:>5}|{!r}|{!s:<4}|{:.1f}", ("a", "b", "c", 2.25)),
            ("{{}} {{{}}}", ("x",)),
            ("'\"\\ {}", ("'",)),
            ("no fields", ()),
        ],
    )
    def test_they_say_what_str_format_says(self, message: str, arguments: tuple[Any, ...]) -> None:
        """As parts of one f-string over the arguments."""
        pieces = merge_message(message, len(arguments))
        assert pieces is not None
        line = eval(f"lambda *m: f{''.join(pieces)!r}")  # the module does the same
        assert line(*arguments) == message.format(*arguments)

    @pytest.mark.parametrize(
        ("message", "count"),
        [
            ("{0}", 1),
            ("{a}", 1),
            ("{}", 2),
            ("{} {}", 1),
            ("{", 1),
            ("{:{}}", 2),
            ("{.real}", 1),
            ("{[0]}", 1),
            ("\x1b{}", 1),
            ("{:c}", 1),
        ],
    )
    def test_what_needs_str_format_itself(self, message: str, count: int) -> None:
        """Names, numbers, attributes, wrong counts, control characters."""
        assert merge_message(message, count) is None

    @given(
        st.text(alphabet="{}!:r><=0a.[]x'\"\\ ", max_size=12), st.lists(st.integers() | st.text(max_size=3), max_size=3)
    )
    def test_any_template(self, message: str, arguments: list[Any]) -> None:
        """Either refused, or the same text, or the same kind of error."""
        pieces = merge_message(message, len(arguments))
        if pieces is None:
            return
        line = eval(f"lambda *m: f{''.join(pieces)!r}")
        try:
            expected: object = message.format(*arguments)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            expected = type(error)
        try:
            found: object = line(*arguments)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            found = type(error)
        assert found == expected


class TestTimeText:
    @pytest.mark.parametrize("spec", ["HH:mm:ss.SSS Z", "", "YYYY", "SSSSSS", "[SSS] ss", "X.SS!UTC"])
    def test_the_texts_around_the_fraction(self, spec: str) -> None:
        """With the fraction between them they are the whole time."""
        template = Template(f"{{time:{spec}}}" if spec else "{time}")
        assert template.time_spec is not None
        clock = TimeText(template.time_spec)
        second = 1_767_222_000
        number, before, after = clock.refresh(second)
        digits = template.time_spec[1]
        fraction = "250000"[:digits]
        assert number == second
        assert clock.state == (number, before, after)
        assert before + fraction + after == format_time(local_time(second + 0.25), spec)
