"""Format strings: checked once, applied to records."""

from __future__ import annotations

from typing import Any

import pytest
from records import SITE, record

from mplog._capture.record import RecordLevel
from mplog._render.line import compile_line
from mplog._render.template import Template


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


class TestColors:
    SOURCE = "<g>{level}</g> <lvl>{message}</lvl>{line}"
    RED = "\x1b[31m"

    @pytest.mark.parametrize("level", [None, "", RED])
    def test_a_compiled_line_has_the_colours_of_the_full_way(self, level: str | None) -> None:
        """For one colour of the level; without colours, tags are gone."""
        template = Template(self.SOURCE)
        line = compile_line(template, SITE, RecordLevel("INFO", 20, "i"), "a {} b", 1, level)
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
