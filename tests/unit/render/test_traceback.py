"""The text of an exception from its data: logger-api.md, section 24. Parity with the reference is tested elsewhere."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import Any

import pytest

from mplog._capture.exception import describe
from mplog._capture.frames import Frame
from mplog._capture.record import RecordFile
from mplog._capture.trace import CAUSE, CONTEXT, Error, Trace
from mplog._capture.values import Value
from mplog._render.look import Look
from mplog._render.ownership import is_own, library_directories
from mplog._render.renderer import Renderer
from mplog._render.source import colored
from mplog._render.traceback import traceback_text

FRAME = Frame("/srv/app/app.py", 3, "work", "call(a.b, c)", (Value(5, "<A>"), Value(7, "'x\ny'"), Value(10, "0")))
CALLER = Frame("/srv/app/app.py", 9, "main", "work()")
ERROR = Error(("ValueError: bad\n",), (FRAME,), (CALLER,), marked=True)


def text(*errors: Error, **switches: Any) -> str:
    """What a handler with these *switches* shows of a chain."""
    return traceback_text(Trace(errors), Look(**{"libraries": (), **switches}))


def test_without_an_exception() -> None:
    """No text."""
    assert traceback_text(None, Look()) == ""


def test_backtrace() -> None:
    """The callers, then the catching point with its mark; without it, neither."""
    short = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/app.py", line 3, in work\n    call(a.b, c)\nValueError: bad\n'
    )
    assert text(ERROR, backtrace=False) == short
    assert text(ERROR) == (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/app.py", line 9, in main\n    work()\n'
        '> File "/srv/app/app.py", line 3, in work\n    call(a.b, c)\nValueError: bad\n'
    )


def test_caught_by_a_decorator() -> None:
    """The caller of the decorated function is always shown, and marked with `backtrace` (24.2)."""
    error = ERROR._replace(caught_above=True, callers=(CALLER._replace(line=1), CALLER))
    assert text(error, backtrace=False) == (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/app.py", line 9, in main\n    work()\n'
        '  File "/srv/app/app.py", line 3, in work\n    call(a.b, c)\nValueError: bad\n'
    )
    assert '  File "/srv/app/app.py", line 1, in main' in text(error)
    assert '> File "/srv/app/app.py", line 9, in main' in text(error)
    assert text(error).count(">") == 1


@pytest.mark.parametrize(("encoding", "pipe", "corner"), [("utf8", "│", "└"), ("ascii", "|", "->"), ("no", "|", "->")])
def test_values(encoding: str, pipe: str, corner: str) -> None:
    """Each under its name, further lines under its first character (24.6, 24.9)."""
    aligned = " " * len(corner)
    assert text(ERROR, backtrace=False, diagnose=True, encoding=encoding) == (
        "Traceback (most recent call last):\n\n"
        '  File "/srv/app/app.py", line 3, in work\n    call(a.b, c)\n'
        f"         {pipe} {pipe}  {corner} 0\n"
        f"         {pipe} {corner} 'x\n"
        f"         {pipe} {aligned} y'\n"
        f"         {corner} <A>\n"
        "\nValueError: bad\n"
    )


def test_colours() -> None:
    """Own files have them (24.7); foreign ones are plain."""
    shown = text(ERROR, backtrace=False, colorize=True)
    assert shown == (
        "\x1b[33m\x1b[1mTraceback (most recent call last):\x1b[0m\n"
        '  File "\x1b[32m/srv/app/\x1b[0m\x1b[32m\x1b[1mapp.py\x1b[0m", line \x1b[33m3\x1b[0m, in \x1b[35mwork\x1b[0m\n'
        "    \x1b[1mcall\x1b[0m\x1b[1m(\x1b[0m\x1b[1ma\x1b[0m\x1b[35m\x1b[1m.\x1b[0m\x1b[1mb\x1b[0m\x1b[1m,\x1b[0m "
        "\x1b[1mc\x1b[0m\x1b[1m)\x1b[0m\n"
        "\x1b[31m\x1b[1mValueError\x1b[0m:\x1b[1m bad\x1b[0m\n"
    )
    foreign = text(ERROR, backtrace=False, colorize=True, libraries=("/srv/app/",))
    assert '  File "/srv/app/app.py", line 3, in work\n    call(a.b, c)\n' in foreign


@pytest.mark.parametrize(
    "line",
    [
        "a = 'unfinished",
        "f(x",
        "a = '''",
        "\u00a0?$",
        "a\\",
        "\x00",
        "f'{a",
        "é日本 = 1",
        "\t a  +  b",
        "",
        "0777",
        "1__0",
    ],
)
def test_source_that_cannot_be_read(line: str) -> None:
    """Nothing of it gets lost."""
    shown = colored(line, str)
    for code in ("33", "35", "36", "34", "30", "1", "0"):
        shown = shown.replace(f"\x1b[{code}m", "")
    assert shown == line


@pytest.mark.parametrize("follows", [CAUSE, CONTEXT])
@pytest.mark.parametrize("diagnose", [False, True])
def test_chains(follows: str, diagnose: bool) -> None:
    """The sentence of Python, between blank lines (24.3)."""
    sentence = {
        CAUSE: "The above exception was the direct cause of the following exception:",
        CONTEXT: "During handling of the above exception, another exception occurred:",
    }[follows]
    blank = "\n\n" if diagnose else "\n"
    first, last = Error(("KeyError: 1\n",)), Error(("ValueError: bad\n",), follows=follows)
    assert text(first, last, diagnose=diagnose) == f"KeyError: 1\n{blank}{sentence}\n{blank}ValueError: bad\n"


class TestSanitize:
    """beyond.md, row 13: control characters that came with the exception are shown, mplog's own colours work."""

    HOSTILE = Error(
        ("ValueError: a\x1b[2Jb\n\tc\u202e\n", "note \x07\n"),
        (Frame("/x\x1b/a\x07.py", 1, "f\x1b", "a\x0c + \x1bb", (Value(0, "A\x08"), Value(6, "B\x9b"))),),
    )

    @pytest.mark.parametrize("colorize", [False, True])
    @pytest.mark.parametrize("diagnose", [False, True])
    def test_in_every_place(self, colorize: bool, diagnose: bool) -> None:
        """Paths, names, source, values, what the exception says and its notes."""
        shown = text(self.HOSTILE, colorize=colorize, diagnose=diagnose)
        for code in ("33", "35", "36", "34", "30", "32", "31", "1", "0"):
            shown = shown.replace(f"\x1b[{code}m", "")
        assert not set(shown) & set("\x1b\x07\x08\x0c\x9b\u202e")
        for part in ("/x\\x1b/a\\x07.py", "f\\x1b", "a\\x0c + \\x1bb", "a\\x1b[2Jb\n\tc\\u202e", "note \\x07"):
            assert part in shown
        assert not diagnose or ("A\\x08" in shown and "B\\x9b" in shown)

    def test_values_stay_under_their_names(self) -> None:
        """The columns are those of the line as it is shown."""
        lines = text(self.HOSTILE, diagnose=True).split("\n")
        source = lines.index("    a\\x0c + \\x1bb")
        assert lines[source + 1].index("└") == lines[source].index("\\x1bb") + len("\\x1b")

    def test_off(self) -> None:
        """As it came."""
        assert "a\x1b[2Jb" in text(self.HOSTILE, sanitize=False)

    @pytest.mark.parametrize("format_", ["{message}", lambda record: record["message"] + "|{extra[a]}\n{exception}"])
    def test_beside_other_data(self, format_: Any) -> None:
        """Escaped once, in string formats and in those of functions; the colours stay."""
        from mplog._capture.details import Details

        record = {"message": "m\x1b", "extra": {"a": "e\x07"}, "file": RecordFile("f", "p"), "exception": None}
        look = Look(colorize=True)
        shown = Renderer(format_, None, look).text(
            record, Details(trace=describe((ValueError, ValueError("v\x1b"), None)))
        )
        assert shown.startswith("m\\x1b")
        assert shown.endswith("\n\x1b[31m\x1b[1mValueError\x1b[0m:\x1b[1m v\\x1b\x1b[0m\n")


