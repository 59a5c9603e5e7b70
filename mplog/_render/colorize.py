"""Whether a stream gets colours when `add()` was not told, and old Windows consoles that need help with them."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Mapping
from typing import Any

_BUILD_SERVERS = ("TRAVIS", "CIRCLECI", "APPVEYOR", "GITLAB_CI", "GITHUB_ACTIONS")
"""Those that show colours though their streams are no terminals."""


def should_colorize(stream: Any, environment: Mapping[str, str] | None = None) -> bool:
    """Whether *stream* shows colours, by *environment* (this process's when None). Never raises.

    Variables count for the standard streams only; any other stream is asked whether it is a terminal.
    """
    environment = os.environ if environment is None else environment
    is_original = _is_one_of(stream, sys.__stdout__, sys.__stderr__)
    is_current = _is_one_of(stream, sys.stdout, sys.stderr)
    if is_original or is_current:
        if environment.get("NO_COLOR"):
            return False
        if environment.get("FORCE_COLOR"):
            return True
    if is_current and _is_notebook(stream):
        return True
    if is_original:
        if "CI" in environment and any(name in environment for name in _BUILD_SERVERS):
            return True
        if "PYCHARM_HOSTED" in environment:
            return True
        if environment.get("TERM") == "dumb":
            return False
        if os.name == "nt" and "TERM" in environment:
            return True
    return is_terminal(stream)


def is_terminal(stream: Any) -> bool:
    """Whether *stream* says that it is one. Never raises."""
    try:
        return bool(stream.isatty())
    except Exception:  # noqa: BLE001 - no isatty, a closed stream, or one of the user's own
        return False


def _is_one_of(stream: Any, *others: Any) -> bool:
    return stream is not None and any(stream is other for other in others)


def _is_notebook(stream: Any) -> bool:
    """Whether *stream* is a notebook's output, which shows colours and is no terminal."""
    if not hasattr(builtins, "__IPYTHON__"):
        return False
    try:
        import IPython
        from ipykernel.iostream import OutStream
        from ipykernel.zmqshell import ZMQInteractiveShell

        return isinstance(stream, OutStream) and isinstance(IPython.get_ipython(), ZMQInteractiveShell)
    except Exception:  # noqa: BLE001 - not installed, or half
        return False


def console(stream: Any) -> Any:
    """*stream*, for text with colours: wrapped where it is a Windows console that knows no escape sequences."""
    if os.name != "nt" or not _is_one_of(stream, sys.__stdout__, sys.__stderr__):
        return stream
    try:
        from colorama import AnsiToWin32
        from colorama.win32 import winapi_test
        from colorama.winterm import enable_vt_processing

        if not winapi_test() or enable_vt_processing(stream.fileno()):
            return stream
        return AnsiToWin32(stream, convert=True, strip=True).stream
    except Exception:  # noqa: BLE001 - without its help there are sequences on the screen, but no record is lost
        return stream
