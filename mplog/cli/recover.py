"""``mplog recover``: what killed programs had logged and not yet written goes into its files, or is only listed."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator

from mplog._logger import recovering
from mplog._logger.recovering import Found, LeftFile, LeftSession
from mplog.cli.output import one_line, say, say_json

__all__ = ["add_parser"]

_VARIABLE = "MPLOG_RUNTIME_DIR"
_DEFAULTS = ("/dev/shm", tempfile.gettempdir())
_SHOWN_DEFAULTS = one_line(" and ".join(_DEFAULTS)).replace("%", "%%")
_SHOWN = 3
"""Damaged rings of one session that are named; JSON has all of them."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command's options."""
    parser = commands.add_parser(
        "recover",
        help="write what killed programs had logged into their files",
        description="Write what killed programs had logged, and what no process has written yet, into their files: "
        "each record once. Programs that live are left alone.",
        epilog="The exit status is 0 when everything is in its files, or was to be listed only, 1 when something is "
        "not, and 2 for wrong usage.",
    )
    parser.add_argument(
        "directory",
        nargs="?",
        metavar="DIR",
        help=f"the runtime directory of these programs (default: {_VARIABLE}, else {_SHOWN_DEFAULTS})",
    )
    parser.add_argument("--list", action="store_true", help="only say what there is to recover")
    parser.add_argument(
        "--plain",
        action="store_true",
        help="write also records whose format or filter is a function of their program: in the default format, all",
    )
    parser.add_argument(
        "--discard",
        action="store_true",
        help="give up what cannot be written, such as to a directory that is gone, and say what it was",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Recover or list; 0 when everything is in its files (or listed), 1 when something is not, 2 for wrong usage."""
    directory = arguments.directory
    if directory is not None and not os.path.isdir(directory):
        say(f"{directory} is no directory. Give the one that {_VARIABLE} named for the programs.", error=True)
        return 2
    if arguments.list and arguments.discard:
        say("--list changes nothing, and --discard removes what cannot be written. Use one of them.", error=True)
        return 2
    with _looking_in(directory):
        found = recovering.recover(write=not arguments.list, plain=arguments.plain, discard=arguments.discard)
    if arguments.json:
        say_json(_as_json(found))
    else:
        _show(found, listed=arguments.list)
    # In the directories that all users share others may put what they like, and that is no trouble of this one.
    whole = not any(directory is not None or _is_ours(path) for path in found.unused)
    return 0 if arguments.list or (whole and all(session.complete for session in found.sessions)) else 1


def _is_ours(path: str) -> bool:
    try:
        return os.lstat(path).st_uid == os.geteuid()
    except OSError:
        return False


@contextlib.contextmanager
def _looking_in(directory: str | None) -> Iterator[None]:
    """Let *directory* be the runtime directory meanwhile. One of the default ones means all of them: a session that
    began in the first has rings in the second where the first was full."""
    if directory is None:
        yield
        return
    path = os.path.abspath(directory)
    if re.fullmatch(r"mplog-\d+", os.path.basename(path)):
        path = os.path.dirname(path)
    before = os.environ.pop(_VARIABLE, None)
    if os.path.realpath(path) not in map(os.path.realpath, _DEFAULTS):
        os.environ[_VARIABLE] = path
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE, None)
        if before is not None:
            os.environ[_VARIABLE] = before


def _as_json(found: Found) -> str:
    shown = dataclasses.asdict(found)
    for session, made in zip(found.sessions, shown["sessions"], strict=True):
        made["complete"] = session.complete
    # Names that are no UTF-8 stay readable as escapes.
    return json.dumps(shown, indent=1)


def _show(found: Found, *, listed: bool) -> None:
    where = " and ".join(found.directories) or "any runtime directory"
    if not found.sessions:
        say(f"No dead program has left anything in {where}.")
    for session in found.sessions:
        _show_session(session, listed=listed)
    for path, why in found.unused.items():
        say(f"Not looked at: {path}, for {why}.")
    if found.living:
        say(f"Left alone: {found.living} sessions of living programs in {where}.")
    if listed and found.sessions:
        say("Run `mplog recover` to write these records into their files.")


def _show_session(session: LeftSession, *, listed: bool) -> None:
    seen = "at an unknown time"
    if session.last_seen is not None:
        seen = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(session.last_seen))
    program = session.program or "(a program without a file)"
    say(f"{program}, process {session.pid}, last seen {seen}, {session.bytes / 1024:.0f} KiB, session {session.id}")
    for file in session.files:
        say(f"    {file.path}: {_told(file, listed=listed)}")
        for share in file.discarded:
            name = f" ({share.name})" if share.name else ""
            say(f"        discarded: {share.records} records of process {share.pid}{name}")
    if session.others:
        state = "wait for" if listed else "were lost with"
        say(f"    {session.others} records {state} streams, functions or removed handlers, which died with the process")
    for ring, trouble in list(session.damaged.items())[:_SHOWN]:
        say(f"    {ring} is damaged, and kept: {trouble}")
    if len(session.damaged) > _SHOWN:
        say(f"    {len(session.damaged) - _SHOWN} more rings are damaged, and kept")
    if session.damaged:
        say("    What cannot be read of them, nobody can write: `mplog recover --discard` removes them")
    if session.living:
        say(f"    {session.living} of its workers live, and write what they log from now on")
    if not (listed or session.removed or session.living):
        say(f"    kept in {session.path}")


def _told(file: LeftFile, *, listed: bool) -> str:
    count = f"{file.waiting} records wait" if listed else f"{file.written} records written"
    return count if file.trouble is None else f"{count}; {file.trouble}"
