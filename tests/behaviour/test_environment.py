"""What the environment sets.

logger-api.md, section 33
logger-api.md, section 1
"""

from __future__ import annotations

from typing import Any

import pytest
from programs import Program

from mplog._logger.environment import read

LOG = """
    import sys
    from mplog import logger

    got = []
    logger.add(lambda message: got.append(message), **({"catch": False} if "catch" in sys.argv else {}))
    logger.info("x")
    exec("logger.info('other')", {"logger": logger, "__name__": "some.module"})
    for text in got:
        print(text, end="")
"""

FORMAT = {"MPLOG_FORMAT": "<{message}>", "MPLOG_AUTOINIT": "0"}


class TestPrograms:
    @pytest.mark.parametrize(
        ("environment", "lines"),
        [
            ({}, ["<x>", "<other>"]),
            ({"MPLOG_LEVEL": "WARNING"}, []),
            ({"MPLOG_FILTER": "some"}, ["<other>"]),
            ({"MPLOG_INFO_NO": "3"}, []),
            ({"MPLOG_FORMAT": "{level.icon}", "MPLOG_INFO_ICON": "@"}, ["@", "@"]),
            ({"MPLOG_FORMAT": "<level>{level.no}</level>", "MPLOG_COLORIZE": "YES"}, ["\x1b[1m20\x1b[0m"] * 2),
            (
                {"MPLOG_FORMAT": "<level>x</level>", "MPLOG_COLORIZE": "1", "MPLOG_INFO_COLOR": "<red>"},
                ["\x1b[31mx\x1b[0m"] * 2,
            ),
            ({"MPLOG_FORMAT": "<b>x</b>", "MPLOG_COLORIZE": "off"}, ["x"] * 2),
            ({"MPLOG_CONTEXT": "spawn"}, ["<x>", "<other>"]),
        ],
    )
    def test_the_defaults_of_every_add(self, program: Program, environment: dict[str, str], lines: list[str]) -> None:
        """Not only of the first handler."""
        assert program.run(LOG, environment={**FORMAT, **environment}).output.splitlines() == lines

    def test_serialize(self, program: Program) -> None:
        """One line of JSON for each record."""
        output = program.run(LOG, environment={**FORMAT, "MPLOG_SERIALIZE": "on"}).output.splitlines()
        assert len(output) == 2
        assert all(line.startswith('{"text": "<') for line in output)

    def test_the_default_handler(self, program: Program) -> None:
        """It is there, with id 0, unless it is not wanted."""
        shown = "import mplog\nprint(mplog.logger)\nmplog.logger.info('x')"
        ended = program.run(shown, environment={"MPLOG_FORMAT": "<{message}>"}, silent=False)
        assert ended.output == "<mplog.logger handlers=[(id=0, level=10, sink=<stderr>)]>\n"
        assert ended.said == "<x>\n"
        assert program.run(shown, environment=FORMAT).output == "<mplog.logger handlers=[]>\n"

    def test_an_explicit_argument_goes_before(self, program: Program) -> None:
        """The environment only sets defaults."""
        source = """
            from mplog import logger
            logger.add(lambda text: print(text, end=""), format="{message}", level=0, filter=None, colorize=False)
            logger.trace("x")
        """
        environment = {**FORMAT, "MPLOG_LEVEL": "ERROR", "MPLOG_FILTER": "none", "MPLOG_COLORIZE": "1"}
        assert program.run(source, environment=environment).output == "x\n"

    @pytest.mark.parametrize(("value", "shown"), [("1", True), ("0", False), (None, False)])
    def test_diagnose(self, program: Program, value: str | None, shown: bool) -> None:
        """beyond.md, row 12: for a file it is off, unless the environment wants it for all."""
        source = """
            from mplog import logger
            logger.add("app.log", format="{message}")
            def fail(number):
                return 1 / number
            try:
                fail(0)
            except ZeroDivisionError:
                logger.exception("failed")
        """
        environment = {**FORMAT, **({} if value is None else {"MPLOG_DIAGNOSE": value})}
        lines = program.run(source, environment=environment).log()
        assert any("\u2514 0" in line for line in lines) == shown

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("MPLOG_AUTOINIT", "2"),
            ("MPLOG_COLORIZE", ""),
            ("MPLOG_SERIALIZE", "maybe"),
            ("MPLOG_BACKTRACE", "tru"),
            ("MPLOG_DIAGNOSE", "none"),
            ("MPLOG_ENQUEUE", "-1"),
            ("MPLOG_CATCH", " 1"),
            ("MPLOG_STRICT", "strict"),
            ("MPLOG_DEBUG_NO", ""),
            ("MPLOG_CRITICAL_NO", "1.5"),
        ],
    )
    def test_a_bad_value_raises_from_the_import(self, program: Program, name: str, value: str) -> None:
        """ValueError, with the variable, what it should be, and the value."""
        said = program.run("import mplog", environment={name: value}, status=1, silent=False).said
        kind = "an integer" if name.endswith("_NO") else "a boolean"
        assert f"ValueError: Invalid environment variable '{name}' (expected {kind}): '{value}'" in said


class TestRead:
    @pytest.mark.parametrize("text", ["1", "true", "YES", "y", "Ok", "on"])
    def test_true(self, text: str) -> None:
        """In any case of letters."""
        assert read({"MPLOG_SERIALIZE": text}).serialize is True

    @pytest.mark.parametrize("text", ["0", "false", "NO", "n", "Nok", "off"])
    def test_false(self, text: str) -> None:
        """In any case of letters."""
        assert read({"MPLOG_CATCH": text}).catch is False

    def test_nothing(self) -> None:
        """The defaults of `add()`."""
        found: dict[str, Any] = {name: getattr(read({}), name) for name in ("level", "colorize", "diagnose", "catch")}
        assert found == {"level": "DEBUG", "colorize": None, "diagnose": None, "catch": True}
