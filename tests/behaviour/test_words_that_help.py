"""Error texts say what to do now, and the right word that is nearest to a wrong one.

Covers logger-api.md, sections 33 and 34.
"""

from __future__ import annotations

import copy
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import Program

from mplog import QueueOptions
from mplog._logger import autoinit, missing
from mplog._logger.logger import Logger
from mplog._logger.logger import logger as imported
from mplog._render.nearest import nearest_word

OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"rotatoin": 1}, "Did you mean 'rotation'?"),
    ({"colorise": True}, "Did you mean 'colorize'?"),
    ({"Encoding": "utf8"}, "Did you mean 'encoding'?"),
    ({"level": "warn"}, "Did you mean 'WARNING'?"),
    ({"level": "info"}, "Did you mean 'INFO'?"),
    ({"level": "DEBG"}, "Did you mean 'DEBUG'?"),
    ({"filter": {"package": "warning"}}, "Did you mean 'WARNING'?"),
    ({"rotation": "10 Megs"}, "Did you mean 'MB'?"),
    ({"rotation": "10 Megs"}, "those of sizes are B, KB, MB"),
    ({"rotation": "2 gigabytes"}, "Did you mean 'GB'?"),
    ({"rotation": "3 hrs"}, "Did you mean 'hours'?"),
    ({"rotation": "dayly"}, "Did you mean 'daily'?"),
    ({"rotation": "midnight"}, "Did you mean '00:00'?"),
    ({"rotation": "wensday at 10:00"}, "Did you mean 'wednesday'?"),
    ({"rotation": "mon at 10:00"}, "Did you mean 'monday'?"),
    ({"rotation": "500"}, "rotation=500"),
    ({"retention": "5"}, "retention=5."),
    ({"retention": "10 dys"}, "Did you mean 'days'?"),
    ({"compression": "gzip"}, "Did you mean 'gz'?"),
    ({"compression": "GZ"}, "Did you mean 'gz'?"),
    ({"compression": "tgz"}, "Did you mean 'tar.gz'?"),
]


@pytest.mark.parametrize(("options", "word"), OPTIONS, ids=lambda case: str(case) if isinstance(case, dict) else "")
def test_of_add(logger: Logger, tmp_path: Path, options: dict[str, Any], word: str) -> None:
    """Names of options, and their values."""
    with pytest.raises((TypeError, ValueError)) as raised:
        logger.add(tmp_path / "app.log", **options)
    assert word in str(raised.value)


def test_of_configure_and_of_other_sinks(logger: Logger) -> None:
    """The same; an option of files that is written right is not explained by itself."""
    with pytest.raises(TypeError, match="Did you mean 'serialize'"):
        logger.configure(handlers=[{"sink": print, "serialise": True}])
    with pytest.raises(TypeError) as raised:
        logger.add(print, rotation=5)
    assert "Did you mean" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"handlers": {"sink": print}}, "a list of dicts of arguments of add(), not: 'dict'"),
        ({"handlers": "app.log"}, "a list of dicts of arguments of add(), not: 'str'"),
        ({"handlers": 5}, "a list of dicts of arguments of add(), not: 'int'"),
        ({"handlers": ["app.log"]}, "Invalid handler, it should be a dict, not: 'app.log'"),
        ({"levels": {"name": "INFO"}}, "a list of dicts of arguments of level(), not: 'dict'"),
        ({"levels": ["INFO"]}, "Invalid level, it should be a dict, not: 'INFO'"),
        ({"levels": [{"no": 5}]}, "needs a 'name'; this one has only ['no']"),
        ({"levels": [{"name": "INFO", "colour": "<red>"}]}, "Did you mean 'color'?"),
        ({"levels": [{"name": "NOTE", "number": 5}]}, "Did you mean 'no'?"),
        ({"levels": [{"name": "NOTE", 5: 5}]}, "keyword argument '5'"),
        ({"extra": "ab"}, "Invalid extra, it should be a dict, not: 'ab'"),
        ({"activation": {"noisy": False}}, "a list of pairs (name, enabled), not: 'dict'"),
        ({"activation": ["ab"]}, "each should be a pair (name, enabled), not: 'ab'"),
        ({"activation": [("noisy",)]}, "each should be a pair (name, enabled), not: ('noisy',)"),
    ],
)
def test_of_the_shapes_that_configure_takes(logger: Logger, options: dict[str, Any], word: str) -> None:
    """What a list or a dict is of; no name is said that is not the user's."""
    with pytest.raises((TypeError, ValueError), match=re.escape(word)) as raised:
        logger.configure(**options)
    assert "_level_arguments" not in str(raised.value)


def test_of_the_queue() -> None:
    """What to do when it is full."""
    policy: Any = "grwo"
    with pytest.raises(ValueError, match="Did you mean 'grow'"):
        QueueOptions(overflow=policy)


def test_of_levels(logger: Logger) -> None:
    """Wherever a level is named."""
    logger.add(lambda _: None)
    for call in (lambda: logger.log("Warn", "x"), lambda: logger.level("warning"), lambda: logger.log("warn", "x")):
        with pytest.raises(ValueError, match="Did you mean 'WARNING'"):
            call()


