"""What the commands say of themselves."""

from __future__ import annotations

import pytest

from mplog.cli import main
from stress.cli import ALL, COMPARE
from stress.cli import main as torture
from stress.scenarios import PLAY


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
