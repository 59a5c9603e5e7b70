"""Which streams get colours; logger-api.md, section 14. The table there is newer than the installed reference."""

from __future__ import annotations

import builtins
import os
import sys
import types
from collections.abc import Mapping
from typing import Any

import pytest

from mplog._render.colorize import console, should_colorize


class Stream:
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal: Any = False) -> None:
        self.terminal = terminal
        self.got: list[str] = []

    def isatty(self) -> bool:
        if isinstance(self.terminal, Exception):
            raise self.terminal
        return bool(self.terminal)

    def write(self, text: str) -> None:
        self.got.append(text)

    def flush(self) -> None:
        pass


CI = {"CI": "1", "GITHUB_ACTIONS": "1"}
KINDS: dict[str, tuple[str, ...]] = {
    "other": (),
    "current": ("stderr",),
    "original": ("__stdout__",),
    "both": ("stdout", "__stdout__"),
}
# (environment, {kind of stream: whether it is coloured when it is no terminal, when it is one})
TABLE: list[tuple[Mapping[str, str], dict[str, str]]] = [
    ({}, {"other": "ny", "current": "ny", "original": "ny", "both": "ny"}),
    ({"NO_COLOR": "1"}, {"other": "ny", "current": "nn", "original": "nn", "both": "nn"}),
    ({"NO_COLOR": ""}, {"other": "ny", "current": "ny", "original": "ny", "both": "ny"}),
    ({"FORCE_COLOR": "1"}, {"other": "ny", "current": "yy", "original": "yy", "both": "yy"}),
    ({"FORCE_COLOR": ""}, {"other": "ny", "current": "ny", "original": "ny", "both": "ny"}),
    ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, {"other": "ny", "current": "nn", "original": "nn", "both": "nn"}),
    ({"CI": "1"}, {"other": "ny", "current": "ny", "original": "ny", "both": "ny"}),
    ({"GITLAB_CI": "1"}, {"other": "ny", "current": "ny", "original": "ny", "both": "ny"}),
    ({"CI": "", "APPVEYOR": ""}, {"other": "ny", "current": "ny", "original": "yy", "both": "yy"}),
    (CI, {"other": "ny", "current": "ny", "original": "yy", "both": "yy"}),
    ({**CI, "NO_COLOR": "1"}, {"other": "ny", "current": "nn", "original": "nn", "both": "nn"}),
    ({"PYCHARM_HOSTED": ""}, {"other": "ny", "current": "ny", "original": "yy", "both": "yy"}),
    ({"TERM": "dumb"}, {"other": "ny", "current": "ny", "original": "nn", "both": "nn"}),
    ({"TERM": "xterm"}, {"other": "ny", "current": "ny", "original": "ny", "both": "ny"}),
    ({"TERM": "dumb", **CI}, {"other": "ny", "current": "ny", "original": "yy", "both": "yy"}),
    ({"TERM": "dumb", "FORCE_COLOR": "1"}, {"other": "ny", "current": "yy", "original": "yy", "both": "yy"}),
]


class TestEnvironment:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(("environment", "expected"), TABLE, ids=lambda value: str(value)[:40])
    def test_table(
        self, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str], expected: dict[str, str], kind: str
    ) -> None:
        """The first line that applies decides; other streams are asked alone."""
        for terminal, wanted in zip((False, True), expected[kind], strict=True):
            stream = Stream(terminal)
            for name in KINDS[kind]:
                monkeypatch.setattr(sys, name, stream)
            assert should_colorize(stream, environment) is (wanted == "y")

    @pytest.mark.parametrize("stream", [object(), Stream(OSError()), Stream(None), None], ids=range(4))
    def test_streams_that_do_not_say(self, stream: Any) -> None:
        """No colours."""
        assert should_colorize(stream, {}) is False

    def test_this_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment of now, not of the import."""
        stream = Stream()
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert should_colorize(stream)
        monkeypatch.setenv("NO_COLOR", "1")
        assert not should_colorize(stream)


class TestNotebooks:
    @pytest.mark.parametrize("lacking", [None, "flag", "shell", "stream", "modules", "current"])
    def test_all_signs_are_needed(self, monkeypatch: pytest.MonkeyPatch, lacking: str | None) -> None:
        """IPython, its stream and its shell; and the stream must be the standard one of now."""

        class Shell:
            pass

        stream = Stream()
        modules = {name: types.ModuleType(name) for name in ("IPython", "ipykernel")}
        modules["ipykernel.iostream"] = types.ModuleType("ipykernel.iostream")
        modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel.zmqshell")
        modules["IPython"].get_ipython = lambda: None if lacking == "shell" else Shell()  # type: ignore[attr-defined]  # made up
        modules["ipykernel.iostream"].OutStream = int if lacking == "stream" else Stream  # type: ignore[attr-defined]  # made up
        modules["ipykernel.zmqshell"].ZMQInteractiveShell = Shell  # type: ignore[attr-defined]  # made up
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, None if lacking == "modules" else module)
        if lacking != "flag":
            monkeypatch.setattr(builtins, "__IPYTHON__", True, raising=False)
        if lacking != "current":
            monkeypatch.setattr(sys, "stdout", stream)
        assert should_colorize(stream, {}) is (lacking is None)


class TestWindows:
    @pytest.fixture
    def stream(self, monkeypatch: pytest.MonkeyPatch) -> Stream:
        """The original standard output of a Windows program."""
        stream = Stream()
        monkeypatch.setattr(os, "name", "nt")
        monkeypatch.setattr(sys, "__stdout__", stream)
        return stream

    def test_a_terminal_that_says_its_type(self, stream: Stream) -> None:
        """TERM is set by those that know escape sequences."""
        assert should_colorize(stream, {"TERM": "xterm"})
        assert not should_colorize(stream, {"TERM": "dumb"})
        assert not should_colorize(stream, {})

    @pytest.mark.parametrize(
        ("is_console", "knows", "wraps"), [(True, False, True), (True, True, False), (False, False, False)]
    )
    def test_old_consoles_are_wrapped(
        self, monkeypatch: pytest.MonkeyPatch, stream: Stream, is_console: bool, knows: bool, wraps: bool
    ) -> None:
        """Where a console does not learn escape sequences, colorama takes them."""
        import colorama.win32
        import colorama.winterm

        stream.fileno = lambda: 1  # type: ignore[attr-defined]  # made up
        monkeypatch.setattr(colorama.win32, "winapi_test", lambda: is_console)
        monkeypatch.setattr(colorama.winterm, "enable_vt_processing", lambda _: knows)
        wrapped = console(stream)
        assert (wrapped is not stream) is wraps
        wrapped.write("\x1b[31mred\x1b[0m")
        assert "".join(stream.got) == ("red" if wraps else "\x1b[31mred\x1b[0m")

    def test_other_streams_are_left_alone(self, monkeypatch: pytest.MonkeyPatch, stream: Stream) -> None:
        """A file of the user's own, and everything on other systems."""
        other = Stream(True)
        assert console(other) is other
        monkeypatch.setattr(os, "name", "posix")
        assert console(stream) is stream