class TestOwnership:
    """24.4"""

    def test_libraries(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Only directories on `sys.path` count, in any case of letters, and only what is inside them."""
        monkeypatch.setattr(sysconfig, "get_path", lambda kind, scheme=None: str(tmp_path / kind.upper()))
        monkeypatch.setattr("sys.path", [str(tmp_path / "purelib"), str(tmp_path / "elsewhere")])
        found = library_directories()
        assert found == (f"{tmp_path}/purelib/".lower(),)
        assert not is_own(f"{tmp_path}/PureLib/x.py", found)
        assert is_own(f"{tmp_path}/purelib_of_mine/x.py", found)
        assert is_own(f"{tmp_path}/stdlib/x.py", found)
        assert not is_own(f"{tmp_path}/x.pyc", found)
        assert not is_own("<stdin>", found)

    @pytest.mark.parametrize("path", [None, 5, "", "\x00", object()])
    def test_nonsense(self, monkeypatch: pytest.MonkeyPatch, path: Any) -> None:
        """No failure."""
        monkeypatch.setattr(sysconfig, "get_path", lambda kind, scheme=None: path)
        library_directories()
        assert is_own("/srv/app/x.py", library_directories())
        is_own("\x00.py", ())

    def test_they_fail(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No failure here."""
        monkeypatch.setattr(sysconfig, "get_path", lambda *_: 1 / 0)
        assert library_directories() == ()

    def test_they_are_looked_up_when_a_handler_is_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not where nothing depends on them."""
        calls: list[str] = []
        monkeypatch.setattr(sysconfig, "get_path", lambda kind, scheme=None: calls.append(kind))
        Look()
        assert not calls
        Look(diagnose=True)
        assert calls


def test_frames_left_out() -> None:
    """What stands for them, between runs of equal frames."""
    gap = Frame("", 0, "<omitted>", "", (), 7)
    shown = text(Error(("E\n",), (CALLER, CALLER, CALLER, CALLER._replace(times=2), gap, CALLER)))
    assert shown.count("app.py") == 4
    assert "  [Previous line repeated 2 more times]\n  ... <7 frames left out>\n" in shown
