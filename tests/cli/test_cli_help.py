"""What the commands say of themselves."""

from __future__ import annotations

import contextlib

import pytest

import mplog
from mplog.cli import main
from stress.cli import ALL, COMPARE
from stress.cli import main as torture
from stress.scenarios import PLAY


@pytest.mark.parametrize("words", [[], ["--help"]], ids=["nothing", "--help"])
def test_whoever_asks_for_nothing_gets_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output and with status 0: that is no mistake."""
    with contextlib.suppress(SystemExit):
        assert main(words) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert all(f"\n    {command} " in shown.out for command in ("demo", "recover", "integrations"))
    assert max(map(len, shown.out.splitlines())) <= 80


def test_it_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """As the package does."""
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"mplog {mplog.__version__}\n"


@pytest.mark.parametrize("command", ["demo", "recover"])
def test_a_command_says_what_it_does_and_how_it_ends(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Not only its options: whoever asks for help has not read the pages."""
    with pytest.raises(SystemExit):
        main([command, "--help"])
    _, what, *rest = capsys.readouterr().out.split("\n\n")
    assert what.endswith(".")
    assert rest[-1].startswith("The exit status is 0 when ")


@pytest.mark.parametrize("scenario", [ALL, COMPARE, *PLAY])
def test_so_does_each_scenario(scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In a sentence, before its options."""
    with pytest.raises(SystemExit):
        torture([scenario, "--help"])
    assert capsys.readouterr().out.split("\n\n")[1].endswith(".")
