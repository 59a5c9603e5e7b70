"""A session whose directory was deleted, and cannot be made again at the first attempt."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._session import place
from mplog._sinks.file import slot

STEPS: dict[str, tuple[Any, str]] = {
    "the room for its control page": (os, "posix_fallocate"),
    "its name": (place, "_name_owner"),
    "a slot": (slot, "create"),
    "the name of the registry": (os, "replace"),
}
"""What fails, once."""


def failing(step: Callable[..., Any]) -> Callable[..., Any]:
    """*step*, for want of room at the first call."""
    calls: list[int] = []

    def once(*args: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise OSError(28, "No space left on device")
        return step(*args, **named)

    return once


@pytest.mark.parametrize("what", STEPS)
def test_what_could_not_be_made_again_is_made_later(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the writer, in its next look: all that was there is there again, and it is said."""
    core = Core()
    logger = Logger(core, {})
    logger.add(tmp_path / "app.log", format="{message}")
    host = core.sessions.make_host()
    assert host is not None
    base = Path(host.place.path).parents[1]
    before = {str(path.relative_to(base)) for path in base.rglob("*")}
    assert any(path.endswith(".slot") for path in before)
    shutil.rmtree(base)

    where, name = STEPS[what]
    monkeypatch.setattr(where, name, failing(getattr(where, name)))
    host.keep()
    assert {str(path.relative_to(base)) for path in base.rglob("*")} != before
    host.keep()

    assert {str(path.relative_to(base)) for path in base.rglob("*")} == before
    assert place.open_place(host.place.path).is_served
    said = capsys.readouterr().err
    assert "cannot be made again" in said
    assert "it has been made again" in said
    assert host.finish()
    core.sessions.host = None
