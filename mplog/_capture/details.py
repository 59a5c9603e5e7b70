"""What a call carries beside its record: what handlers need to render it, and what users do not see."""

from __future__ import annotations

from typing import NamedTuple

from mplog._capture.trace import Trace

Token = tuple[str, str]
"""(kind, text): one piece of a message with colour markup; see _render/markup.py for the kinds."""


class Details(NamedTuple):
    """Plain data, so that it travels with the record."""

    color: str = ""
    """The colour of the level, as markup."""
    trace: Trace | None = None
    """The exception as data."""
    colored: tuple[Token, ...] | None = None
    """The message with its markup, from `opt(colors=True)`; None when it has none, or a patcher has replaced it."""
    raw: bool = False
    """Whether the message is emitted alone, from `opt(raw=True)`."""
    unpatched: bool = False
    """Whether the configured patcher has still to run: it could not travel to the process of the call."""
    text: str | None = None
    """The finished text, from the process of the call; None where it is still to be made."""
    has_traceback: bool = False
    """Whether the exception had a traceback in the process that the record comes from, if that is another one."""
