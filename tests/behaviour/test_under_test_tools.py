"""What compatible programs and their tests force on an implementation; logger-api.md, section 37: a class for each row.

Users' tests freeze clocks, replace functions of the standard library, put doubles in the place of streams and turn
warnings into errors. Whatever they do holds for a call site that has been called before, too.
"""

from __future__ import annotations

import builtins
import copy
import functools
import io
import itertools
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from programs import Program

from mplog._logger.core import Core
from mplog._logger.logger import Logger
from mplog._sinks import report

STAMP = "{time:YYYY-MM-DD HH:mm:ss.SSSSSS} {message}"


class Site:
    """One call site, and the texts that its calls have left in a function, a text stream and a file."""

    def __init__(self, logger: Logger, directory: Path, format_: str, **options: Any) -> None:
        self.logger = logger
        self.path = directory / "site.log"
        self.stream = io.TextIOWrapper(io.BytesIO(), "utf8", write_through=True)
        self.got: list[str] = []
        logger.add(self.got.append, format=format_, **options)
        logger.add(self.stream, format=format_, **options)
        logger.add(self.path, format=format_, **options)

    def call(self) -> str:
        """Call it once more; the line that all sinks have got."""
        self.logger.info("call {}", 1)
        self.stream.seek(0)
        lines = {self.got[-1], self.stream.readlines()[-1], self.path.read_text().splitlines(keepends=True)[-1]}
        assert len(lines) == 1, lines
        return lines.pop().strip()


class TestClock:
    """It is read through names that are looked up in a module, in the process of the call."""

    @pytest.mark.parametrize("warm", [0, 1, 5])
    def test_one_site_under_a_frozen_clock(self, logger: Logger, tmp_path: Path, warm: int) -> None:
        """Every step shows, small or large, back as well as forth, and afterwards the true time is back."""
        site = Site(logger, tmp_path, STAMP)
        for _ in range(warm):
            site.call()
        with freeze_time("2026-01-28 13:20:30.999999") as clock:
            for moment in (
                "2026-01-28 13:20:30.999999",
                "2026-01-28 13:20:31.000000",
                "2026-01-28 13:20:31.000001",
                "2026-01-28 13:20:30.500000",
                "1999-12-31 23:59:59.123456",
                "1970-01-01 00:00:00.250000",
                "2199-02-03 04:05:06.700000",
            ):
                clock.move_to(moment)
                assert [site.call() for _ in range(3)] == [f"{moment} call 1"] * 3
        assert abs(datetime.fromisoformat(site.call()[:26]) - datetime.now()) < timedelta(hours=1)

    @pytest.mark.parametrize(
        "moment", ["1969-12-31 23:59:59.500000", "1969-12-31 23:59:58.000000", "1960-02-03 04:05:06.250000"]
    )
    def test_before_the_epoch(self, logger: Logger, tmp_path: Path, moment: str) -> None:
        """Numbers of seconds below zero are no special case for a site that has been called before."""
        site = Site(logger, tmp_path, STAMP)
        with freeze_time(moment):
            assert {site.call() for _ in range(4)} == {f"{moment} call 1"}

    def test_the_function_replaced_by_hand(self, logger: Logger, tmp_path: Path, monkeypatch: Any) -> None:
        """As `monkeypatch` and `mock` do it, which know nothing of names that other modules hold."""
        site = Site(logger, tmp_path, "{time:X}")
        for _ in range(3):
            site.call()
        for seconds in (1e9, 1.1e9, 5.0):
            monkeypatch.setattr(time, "time", lambda seconds=seconds: seconds)
            assert [site.call() for _ in range(3)] == [f"{seconds:.0f}"] * 3
        monkeypatch.undo()
        assert float(site.call()) > 1.7e9

    def test_records_and_elapsed(self, logger: Logger) -> None:
        """The record has that time, and `elapsed` goes with it."""
        records: list[dict[str, Any]] = []
        logger.add(lambda message: records.append(message.record))
        with freeze_time("2030-05-06 07:08:09") as clock:
            for _ in range(4):
                logger.info("x")
                clock.tick(90)
        times = [record["time"] for record in records]
        assert times == [
            datetime(2030, 5, 6, 7, 8, 9, tzinfo=timezone.utc) + timedelta(seconds=90 * n) for n in range(4)
        ]
        steps = {later["elapsed"] - earlier["elapsed"] for earlier, later in itertools.pairwise(records)}
        assert steps == {timedelta(seconds=90)}

    @pytest.mark.parametrize(
        ("rotation", "step"), [("1 h", 3600), ("18:00", 86400), (timedelta(minutes=5), 300), ("monthly", 86400 * 31)]
    )
    def test_rotation(self, logger: Logger, tmp_path: Path, rotation: Any, step: int) -> None:
        """A rotation by time comes when the frozen clock reaches it, from a site that has been called before."""
        with freeze_time("2026-01-01 00:00:00") as clock:
            logger.add(tmp_path / "app.log", format="{message}", rotation=rotation)
            for number in range(3):
                for _ in range(3):
                    logger.info("{}", number)
                clock.tick(step)
            logger.remove()
        contents = sorted(path.read_text() for path in tmp_path.iterdir())
        assert contents == [f"{number}\n" * 3 for number in range(3)]