class TestFields:
    @pytest.mark.parametrize("call", [lambda log: log.bind(user="me").info("x"), lambda log: log.info("x", user="me")])
    def test_what_is_bound_is_in_extra(self, logger: Logger, capsys: pytest.CaptureFixture[str], call: Any) -> None:
        """The advice works: it shows the value."""
        got: list[str] = []
        logger.add(lambda _: None, format="{user}")
        call(logger)
        assert "{extra[user]}" in capsys.readouterr().err
        logger.add(got.append, format="{extra[user]}")
        call(logger)
        assert got == ["me\n"]

    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("mesage", "message"),
            ("levelname", "level"),
            ("lineno", "line"),
            ("Message", "message"),
            ("pid", "process.id"),
        ],
    )
    def test_a_misspelt_one(self, logger: Logger, capsys: pytest.CaptureFixture[str], wrong: str, right: str) -> None:
        """Also by the names that they have elsewhere."""
        logger.add(lambda _: None, format=f"{{{wrong}}}")
        logger.info("x")
        assert f"Did you mean {{{right}}}?" in capsys.readouterr().err

    def test_a_key_that_was_not_bound(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """Is to be bound."""
        logger.add(lambda _: None, format="{extra[user]}")
        logger.info("x")
        assert "Bind it" in capsys.readouterr().err


class TestMethods:
    @pytest.mark.parametrize("name", missing.ELSEWHERE)
    def test_advice(self, logger: Logger, name: str) -> None:
        """For what other libraries' loggers have."""
        with pytest.raises(AttributeError, match=rf"^the logger has no attribute '{name}'\. .+\.$"):
            getattr(logger, name)

    def test_every_method_that_is_named_is_there(self) -> None:
        """No advice is to call what is not there either."""
        for text in missing.ELSEWHERE.values():
            for name in re.findall(r"logger\.(\w+)\(", text):
                assert hasattr(Logger, name), text

    def test_a_misspelt_one(self, program: Program) -> None:
        """Python's own traceback names the nearest, of those that there are."""
        for wrong, right in (("bnd", "bind"), ("sucess", "success"), ("warnings", "warning")):
            ended = program.run(f"from mplog import logger\nlogger.{wrong}('x')", status=1, silent=False)
            assert f"Did you mean: '{right}'?" in ended.said

    def test_whoever_asks_gets_what_they_expect(self, logger: Logger) -> None:
        """`hasattr`, `getattr` with a default, `dir`, `copy`, `pickle`; and an attribute may be set all the same."""
        assert not hasattr(logger, "warn")
        assert not hasattr(Logger, "warn")
        assert getattr(logger, "setLevel", 5) == 5
        assert not set(missing.ELSEWHERE) & set(dir(logger))
        assert {"info", "add", "bind", "_core"} <= set(dir(logger))
        assert isinstance(copy.copy(logger), Logger)
        assert isinstance(copy.deepcopy(logger), Logger)
        assert pickle.loads(pickle.dumps(imported)) is imported
        view = logger.bind()
        setattr(view, "propagate", False)  # noqa: B010 - checkers know that there is none
        assert view.propagate is False  # type: ignore[attr-defined]  # the same

    def test_what_is_there_is_found_as_fast_as_ever(self) -> None:
        """Nothing stands in its way: a `__getattr__` would double the price of a call that is not logged."""
        assert not hasattr(Logger, "__getattr__")
        assert Logger.__getattribute__ is object.__getattribute__


class TestEnvironment:
    @pytest.mark.parametrize("level", ["info", "Info", "INFO", " info"])
    def test_levels_in_any_case(self, program: Program, level: str) -> None:
        """The default handler, and every `add()` that names no level."""
        ended = program.run(
            "from mplog import logger\nlogger.debug('no')\nlogger.info('yes')\nprint(logger)",
            environment={"MPLOG_LEVEL": level},
            silent=False,
        )
        assert "level=20" in ended.output
        assert "yes" in ended.said
        assert " - no" not in ended.said

    def test_a_misspelt_variable_is_said_once(self, program: Program) -> None:
        """In the program's first process, not in its children; what is near to nothing is the program's own."""
        ended = program.run(
            """
            import multiprocessing
            from mplog import logger

            if __name__ == "__main__":
                with multiprocessing.get_context("spawn").Pool(2) as pool:
                    pool.map(str, range(4))
                    pool.close()
                    pool.join()
            """,
            environment={
                "MPLOG_COLORISE": "1",
                "MPLOG_RUNTIM_DIR": "/x",
                "MPLOG_DASHBOARD": "y",
                "MPLOG_AUTOINIT": "0",
            },
            silent=False,
        )
        said = sorted(line.partition("): ")[2] for line in ended.said.splitlines())
        assert said == [
            "the environment variable MPLOG_COLORISE is not one of mplog's. Did you mean MPLOG_COLORIZE?",
            "the environment variable MPLOG_RUNTIM_DIR is not one of mplog's. Did you mean MPLOG_RUNTIME_DIR?",
        ]

    def test_the_known_ones_are_those_of_the_reference(self) -> None:
        """Of the page that another test compares with the code."""
        page = (Path(__file__).parents[2] / "docs" / "reference" / "environment.md").read_text()
        described = {name for name in re.findall(r"^\| `(MPLOG_.*?)`", page, re.MULTILINE) if "<" not in name}
        assert len(described) > 20
        assert described <= set(autoinit.KNOWN)


def test_the_module_that_finds_words_is_not_imported_for_nothing() -> None:
    """It is slow to import, and only errors need it."""
    script = "import sys, mplog; mplog.logger.info('x'); sys.exit('difflib' in sys.modules)"
    environment = {**os.environ, "MPLOG_AUTOINIT": "1"}
    assert (
        subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False).returncode
        == 0
    )


@pytest.mark.parametrize("word", [5, None, "x" * 10_000, "", "{", "\ud800"])
def test_strange_words(word: Any) -> None:
    """Have none that is near."""
    assert nearest_word(word, ["rotation", "retention"]) is None
