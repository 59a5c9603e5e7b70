"""What came with data can neither drive a terminal nor forge a line in a text sink."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from programs import Program, read_log

from mplog._logger.logger import Logger

CONTROLS = {
    "\x1b": "\\x1b",
    "\x00": "\\x00",
    "\x07": "\\x07",
    "\x08": "\\x08",
    "\r": "\\x0d",
    "\x0b": "\\x0b",
    "\x7f": "\\x7f",
    "\x85": "\\x85",
    "\x9b": "\\x9b",
    "\u2028": "\\u2028",
    "\u202e": "\\u202e",
    "\u2066": "\\u2066",
    "\u200f": "\\u200f",
}
HARMLESS = "\t é € 漢字 \U0001f600 \u00a0 \u00ad"


@pytest.mark.parametrize("character", CONTROLS, ids=ascii)
class TestEscaping:
    def test_in_every_place_that_data_can_take(self, logger: Logger, tmp_path: Path, character: str) -> None:
        """Message, arguments, keywords, bound extra: shown escaped, on both ways of a call site."""
        logger.add(tmp_path / "app.log", format="{message}|{extra[user]}|{extra}")
        shown = CONTROLS[character]
        for _ in range(2):
            logger.bind(user=f"a{character}b").info("m{}", character)
            logger.info(f"m{character}", user=f"a{character}b")
        for line in read_log(tmp_path):
            assert line.startswith(f"m{shown}|a{shown}b|"), line
            assert character not in line

    def test_on_the_fast_way(self, logger: Logger, tmp_path: Path, character: str) -> None:
        """A call site that has run with harmless data is not fooled by what comes later."""
        logger.add(tmp_path / "app.log", format="{level} {message}")
        for value in ("harmless", "harmless", character, "harmless"):
            logger.info("got {} here", value)
        for value in ("harmless", "harmless", character, "harmless"):
            logger.info(value)
        values = ["harmless", "harmless", CONTROLS[character], "harmless"]
        assert read_log(tmp_path) == [f"INFO got {value} here" for value in values] + [f"INFO {v}" for v in values]

    def test_on_the_fast_way_behind_a_format_of_its_own(self, logger: Logger, tmp_path: Path, character: str) -> None:
        """Values that make their text themselves, and conversions, are looked at like strings."""

        class Value:
            def __init__(self, text: str) -> None:
                self.text = text

            def __format__(self, spec: str) -> str:
                return self.text

            def __str__(self) -> str:
                return self.text

            __repr__ = __str__

        logger.add(tmp_path / "app.log", format="{message}")
        for value in (Value("v"), Value("v"), Value(character), Value("v")):
            logger.info("{} {!r} {!s:>1}", value, value, value)
        shown = CONTROLS[character]
        assert read_log(tmp_path) == ["v v v", "v v v", f"{shown} {shown} {shown}", "v v v"]

    def test_in_an_exception(self, logger: Logger, tmp_path: Path, character: str) -> None:
        """The traceback keeps its lines; what the exception says is escaped."""
        logger.add(tmp_path / "app.log", format="{message}")
        try:
            raise ValueError(f"bad {character} value")
        except ValueError:
            logger.exception("failed")
        lines = read_log(tmp_path)
        assert lines[:2] == ["failed", "Traceback (most recent call last):"]
        assert lines[-1] == f"ValueError: bad {CONTROLS[character]} value"

    def test_in_a_stream_and_in_a_format_function(self, logger: Logger, character: str) -> None:
        """Every text sink, whatever makes its text."""
        stream = io.StringIO()
        logger.add(stream, format=lambda record: "{message} {extra[a]}\n")
        logger.info(f"m{character}", a=character)
        assert stream.getvalue() == f"m{CONTROLS[character]} {CONTROLS[character]}\n"


class TestWhatStays:
    def test_newline_tab_and_printable_characters(self, logger: Logger, tmp_path: Path) -> None:
        """Texts of any language, and lines that the caller wanted."""
        logger.add(tmp_path / "app.log", format="{message}")
        logger.info(HARMLESS)
        logger.info("two\nlines")
        assert read_log(tmp_path) == [HARMLESS, "two", "lines"]

    def test_the_data_itself(self, logger: Logger) -> None:
        """The record that a function gets holds what was logged."""
        got: list[Any] = []
        logger.add(got.append, format="{message}")
        logger.info("m\x1b", a="\x1b")
        assert str(got[0]) == "m\\x1b\n"
        assert got[0].record["message"] == "m\x1b"
        assert got[0].record["extra"] == {"a": "\x1b"}

    def test_everything_with_sanitize_off(self, logger: Logger, tmp_path: Path) -> None:
        """`sanitize=False` writes bytes as they come."""
        logger.add(tmp_path / "app.log", format="{message} {extra}", sanitize=False)
        for _ in range(3):
            logger.info("m\x1b[31m {}", "\x07")
        assert read_log(tmp_path) == ["m\x1b[31m \x07 {}"] * 3

    @pytest.mark.parametrize("colors", [True, False])
    def test_raw_messages(self, logger: Logger, tmp_path: Path, colors: bool) -> None:
        """`opt(raw=True)` emits what it is given; row 13 of beyond.md."""
        logger.add(tmp_path / "app.log", format="{message}")
        logger.add(tmp_path / "colored.log", format="<red>{message}</red>", colorize=True)
        for _ in range(2):
            logger.opt(raw=True, colors=colors).info("<b>{}</b>\x07\n", "\x1b[31m")
        logger.info("\x1b")
        plain, colored = ("{}", "\x1b[1m{}\x1b[0m") if colors else ("<b>{}</b>", "<b>{}</b>")
        assert read_log(tmp_path) == [f"{plain.format(chr(27) + '[31m')}\x07"] * 2 + ["\\x1b"]
        raw = f"{colored.format(chr(27) + '[31m')}\x07"
        assert read_log(tmp_path, "colored.log") == [raw] * 2 + ["\x1b[31m\\x1b\x1b[0m"]

    def test_the_format_s_own_characters(self, logger: Logger, tmp_path: Path) -> None:
        """What the format says is the program's, not data's."""
        logger.add(tmp_path / "app.log", format="\x1b[1m{message}\x1b[0m")
        for _ in range(2):
            logger.info("{}", "plain")
        logger.info("{}", "\x1b")
        assert read_log(tmp_path) == ["\x1b[1mplain\x1b[0m"] * 2 + ["\x1b[1m\\x1b\x1b[0m"]


class TestWorker:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_workers_escape_too(self, program: Program, method: str) -> None:
        """Where a record is rendered makes no difference: worker, or owner on behalf of a closure."""
        ended = program.run(
            """
            import multiprocessing, sys
            from mplog import logger

            def work():
                for text in ("a", "\\x1b"):
                    logger.info("<{}>", text)

            if __name__ == "__main__":
                logger.remove()
                logger.add("app.log", format="{message}")
                logger.add("closure.log", format=lambda record: "{message}\\n")
                process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
                process.start()
                process.join()
            """,
            method,
        )
        assert ended.log() == ended.log("closure.log") == ["<a>", "<\\x1b>"]
