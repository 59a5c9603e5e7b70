"""Escaping control characters, and values that are escaped whichever way a template reaches into them."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplog._render.escape import Shielded, count_hostile, escape, is_hostile, needs_care

# What a terminal obeys, what some programs take for the end of a line, and what turns the direction of text.
HOSTILE = (
    [chr(code) for code in range(0x20) if chr(code) not in "\t\n"]
    + [chr(code) for code in range(0x7F, 0xA0)]
    + [chr(code) for code in (0x061C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
)


class TestCost:
    @pytest.mark.parametrize("work", [escape, count_hostile, lambda text: needs_care(text, 0)])
    def test_nothing_is_called_for_each_character(self, work: Callable[[str], object]) -> None:
        """A text full of such characters costs a few passes over it."""
        calls = 0

        def count(_frame: Any, event: str, _argument: Any) -> None:
            nonlocal calls
            calls += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            work("\x1ba\u202eb" * 1000)
        finally:
            sys.setprofile(None)
        assert calls < 50


class TestEscape:
    @pytest.mark.parametrize("character", HOSTILE, ids=lambda character: f"{ord(character):04x}")
    def test_each_hostile_character(self, character: str) -> None:
        """Shown as Python writes it, and recognised alone and among others."""
        shown = escape(character)
        assert shown == (f"\\x{ord(character):02x}" if ord(character) < 0x100 else f"\\u{ord(character):04x}")
        assert is_hostile(character)
        assert is_hostile(f"a{character}b")
        assert escape(f"a{character}b{character}") == f"a{shown}b{shown}"

    @pytest.mark.parametrize(
        "text", ["", "\t", "\n", "a b", "é€漢字", "\U0001f600", "\u00a0", "\u00ad", "\\x1b", "\ud800"]
    )
    def test_everything_else_stays(self, text: str) -> None:
        """Newline and tab are the caller's; no printable character of any language is touched."""
        assert not is_hostile(text)
        assert escape(text) == text

    @given(st.text())
    def test_any_text(self, text: str) -> None:
        """Nothing hostile is left, doing it twice changes nothing, and what was not hostile is still there."""
        result = escape(text)
        assert not is_hostile(result)
        assert escape(result) == result
        assert [c for c in text if c not in HOSTILE] == [c for c in text if not is_hostile(c)]
        assert (result == text) == (not is_hostile(text))

    def test_no_other_control_character_passes(self) -> None:
        """All of Unicode's category of control characters is covered, but for newline and tab."""
        controls = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
        assert [c for c in controls if not is_hostile(c)] == ["\t", "\n"]


class TestShielded:
    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("{v}", "{'a': '\\x1b', 'b': ['\\x1b']}"),
            ("{v[a]}", "\\x1b"),
            ("{v[a]:>6}", "     \\x1b"),
            ("{v[a]!s}", "\\x1b"),
            ("{v[a]!r}", "'\\x1b'"),
            ("{v[b]}", "['\\x1b']"),
            ("{v[b][0]}", "\\x1b"),
            ("{v[o].text}", "\\x1b"),
            ("{v[o]}", "<\\x1b>"),
        ],
    )
    def test_every_way_into_it(self, template: str, expected: str) -> None:
        """Keys, indices, attributes, conversions and specifications."""

        class Own:
            text = "\x1b"

            def __str__(self) -> str:
                return "<\x1b>"

        values: dict[str, Any] = {"a": "\x1b", "b": ["\x1b"]}
        if "o" in template:
            values["o"] = Own()
        assert template.format(v=Shielded(values, True)) == expected

    def test_numbers_are_formatted_as_numbers(self) -> None:
        """The value's own formatting comes first."""
        assert f"{Shielded(3.14159, True):.2f} {Shielded(255, True):#x} {Shielded(7, True):03d}" == "3.14 0xff 007"

    def test_what_is_missing_raises_as_without_it(self) -> None:
        """A template's fault stays the same fault."""
        with pytest.raises(KeyError, match="missing"):
            "{v[missing]}".format_map({"v": Shielded({}, True)})
        with pytest.raises(AttributeError, match="missing"):
            "{v.missing}".format_map({"v": Shielded({}, True)})

    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("{v}", "<unprintable Hostile object: RuntimeError>"),
            ("{v!s}", "<unprintable Hostile object: RuntimeError>"),
            ("{v!r:.12}", "<unprintable"),
            ("{v:.12}", "<unprintable"),
            ("{d}", "{'a': <unprintable Hostile object: RuntimeError>, 'b': 1}"),
            ("{d[a]}{d[b]:03d}", "<unprintable Hostile object: RuntimeError>001"),
        ],
    )
    def test_what_cannot_be_shown_leaves_a_mark(self, template: str, expected: str) -> None:
        """The value alone is lost, not what stands beside it."""

        class Hostile:
            def __repr__(self) -> str:
                raise RuntimeError

        values = {"v": Shielded(Hostile(), False), "d": Shielded({"a": Hostile(), "b": 1}, False)}
        assert template.format_map(values) == expected

    def test_a_specification_for_other_values_raises_as_without_it(self) -> None:
        """A template's fault, for the value can be shown."""
        with pytest.raises(ValueError, match="format"):
            f"{Shielded('x', True):d}"


class TestOwnSequences:
    @pytest.mark.parametrize(
        ("line", "own", "expected"),
        [
            ("plain\n", 0, False),
            ("\x1b[1mx\x1b[0m\n", 2, False),
            ("\x1b[1mx\x07\x1b[0m\n", 2, True),
            ("\ud800\n", 0, True),
            ("two\nlines\n", 0, False),
        ],
    )
    def test_they_are_told_from_data(self, line: str, own: int, expected: bool) -> None:
        """By their number, which data can only add to."""
        assert needs_care(line, own) is expected
        assert count_hostile(line) == line.count("\x1b") + line.count("\x07")
