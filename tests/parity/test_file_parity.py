"""How files are opened, written, watched and closed, beside the reference: logger-api.md, section 16 to 16.2, 16.5.

Deliberate differences, each with a test here:

- text that the encoding cannot express is escaped unless `errors` says otherwise (beyond.md row 21: no record is lost);
- keywords are judged before anything is opened or made, also with `delay`;
- mode `x` insists on a new file at `add()` only (with several processes the next file may be there already);
- reading modes are refused: there would be nothing to log to;
- buffered text is not held back (what a call has returned for survives the process).
"""

from __future__ import annotations

import builtins
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from sides import Side, raised, run, sides

TEXTS = ["plain", "é", "日本", "\N{GRINNING FACE}", "two\nlines", "tab\there", ""]


def log_all(side: Side, **options: Any) -> None:
    """Add, log every text, remove."""
    handler = side.add(**options)
    for text in TEXTS:
        side.logger.info(text)
    side.logger.remove(handler)


class TestText:
    @pytest.mark.parametrize(
        "encoding", ["utf8", "UTF-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"]
    )
    @pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
    def test_encodings_and_line_ends(self, tmp_path: Path, encoding: str, newline: str | None) -> None:
        """The same bytes; a mark at the start of the file, once, also when it is opened again."""

        def scenario(side: Side) -> None:
            for _ in range(2):
                log_all(side, encoding=encoding, newline=newline)

        reference, ours = run(tmp_path, scenario)
        if encoding == "utf-7":  # A stream of it saves a few bytes between records that mplog writes one by one.
            assert ours.left()["app.log"].decode(encoding) == reference.left()["app.log"].decode(encoding)
        else:
            assert ours.left() == reference.left()

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
    def test_marks_of_rotated_files(self, tmp_path: Path, encoding: str) -> None:
        """Each file has its mark."""

        def scenario(side: Side) -> None:
            side.add(rotation="1 h", encoding=encoding)
            for number in range(5):
                side.logger.info(str(number))
                side.tick(1800)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()
        assert len(ours.left()) == 3

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "shift_jis", "iso2022_jp"])
    @pytest.mark.parametrize("errors", ["replace", "ignore", "xmlcharrefreplace", "backslashreplace", "namereplace"])
    def test_errors(self, tmp_path: Path, encoding: str, errors: str) -> None:
        """What is done with text that cannot be encoded."""

        def scenario(side: Side) -> None:
            log_all(side, encoding=encoding, errors=errors)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()

    def test_strict_errors(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`errors="strict"` is a handler error, said as beyond.md, row 25, wants it; the record is not written."""

        def scenario(side: Side) -> None:
            log_all(side, encoding="ascii", errors="strict")

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()
        said = capsys.readouterr().err
        assert said.count("\nUnicodeEncodeError: ") == 3
        assert said.count("\n    UnicodeEncodeError: ") == 1

    def test_default_loses_nothing(self, tmp_path: Path) -> None:
        """Without `errors` text is escaped, where the reference loses the record."""

        def scenario(side: Side) -> None:
            handler = side.add(encoding="ascii")
            side.logger.info("é")
            side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == {"app.log": b"\\xe9\n"}
        assert reference.left() == {"app.log": b""}


class TestModes:
    @pytest.mark.parametrize("mode", ["a", "a+", "at", "ta", "w", "w+", "wt", "x", "x+", "xt"])
    @pytest.mark.parametrize("there", [None, "old\n"])
    @pytest.mark.parametrize("delay", [False, True])
    def test_first_opening(self, tmp_path: Path, mode: str, there: str | None, delay: bool) -> None:
        """Append, empty, or insist on a new file."""

        def scenario(side: Side) -> None:
            if there is not None:
                (side.here / "app.log").write_text(there)

            def work() -> None:
                handler = side.add(mode=mode, delay=delay)
                side.logger.info("a")
                side.logger.remove(handler)

            side.said.append(raised(work))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said
        assert ours.left() == reference.left()

    @pytest.mark.parametrize("mode", ["a", "w", "x"])
    @pytest.mark.parametrize("path", ["app.log", "app_{time}.log"])
    def test_over_rotations(self, tmp_path: Path, mode: str, path: str) -> None:
        """All openings use the same mode."""

        def scenario(side: Side) -> None:
            side.add(path, mode=mode, rotation="3 B")
            for number in range(4):
                side.logger.info(str(number))
                side.tick(1)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()

    @pytest.mark.parametrize("mode", ["r", "r+", "ab", "wb", "b", "", "aw", "a++", "z", 5, None])
    def test_refused(self, tmp_path: Path, mode: Any) -> None:
        """Refused by both, where the reference finds out in time; mplog makes no file."""
        with sides(tmp_path) as both:
            (both[0].here / "app.log").touch()
            reference, ours = (raised(lambda side=side: side.add(mode=mode)) for side in both)  # type: ignore[misc]  # bound now
            assert ours in (TypeError, ValueError)
            assert reference in (ours, None)
            assert not both[1].left()


class TestKeywords:
    @pytest.mark.parametrize(
        "options",
        [
            {"buffering": 0},
            {"buffering": -1},
            {"buffering": 1},
            {"buffering": 4096},
            {"buffering": -5},
            {"buffering": "1"},
            {"newline": "x"},
            {"newline": 5},
            {"closefd": True},
            {"closefd": False},
            {"opener": 5},
            {"errors": 5},
            {"encoding": "none-such"},
            {"encoding": 5},
            {"encoding": "hex"},
            {"encoding": None},
            {"none_such": 1},
            {"file": "x"},
            {"flush": True},
        ],
        ids=str,
    )
    def test_judged_as_open_does(self, tmp_path: Path, options: dict[str, Any]) -> None:
        """The same are accepted, with the same types of errors; nothing is made when they are refused."""

        def scenario(side: Side) -> None:
            side.said.append(raised(lambda: side.add(**options)))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said
        if ours.said == [None]:
            return
        assert not ours.left()
        with sides(tmp_path / "delayed") as both:
            assert raised(lambda: both[1].add(delay=True, **options)) is ours.said[0]

    def test_unknown_errors(self, tmp_path: Path) -> None:
        """An error handler that does not exist is refused at once, where the reference finds out at the first need."""
        with sides(tmp_path) as both:
            assert raised(lambda: both[1].add(errors="none-such")) is LookupError
            assert not both[1].left()

    @pytest.mark.parametrize("buffering", [-1, 1, 8192])
    def test_visible_at_once(self, tmp_path: Path, buffering: int) -> None:
        """Each message, whatever the buffering; the reference holds text back where it is larger."""
        with sides(tmp_path) as both:
            both[1].add(buffering=buffering)
            both[1].logger.info("a")
            assert both[1].left() == {"app.log": b"a\n"}


class TestOpening:
    def test_opener(self, tmp_path: Path) -> None:
        """Called for every file with the same flags but for those that mplog needs; its permissions hold."""

        def scenario(side: Side) -> None:
            def opener(path: str, flags: int) -> int:
                side.said.append((os.path.relpath(path, side.here), flags & (os.O_APPEND | os.O_CREAT)))
                return os.open(path, flags, 0o600)

            side.add(opener=opener, rotation="3 B")
            for number in range(3):
                side.logger.info(str(number))
                side.tick(1)
            side.said.append({stat.S_IMODE(path.stat().st_mode) for path in side.here.iterdir()})

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said
        assert ours.said[-1] == {0o600}
        assert ours.left() == reference.left()

    @pytest.mark.parametrize("mask", [0o022, 0o077, 0o000])
    def test_permissions_by_default(self, tmp_path: Path, mask: int) -> None:
        """Those of any file that the program makes, also of rotated files and archives; row 14 of beyond.md."""

        def scenario(side: Side) -> None:
            before = os.umask(mask)
            try:
                side.add("sub/app.log", rotation="3 B", compression="gz")
                for number in range(3):
                    side.logger.info(str(number))
                    side.tick(1)
            finally:
                os.umask(before)
            side.said += sorted(stat.S_IMODE(path.stat().st_mode) for path in (side.here / "sub").iterdir())
            side.said.append(stat.S_IMODE((side.here / "sub").stat().st_mode))

        reference, ours = run(tmp_path, scenario)
        assert set(ours.said[:-1]) == set(reference.said[:-1]) == {0o666 & ~mask}
        assert ours.said[-1] == reference.said[-1]

    def test_opener_that_raises(self, tmp_path: Path) -> None:
        """Its error is that of `add()`."""

        def scenario(side: Side) -> None:
            side.said.append(raised(lambda: side.add(opener=lambda path, flags: 1 // 0)))

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said == [ZeroDivisionError]

    def test_opener_of_another_file(self, tmp_path: Path) -> None:
        """What it opens is written, whatever the path says."""

        def scenario(side: Side) -> None:
            other = side.here / "other.txt"
            handler = side.add(opener=lambda path, flags: os.open(other, flags, 0o644))
            side.logger.info("a")
            side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left() == {"other.txt": b"a\n"}

    def test_builtin_open_is_looked_up_at_use(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Tests of users replace it."""
        opened: list[str] = []
        true_open, here = builtins.open, threading.current_thread()

        def double(file: Any, *arguments: Any, **keywords: Any) -> Any:
            if threading.current_thread() is here:  # The writer of an earlier test looks at /proc now and then.
                opened.append(os.path.basename(str(file)))
            return true_open(file, *arguments, **keywords)

        with sides(tmp_path) as both:
            monkeypatch.setattr(builtins, "open", double)
            both[1].add(rotation="3 B")
            for number in range(3):
                both[1].logger.info(str(number))
            monkeypatch.undo()
        assert opened == ["app.log"] * 3

    @pytest.mark.parametrize("delay", [False, True])
    def test_path_that_cannot_be_opened(self, tmp_path: Path, delay: bool, capsys: pytest.CaptureFixture[str]) -> None:
        """An error of `add()`, with `delay` a handler error at each message."""

        def scenario(side: Side) -> None:
            (side.here / "app.log").mkdir(exist_ok=True)
            side.said.append(raised(lambda: side.add(delay=delay)))
            side.logger.info("a")

        reference, ours = run(tmp_path, scenario)
        assert ours.said == reference.said == [None if delay else IsADirectoryError]
        said = capsys.readouterr().err
        assert said.count("\nIsADirectoryError") == said.count("\n    IsADirectoryError") == int(delay)

    def test_devnull(self, tmp_path: Path) -> None:
        """A valid path. Nothing that renames or removes is asked for here: the device belongs to the machine."""
        with sides(tmp_path) as both:
            for side in both:
                handler = side.logger.add(os.devnull)
                side.logger.info("a")
                side.logger.remove(handler)

    @pytest.mark.parametrize(
        "path",
        ["{time:YYYY}/{time:MM}/app.log", "{{app}}_{time:DD}.log", "{time}", "a/b/../c/app.log", "{time:%Y-%m}.log"],
    )
    def test_paths(self, tmp_path: Path, path: str) -> None:
        """Fields, doubled braces and missing directories."""

        def scenario(side: Side) -> None:
            side.add(path)
            side.logger.info("a")

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()
        assert len(ours.left()) == 1

    @pytest.mark.parametrize(
        "path", ["{foo}.log", "{time.foo}.log", "{}.log", "{0}.log", "{time.log", "{time:SSSSSSSS}.log"]
    )
    def test_bad_paths(self, tmp_path: Path, path: str) -> None:
        """Errors of `add()`, also with `delay`; of the same types but for fields without a name."""

        def scenario(side: Side) -> None:
            side.said.append(raised(lambda: side.add(path)))

        reference, ours = run(tmp_path, scenario)
        # A positional field has no value: the reference finds an empty list of them, mplog says that there is none.
        other = (
            {IndexError: ValueError}.get(reference.said[0], reference.said[0])
            if path in ("{}.log", "{0}.log")
            else None
        )
        assert ours.said[0] in (reference.said[0], other)
        assert ours.said[0] is not None or reference.said[0] is None
        assert not ours.left() or ours.said == [None]


class TestWatch:
    @pytest.mark.parametrize("watch", [False, True])
    @pytest.mark.parametrize("mode", ["a", "w"])
    @pytest.mark.parametrize("event", ["removed", "renamed", "replaced", "directory removed", "nothing"])
    @pytest.mark.parametrize("then", ["message", "end"])
    def test_what_others_do_to_the_file(self, tmp_path: Path, watch: bool, mode: str, event: str, then: str) -> None:
        """Noticed before each message and before the end, if it is asked for."""

        def scenario(side: Side) -> None:
            handler = side.add("sub/app.log", watch=watch, mode=mode)
            side.logger.info("a")
            log = side.here / "sub/app.log"
            if event in ("removed", "replaced", "directory removed"):
                log.unlink()
            if event == "renamed":
                log.rename(side.here / "moved.txt")
            if event == "directory removed":
                log.parent.rmdir()
            if event == "replaced":
                log.write_text("foreign\n")
            if then == "message":
                side.logger.info("b")
                side.logger.info("c")
            side.logger.remove(handler)

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()

    def test_delayed_and_never_opened(self, tmp_path: Path) -> None:
        """The end makes no file."""

        def scenario(side: Side) -> None:
            side.logger.remove(side.add(watch=True, delay=True))

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left() == {}

    def test_with_time_in_the_path(self, tmp_path: Path) -> None:
        """A file opened again keeps its path."""

        def scenario(side: Side) -> None:
            side.add("app_{time}.log", watch=True)
            side.logger.info("a")
            next(side.here.iterdir()).unlink()
            side.tick(60)
            side.logger.info("b")

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()
        assert list(ours.left().values()) == [b"b\n"]

    def test_after_a_rotation_by_somebody_else(self, tmp_path: Path) -> None:
        """Rotation and watch together: what was renamed by others is neither renamed again nor lost."""

        def scenario(side: Side) -> None:
            side.add(watch=True, rotation="1 h")
            side.logger.info("a")
            (side.here / "app.log").rename(side.here / "app.log.1")
            side.logger.info("b")

        reference, ours = run(tmp_path, scenario)
        assert ours.left() == reference.left()