class TestZone:
    """Name and offset come from `time.localtime`."""

    @pytest.mark.parametrize(("name", "hours"), [("ABC", 3), ("WEST", -11), ("UTC", 0)])
    def test_replaced(self, logger: Logger, tmp_path: Path, monkeypatch: Any, name: str, hours: int) -> None:
        """What a test puts in its place shows at once, at a site that has been called before."""
        true = time.localtime

        class Fields:
            tm_gmtoff = hours * 3600
            tm_zone = name

        site = Site(logger, tmp_path, "{time:YYYY-MM-DD HH:mm:ss Z zz}")
        for _ in range(3):
            site.call()
        shown = f"2020-06-07 {8 + hours if hours >= 0 else 24 + 8 + hours:02d}:09:10 {hours:+03d}:00 {name}"
        shown = shown if hours > -9 else shown.replace("06-07", "06-06")
        with freeze_time("2020-06-07 08:09:10"):
            monkeypatch.setattr(time, "localtime", lambda seconds=None: Fields)
            assert [site.call() for _ in range(3)] == [shown] * 3
            monkeypatch.setattr(time, "localtime", true)


class TestCreationTimes:
    """Those of files come from the same clock."""

    def test_names_of_rotated_files(self, logger: Logger, tmp_path: Path) -> None:
        """They tell when the frozen clock said that the file was made."""
        with freeze_time("2026-01-28 13:20:30.25") as clock:
            logger.add(tmp_path / "app.log", format="{message}", rotation="1 day")
            for number in range(3):
                logger.info("{}", number)
                clock.tick(timedelta(days=2))
            logger.remove()
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["app.2026-01-28_13-20-30_250000.log", "app.2026-01-30_13-20-30_250000.log", "app.log"]

    def test_retention(self, logger: Logger, tmp_path: Path) -> None:
        """The age of a file is counted by that clock, too."""
        old = tmp_path / "app.2026-01-27_00-00-00_000000.log"
        with freeze_time("2026-01-28") as clock:
            old.write_text("old\n")
            os.utime(old, (clock().timestamp(),) * 2)
            logger.add(tmp_path / "app.log", format="{message}", retention="2 days")
            clock.tick(timedelta(days=1))
            logger.remove()
            assert old.exists()
            clock.tick(timedelta(days=2))
            logger.add(tmp_path / "app.log", format="{message}", retention="2 days")
            logger.remove()
        assert not old.exists()


