"""Compiled lines: what they say is what the format says of the record."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import SITE, record

from mplog._capture.callsite import CallSite
from mplog._capture.record import RecordFile, RecordLevel
from mplog._render.line import TimeText, compile_line, merge_message
from mplog._render.template import Template
from mplog._render.times import format_time, local_time

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
        line = compile_line(template, SITE, level, None, 0)
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
        assert compile_line(Template(source), SITE, RecordLevel("INFO", 20, "i"), None, 0) is None

    def test_text_of_the_program_is_never_run(self) -> None:
        """Names and formats that look like code are text."""
        site = CallSite(sys._getframe())
        site.function = "{__import__('os')}'\"\\"
        line = compile_line(Template("{function} {{1 + 1}} {message}"), site, RecordLevel("{2 + 2}", 1, ""), None, 0)
        assert line is not None
        assert line("", 0, "", "{3 + 3}") == "{__import__('os')}'\"\\ {1 + 1} {3 + 3}\n"


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
