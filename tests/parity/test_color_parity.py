"""Which handlers have colours, beside the compatibility reference; logger-api.md, sections 9 and 14.

The installed reference knows neither NO_COLOR, FORCE_COLOR nor `TERM=dumb`: those are tested against the text, in
tests/unit/render/test_colorize.py.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from beside import pair

NAMES = ("TERM", "CI", "NO_COLOR", "FORCE_COLOR", "GITHUB_ACTIONS", "TRAVIS", "PYCHARM_HOSTED")
ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"CI": "1"},
    {"TRAVIS": "1"},
    {"CI": "", "TRAVIS": ""},
    {"CI": "1", "GITHUB_ACTIONS": "1"},
    {"PYCHARM_HOSTED": ""},
    {"TERM": "xterm"},
    {"NO_COLOR": "", "FORCE_COLOR": ""},
]
STREAMS: list[tuple[str, ...]] = [(), ("stdout",), ("__stdout__",), ("stderr", "__stderr__")]
TERMINAL = [True, False, None, OSError()]


class Stream:
    """Keeps what it gets; *terminal*: what it says when asked, if it can be asked."""

    def __init__(self, terminal: Any) -> None:
        self.got: list[str] = []
        if terminal is not None:
            self.isatty = lambda: self._answer(terminal)

    @staticmethod
    def _answer(terminal: Any) -> bool:
        if isinstance(terminal, Exception):
            raise terminal
        return bool(terminal)

    def write(self, text: str) -> None:
        self.got.append(str(text))


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing about colours."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=str)
@pytest.mark.parametrize("names", STREAMS, ids=str)
def test_streams(clean: pytest.MonkeyPatch, environment: dict[str, str], names: tuple[str, ...]) -> None:
    """Any stream, as which standard stream, with what `colorize` and `serialize`."""
    for name, value in environment.items():
        clean.setenv(name, value)
    for terminal, colorize, serialize in itertools.product(TERMINAL, (None, True, False), (False, True)):
        texts = []
        for logger in pair():
            stream = Stream(terminal)
            with pytest.MonkeyPatch.context() as patch:
                for name in names:
                    patch.setattr(sys, name, stream)
                logger.add(stream, format="<r>{level}</r>", colorize=colorize, serialize=serialize, catch=False)
                logger.info("x")
            texts.append("".join(stream.got).partition(', "record"')[0])
            logger.remove()
        assert texts[1] == texts[0], (terminal, colorize, serialize)


@pytest.mark.parametrize("colorize", [None, True, False])
def test_files_and_functions(clean: pytest.MonkeyPatch, tmp_path: Path, colorize: bool | None) -> None:
    """No colours unless asked for, whatever the environment says."""
    clean.setenv("PYCHARM_HOSTED", "1")
    texts = []
    for number, logger in enumerate(pair()):
        got: list[str] = []
        path = tmp_path / f"{number}.log"
        logger.add(path, format="<r>{message}</r>", colorize=colorize)
        logger.add(got.append, format="<r>{message}</r>", colorize=colorize)
        logger.info("x")
        logger.remove()
        texts.append((path.read_text(), got))
    assert texts[0] == texts[1]


def test_the_environment_counts_when_a_handler_is_added(clean: pytest.MonkeyPatch) -> None:
    """Not when something is logged."""
    texts = []
    for logger in pair():
        stream = Stream(False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "__stderr__", stream)
            patch.setenv("PYCHARM_HOSTED", "1")
            logger.add(stream, format="<r>{message}</r>")
        assert "PYCHARM_HOSTED" not in os.environ
        for n in range(3):
            logger.info(n)
        logger.remove()
        texts.append(stream.got)
    assert texts[0] == texts[1]
    assert "\x1b" in texts[1][0]


def test_the_default_format(clean: pytest.MonkeyPatch) -> None:
    """Section 8.1: which parts have which colours. The reference shows no zone, which mplog does."""
    texts = []
    for logger in pair():
        got: list[str] = []
        logger.add(got.append, colorize=True)
        for level in ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL", 33):
            logger.opt(colors=True).log(level, "a <b>b</b>") if level != "TRACE" else None
        logger.remove()
        texts.append([text.partition("\x1b[0m")[2] for text in got])
    assert texts[0] == texts[1]
    assert len(texts[1]) == 7