class TestOpen:
    """Files are opened with the built-in `open()`."""

    @pytest.mark.parametrize("options", [{}, {"delay": True}, {"rotation": "4 B"}, {"mode": "w", "buffering": 1}])
    def test_a_double(self, logger: Logger, tmp_path: Path, monkeypatch: Any, options: dict[str, Any]) -> None:
        """It is called for each file that is opened, with the options of `add()`."""
        opened: list[tuple[str, Any, Any]] = []
        true_open, here = builtins.open, threading.current_thread()

        def double(file: Any, *arguments: Any, **keywords: Any) -> Any:
            if threading.current_thread() is here:  # The writer of an earlier test looks at /proc now and then.
                opened.append((os.path.basename(str(file)), keywords.get("encoding"), keywords.get("errors")))
            return true_open(file, *arguments, **keywords)

        monkeypatch.setattr(builtins, "open", double)
        logger.add(tmp_path / "app.log", format="{message}", encoding="ascii", errors="replace", **options)
        for _ in range(3):
            logger.info("abc")
        logger.remove()
        monkeypatch.undo()
        assert opened == [("app.log", "ascii", "replace")] * (3 if "rotation" in options else 1)

    @pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, OSError])
    def test_a_double_that_fails(self, logger: Logger, tmp_path: Path, monkeypatch: Any, error: type[OSError]) -> None:
        """Its error is that of `add()`, and no handler is left."""

        def double(*_: Any, **__: Any) -> Any:
            raise error("no")

        monkeypatch.setattr(builtins, "open", double)
        with pytest.raises(error, match="no"):
            logger.add(tmp_path / "app.log")
        monkeypatch.undo()
        assert not (tmp_path / "app.log").exists()
        assert logger.add(lambda _: None) >= 0


class TestCompressionModules:
    """They are imported by `add()`."""

    @pytest.mark.parametrize(
        ("compression", "module"),
        [
            ("gz", "gzip"),
            ("bz2", "bz2"),
            ("xz", "lzma"),
            ("lzma", "lzma"),
            ("tar", "tarfile"),
            ("tar.gz", "gzip"),
            ("tar.bz2", "bz2"),
            ("tar.xz", "lzma"),
            ("zip", "zipfile"),
        ],
    )
    @pytest.mark.parametrize("way", ["modules", "import"])
    def test_a_failing_import(
        self, logger: Logger, tmp_path: Path, monkeypatch: Any, compression: str, module: str, way: str
    ) -> None:
        """Is an error of `add()`, not of the first rotation, and no file is made."""
        if way == "modules":
            monkeypatch.setitem(sys.modules, module, None)
        else:
            true_import = builtins.__import__

            def fail(name: str, *arguments: Any, **keywords: Any) -> Any:
                if name == module:
                    raise ImportError(f"no {module} here")
                return true_import(name, *arguments, **keywords)

            monkeypatch.setattr(builtins, "__import__", fail)
        with pytest.raises(ImportError, match=module):
            logger.add(tmp_path / "app.log", compression=compression)
        monkeypatch.undo()
        assert list(tmp_path.iterdir()) == []
        logger.add(tmp_path / "app.log", compression=compression, format="{message}")
        logger.info("x")
        logger.remove()
        assert [path.name for path in tmp_path.iterdir()] == [f"app.log.{compression}"]


class TestExceptionText:
    """The last lines of a traceback are those of `traceback.format_exception_only(type, value)`."""

    @pytest.mark.parametrize("options", [{}, {"diagnose": True}, {"backtrace": True}, {"colorize": True}])
    def test_replaced(self, logger: Logger, monkeypatch: Any, options: dict[str, Any]) -> None:
        """What a test puts in its place is shown, and is called with type and value."""
        got: list[str] = []
        calls: list[tuple[Any, ...]] = []
        logger.add(got.append, format="{message}", **options)

        def replaced(*arguments: Any, **_: Any) -> list[str]:
            calls.append(arguments)
            return ["Replaced: text\n"]

        monkeypatch.setattr(traceback, "format_exception_only", replaced)
        error = ValueError("true text")
        try:
            raise error
        except ValueError:
            logger.exception("failed")
        monkeypatch.undo()
        assert "Replaced" in got[0], got
        assert "true text" not in got[0].splitlines()[-1]
        assert calls
        assert calls[0][:2] == (ValueError, error)


class TestHandlerIds:
    """They start at 0 with a fresh core, and with `MPLOG_AUTOINIT=0`."""

    def test_fresh_core(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Each core counts for itself, never giving an id twice, and reports name the id."""
        for _ in range(2):
            logger = Logger(Core(), {})
            assert [logger.add(lambda _: None) for _ in range(3)] == [0, 1, 2]
            logger.remove()
            assert logger.add(lambda _: 1 / 0) == 3
            logger.info("x")
            report._said.clear()
            logger.info("x")
            assert ": handler 3 (" in capsys.readouterr().err
            logger.remove()

    @pytest.mark.parametrize(("value", "first"), [("0", 0), ("1", 1)])
    def test_process(self, program: Program, value: str, first: int) -> None:
        """The handler that a process starts with has the id 0; without it, the program's first one has."""
        source = """
            from mplog import logger
            number = logger.add(lambda message: 1 / 0)
            print(number)
            logger.remove(0)
        """
        ended = program.run(source, environment={"MPLOG_AUTOINIT": value})
        assert ended.output == f"{first}\n"


class TestCopies:
    """`copy.deepcopy(logger)` and `reinstall()` work, for tests reset the logger between cases with them."""

    def test_deepcopy(self, logger: Logger) -> None:
        """A copy made before a case is not touched by what the case does, and the other way round."""
        got: list[str] = []
        logger.add(got.append, format="{level} {extra} {message}")
        logger.level("FRESH", no=33)
        copied = copy.deepcopy(logger)
        copied.remove()
        copied.configure(extra={"a": 1})
        copied.level("ONLY", no=34)
        mine: list[str] = []
        copied.add(mine.append, format="{level} {extra} {message}")
        for _ in range(3):
            logger.log("FRESH", "original")
            copied.log("ONLY", "copy")
        assert got == ["FRESH {} original\n"] * 3
        assert mine == ["ONLY {'a': 1} copy\n"] * 3
        with pytest.raises(ValueError, match="does not exist"):
            logger.log("ONLY", "x")
        copied.remove()

    def test_reinstall(self, program: Program) -> None:
        """A fixture that gives each case a fresh copy, and the old core back afterwards."""
        ended = program.run(
            """
            import copy
            from mplog import logger

            def case(name):
                got = []
                before, fresh = copy.deepcopy(logger), copy.deepcopy(logger)
                fresh.reinstall()
                logger.remove()
                number = logger.add(got.append, format="{extra} {message}")
                logger.configure(extra={"case": name})
                for _ in range(3):
                    logger.info("in {}", name)
                logger.remove(number)
                before.reinstall()
                return got, number

            logger.remove()
            outside = []
            logger.add(lambda message: print(message, end=""), format="{extra} {message}")
            logger.info("first")
            for name in "ab":
                got, number = case(name)
                assert got == [f"{{'case': '{name}'}} in {name}\\n"] * 3, got
                assert number == 2, number
                logger.info("after {}", name)
            """
        )
        assert ended.output.splitlines() == ["{} first", "{} after a", "{} after b"]


class TestNewMethods:
    """`type(logger)` accepts new methods."""

    @pytest.fixture
    def kind(self, logger: Logger) -> Iterator[Any]:
        """The class, which is as before afterwards."""
        before = set(vars(type(logger)))
        yield type(logger)
        for name in set(vars(type(logger))) - before:
            delattr(type(logger), name)

    def test_partialmethod(self, logger: Logger, kind: Any) -> None:
        """The recipe for a method of a custom level: the caller is who calls it, again and again, also of views."""
        got: list[str] = []
        logger.level("FOOBAR", no=33, icon="!")
        kind.foobar = functools.partialmethod(kind.log, "FOOBAR")
        logger.add(got.append, format="{level} {level.no} {name} {function} {line} {extra} {message}")
        found: Any = logger
        line = sys._getframe().f_lineno + 2
        for number in range(3):
            found.foobar("call {}", number)
        found.bind(a=1).foobar("bound")
        found.opt(depth=0).patch(lambda record: record["extra"].update(b=2)).foobar("patched")
        here = f"FOOBAR 33 {__name__} test_partialmethod"
        assert got == [
            *(f"{here} {line} {{}} call {number}\n" for number in range(3)),
            f"{here} {line + 1} {{'a': 1}} bound\n",
            f"{here} {line + 2} {{'b': 2}} patched\n",
        ]

    def test_functions(self, logger: Logger, kind: Any) -> None:
        """A function that wraps a call gives the depth itself; `setattr` on the class works like an assignment."""
        got: list[str] = []
        logger.add(got.append, format="{level} {function} {message}")

        def shout(self: Logger, message: str) -> None:
            self.opt(depth=1).warning(message.upper())

        setattr(kind, "shout", shout)  # noqa: B010 - the way is what is tested
        found: Any = logger
        for _ in range(3):
            found.shout("hey")
        assert got == ["WARNING test_functions HEY\n"] * 3


class Double:
    """A stream that says that it is standard output's descriptor, and a terminal."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.asked: list[str] = []

    def write(self, text: str) -> None:
        self.texts.append(text)

    def fileno(self) -> int:
        return 1

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        raise AttributeError(name)


class TestStreams:
    """They are written through `write()` only."""

    @pytest.mark.parametrize("enqueue", [False, True])
    def test_descriptor_of_a_double(self, logger: Logger, capfd: Any, enqueue: bool) -> None:
        """Nothing reaches the descriptor that `fileno()` names, and each message is one text."""
        double = Double()
        logger.add(double, format="{message}", enqueue=enqueue)
        for number in range(4):
            logger.info("number {}", number)
        logger.complete()
        logger.remove()
        assert double.texts == [f"number {number}\n" for number in range(4)]
        assert set(double.asked) <= {"flush", "stop", "complete", "isatty", "encoding", "closed", "name"}
        assert capfd.readouterr() == ("", "")

    def test_records_of_workers(self, program: Program) -> None:
        """The same holds for what comes from other processes."""
        ended = program.run(
            """
            import multiprocessing
            from mplog import logger

            class Double:
                texts = []

                def write(self, text):
                    self.texts.append(text)

                def fileno(self):
                    return 1

            def work():
                logger.info("from a worker")

            if __name__ == "__main__":
                logger.remove()
                logger.add(Double(), format="{message}")
                for method in ("fork", "spawn"):
                    process = multiprocessing.get_context(method).Process(target=work)
                    process.start()
                    process.join()
                logger.complete()
                logger.remove()
                assert Double.texts == ["from a worker\\n"] * 2, Double.texts
            """
        )
        assert ended.output == ""


class Noted(logging.Handler):
    """A standard handler that keeps what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.got.append(record.getMessage())


class TestAtOnce:
    """In-process sinks see a message before the call that logs it returns, without `enqueue`."""

    @pytest.mark.parametrize("buffering", [1, -1, 4096])
    def test_all_kinds(self, logger: Logger, tmp_path: Path, buffering: int) -> None:
        """Function, stream, text stream, standard handler and file, read after each of many calls at one site."""
        got: list[str] = []
        double, handler, path = Double(), Noted(), tmp_path / "app.log"
        text = io.TextIOWrapper(io.BytesIO(), "utf8")
        logger.add(got.append, format="{message}")
        logger.add(double, format="{message}")
        logger.add(handler, format="{message}")
        logger.add(text, format="{message}")
        logger.add(path, format="{message}", buffering=buffering)
        for number in range(1, 6):
            logger.info("message {}", number)
            expected = [f"message {n}\n" for n in range(1, number + 1)]
            assert got == double.texts == expected
            assert handler.got == [line.rstrip("\n") for line in expected]
            assert text.buffer.getvalue().decode() == "".join(expected)
            assert path.read_text() == "".join(expected)

    def test_the_program_s_own_standard_error(self, capsys: pytest.CaptureFixture[str], logger: Logger) -> None:
        """What `capsys` puts there has the line at once."""
        logger.add(sys.stderr, format="{message}")
        for number in range(3):
            logger.info("{}", number)
            assert re.fullmatch(rf"{number}\n", capsys.readouterr().err)
