"""What `add()` cannot use raises at once, says what to do, and disturbs nothing that is configured already.

Covers logger-api.md, sections 8, 20 and 34.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import Program, read_log

from mplog._logger.logger import Logger

# What is given, the error, what its text must say: the value or its kind, and something that helps.
NO_SWITCHES: list[Any] = ["yes", "no", "", 2, 1.0, [], b"1"]
OPTIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"rotatoin": "1 MB"}, TypeError, r"unexpected keyword argument 'rotatoin'.*rotation"),
    ({"rotation": "sometimes"}, ValueError, r"Cannot parse rotation from: 'sometimes'"),
    ({"rotation": "10 elephants"}, ValueError, r"Invalid unit value.*'elephants'.*Units are"),
    ({"rotation": "-5 MB"}, ValueError, r"-5"),
    ({"rotation": -1}, ValueError, r"-1"),
    ({"rotation": dt.timedelta(seconds=-1)}, ValueError, r"-1"),
    ({"rotation": dt.date(2026, 1, 1)}, TypeError, r"date"),
    ({"rotation": object()}, TypeError, r"object"),
    ({"rotation": []}, ValueError, r"Must provide at least one"),
    ({"rotation": "25:00"}, ValueError, r"25:00"),
    ({"retention": "a while"}, ValueError, r"Cannot parse retention from: 'a while'"),
    ({"retention": -2}, ValueError, r"-2"),
    ({"retention": dt.time(1)}, TypeError, r"time"),
    ({"compression": "gzip2"}, ValueError, r"Invalid compression format: 'gzip2'"),
    ({"compression": True}, TypeError, r"bool"),
    ({"compression": 5}, TypeError, r"int"),
    ({"encoding": "utf-nine"}, LookupError, r"utf-nine"),
    ({"encoding": 5}, TypeError, r"encoding"),
    ({"mode": "r"}, ValueError, r"Invalid mode 'r'.*'a' \(append\)"),
    ({"mode": "wb"}, ValueError, r"'wb'"),
    ({"mode": ""}, ValueError, r"mode"),
    ({"permissions": "rw"}, ValueError, r"0o640"),
    ({"permissions": -1}, ValueError, r"0o640"),
    ({"permissions": True}, ValueError, r"0o640"),
    *(
        ({name: value}, TypeError, rf"Invalid {name}, it should be True or False, not: {re.escape(repr(value))}")
        for name in ("delay", "watch", "closefd")
        for value in ("no", "", None, -1)
    ),
]

COMMON: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"level": "LOUD"}, ValueError, r"Level 'LOUD' does not exist.*INFO"),
    ({"level": -1}, ValueError, r"Invalid level value.*-1$"),
    ({"level": 1.5}, TypeError, r"Invalid level.*'float'$"),
    ({"level": None}, TypeError, r"Invalid level.*'NoneType'$"),
    ({"level": True}, TypeError, r"Invalid level.*'bool'$"),
    ({"format": 5}, TypeError, r"Invalid format.*'int'"),
    ({"format": None}, TypeError, r"Invalid format.*'NoneType'"),
    ({"format": "{message"}, ValueError, r"^Invalid format.*Double the braces"),
    ({"format": "}"}, ValueError, r"^Invalid format.*Double the braces"),
    ({"format": "{message:{level:{line}}}"}, ValueError, r"Max string recursion"),
    ({"format": format}, ValueError, r"most likely a mistake"),
    ({"filter": 5}, TypeError, r"Invalid filter.*'int'"),
    ({"filter": filter}, ValueError, r"most likely a mistake"),
    *(
        ({name: value}, TypeError, rf"Invalid {name}, it should be True or False.*{re.escape(repr(value))}")
        for name in ("sanitize", "colorize", "serialize", "backtrace", "diagnose", "enqueue", "catch")
        for value in NO_SWITCHES
    ),
    *(({name: None}, TypeError, rf"Invalid {name}.*None") for name in ("serialize", "backtrace", "enqueue", "catch")),
]


def shown(case: object) -> str:
    """An id for a parametrised case: the option, and its value where that is short."""
    if not isinstance(case, dict):
        return ""
    ((name, value),) = case.items()
    return f"{name}={value}" if isinstance(value, (str, int, float)) else f"{name}={type(value).__name__}"


@pytest.fixture
def configured(logger: Logger, tmp_path: Path) -> Logger:
    """A logger that works before and must work after."""
    logger.add(tmp_path / "app.log", format="{message}", rotation="1 MB")
    logger.info("before")
    return logger


def assert_undisturbed(logger: Logger, tmp_path: Path, shown_before: str) -> None:
    """Everything is as it was, and nothing new lies there."""
    logger.info("after")
    assert repr(logger) == shown_before
    assert read_log(tmp_path) == ["before", "after"]
    assert [path.name for path in tmp_path.iterdir()] == ["app.log"]


class TestOptions:
    @pytest.mark.parametrize(("options", "error", "text"), OPTIONS + COMMON, ids=shown)
    def test_of_a_file(
        self, configured: Logger, tmp_path: Path, options: dict[str, Any], error: type[Exception], text: str
    ) -> None:
        """Checked before the file is opened, so that a refused `add()` makes or empties nothing."""
        before = repr(configured)
        with pytest.raises(error, match=text) as raised:
            configured.add(tmp_path / "other.log", **options)
        assert len(str(raised.value)) > 20, "a text that helps"
        assert_undisturbed(configured, tmp_path, before)

    @pytest.mark.parametrize(("options", "error", "text"), OPTIONS + COMMON, ids=shown)
    def test_of_the_file_that_is_in_use(
        self, configured: Logger, tmp_path: Path, options: dict[str, Any], error: type[Exception], text: str
    ) -> None:
        """The file of another handler is not touched either."""
        before = repr(configured)
        with pytest.raises(error, match=text):
            configured.add(tmp_path / "app.log", **{"mode": "w", **options})
        assert_undisturbed(configured, tmp_path, before)

    @pytest.mark.parametrize(("options", "error", "text"), COMMON, ids=shown)
    def test_of_a_function(
        self, configured: Logger, tmp_path: Path, options: dict[str, Any], error: type[Exception], text: str
    ) -> None:
        """The same checks for every kind of sink."""
        before = repr(configured)
        with pytest.raises(error, match=text):
            configured.add(print, **options)
        assert_undisturbed(configured, tmp_path, before)

    @pytest.mark.parametrize("option", ["rotation", "retention", "compression", "mode", "delay", "what"])
    def test_file_options_without_a_file(self, configured: Logger, option: str) -> None:
        """A stream has nothing to rotate."""
        options: dict[str, Any] = {option: None}
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'.*[Oo]nly file sinks"):
            configured.add(sys.stdout, **options)


class TestSinks:
    @pytest.mark.parametrize("sink", [5, None, object(), sys, [], b"bytes.log"], ids=lambda sink: type(sink).__name__)
    def test_what_is_no_sink(self, configured: Logger, tmp_path: Path, sink: Any) -> None:
        """The text says what is one."""
        before = repr(configured)
        with pytest.raises(TypeError, match=f"'{type(sink).__name__}'.*(path|stream|function)"):
            configured.add(sink)
        assert_undisturbed(configured, tmp_path, before)

    def test_a_path_with_another_field_than_time(self, configured: Logger, tmp_path: Path) -> None:
        """Braces that are meant literally must be doubled."""
        before = repr(configured)
        with pytest.raises(KeyError, match="user"):
            configured.add(tmp_path / "{user}.log")
        assert_undisturbed(configured, tmp_path, before)


class TestPlaces:
    def test_below_a_regular_file(self, configured: Logger, tmp_path: Path) -> None:
        """A path that no directory can be made for."""
        before = repr(configured)
        with pytest.raises(OSError, match=r"app\.log"):
            configured.add(tmp_path / "app.log" / "below.log")
        assert_undisturbed(configured, tmp_path, before)

    def test_a_directory(self, configured: Logger, tmp_path: Path) -> None:
        """A directory is no file."""
        before = repr(configured)
        with pytest.raises(OSError, match=re.escape(str(tmp_path))):
            configured.add(tmp_path)
        assert_undisturbed(configured, tmp_path, before)

    def test_a_file_system_that_takes_no_files(self, configured: Logger, tmp_path: Path) -> None:
        """Not even from the superuser."""
        before = repr(configured)
        with pytest.raises(OSError, match="/proc/"):
            configured.add("/proc/self/app.log")
        assert_undisturbed(configured, tmp_path, before)

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere; the tests around do it then")
    def test_a_directory_without_permission(self, configured: Logger, tmp_path: Path) -> None:
        """Raised by `add()`, not found out at the first record."""
        before = repr(configured)
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(PermissionError, match=r"other\.log"):
                configured.add(tmp_path / "other.log")
        finally:
            tmp_path.chmod(0o700)
        assert_undisturbed(configured, tmp_path, before)

    def test_exclusive_creation_of_what_is_there(self, configured: Logger, tmp_path: Path) -> None:
        """`mode="x"` insists."""
        before = repr(configured)
        with pytest.raises(FileExistsError):
            configured.add(tmp_path / "app.log", mode="x")
        assert_undisturbed(configured, tmp_path, before)


class TestSwitches:
    """What is on or off; a text such as "no" would count as on."""

    @pytest.mark.parametrize("value", [0, 1], ids=str)
    def test_numbers_that_cannot_be_mistaken(self, logger: Logger, tmp_path: Path, value: int) -> None:
        """0 and 1 are False and True everywhere."""
        given: dict[str, Any] = dict.fromkeys(
            ("sanitize", "colorize", "serialize", "backtrace", "diagnose", "enqueue", "catch", "delay", "watch"), value
        )
        logger.add(tmp_path / "app.log", **given)
        look = logger._core.handlers()[0].spec.look
        assert [look.sanitize, look.colorize, look.serialize, look.backtrace, look.diagnose] == [bool(value)] * 5
        assert type(look.colorize) is bool
        options: dict[str, Any] = dict.fromkeys(("record", "lazy", "colors", "raw", "capture"), value)
        assert logger.opt(**options)._options == (None, 0, *([bool(value)] * 5))

    def test_none_leaves_it_to_mplog(self, logger: Logger, tmp_path: Path) -> None:
        """Where the documentation says so."""
        logger.add(tmp_path / "app.log", colorize=None, diagnose=None, sanitize=None)
        look = logger._core.handlers()[0].spec.look
        assert (look.colorize, look.diagnose, look.sanitize) == (False, False, True)

    @pytest.mark.parametrize("name", ["record", "lazy", "colors", "raw", "capture", "ansi"])
    def test_of_opt(self, configured: Logger, name: str) -> None:
        """And its deprecated one."""
        for value in ("no", None, 2):
            options: dict[str, Any] = {name: value}
            with pytest.raises(TypeError, match=f"Invalid {name}, it should be True or False, not: {value!r}"):
                configured.opt(**options)

    def test_of_catch_and_configure(self, configured: Logger) -> None:
        """The others that there are."""
        no: Any = "no"
        with pytest.raises(TypeError, match=r"Invalid reraise.*convert it first"):
            configured.catch(reraise=no)
        with pytest.raises(TypeError, match=r"Invalid strict.*convert it first"):
            configured.configure(strict=no)
        with pytest.raises(TypeError, match=r"Invalid activation.*convert it first"):
            configured.configure(activation=[("x", no)])


class TestOtherMethods:
    @pytest.mark.parametrize(
        ("given", "error", "text"),
        [(7, ValueError, r"There is no existing handler with id 7.*\[0\]"), ("0", TypeError, "Invalid handler id")],
    )
    def test_remove(self, configured: Logger, tmp_path: Path, given: Any, error: type, text: str) -> None:
        """An id that nobody has, and what is no id."""
        before = repr(configured)
        with pytest.raises(error, match=text):
            configured.remove(given)
        assert_undisturbed(configured, tmp_path, before)

    @pytest.mark.parametrize(
        ("arguments", "error", "text"),
        [
            (("NEW",), ValueError, r"^Level 'NEW' does not exist.*no="),
            (("INFO", 21), ValueError, r"^Level 'INFO' already exists.*20.*cannot be changed"),
            (("NEW", "5"), TypeError, r"Invalid level no.*'str'"),
            (("NEW", -1), ValueError, r"Invalid level no.*-1$"),
            ((5,), TypeError, r"Invalid level name.*'int'"),
        ],
    )
    def test_level(
        self, configured: Logger, tmp_path: Path, arguments: tuple[Any, ...], error: type, text: str
    ) -> None:
        """Levels that cannot be had, made or changed."""
        before = repr(configured)
        with pytest.raises(error, match=text):
            configured.level(*arguments)
        assert_undisturbed(configured, tmp_path, before)

    @pytest.mark.parametrize(
        ("level", "error", "text"),
        [
            ("NEW", ValueError, r"^Level 'NEW' does not exist"),
            (-1, ValueError, r"^Invalid level value.*-1$"),
            (1.5, TypeError, r"^Invalid level.*'float'$"),
            (None, TypeError, r"^Invalid level.*'NoneType'$"),
        ],
    )
    def test_log(self, configured: Logger, tmp_path: Path, level: Any, error: type, text: str) -> None:
        """Wrong levels raise in a log call too, for they are the program's mistake and not its data."""
        before = repr(configured)
        with pytest.raises(error, match=text):
            configured.log(level, "never")
        assert_undisturbed(configured, tmp_path, before)

    @pytest.mark.parametrize(
        ("timeout", "error", "text"),
        [("5", TypeError, "'str'"), (True, TypeError, "'bool'"), (float("nan"), ValueError, "nan")],
    )
    @pytest.mark.parametrize("enqueue", [True, False])
    def test_complete(
        self, configured: Logger, tmp_path: Path, timeout: Any, error: type, text: str, enqueue: bool
    ) -> None:
        """A wrong time-out raises, whether there is something to wait for or not."""
        configured.add(lambda _: None, enqueue=enqueue)
        before = repr(configured)
        with pytest.raises(error, match=f"^Invalid timeout.*number of seconds.*{text}"):
            configured.complete(timeout)
        assert_undisturbed(configured, tmp_path, before)


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "value", "text"),
        [
            ("MPLOG_AUTOINIT", "maybe", "expected a boolean"),
            ("MPLOG_CATCH", "", "expected a boolean"),
            ("MPLOG_GUARD", "maybe", "expected a boolean"),
            ("MPLOG_INFO_NO", "high", "expected an integer"),
            ("MPLOG_INFO_NO", "-3", "expected an integer that is not negative"),
            ("MPLOG_LEVEL", "LOUD", "Level 'LOUD' does not exist"),
            ("MPLOG_FORMAT", "<red>{message}", "Invalid format"),
            ("MPLOG_CONTEXT", "thread", "cannot find context"),
        ],
    )
    def test_a_bad_variable_fails_the_import(self, program: Program, variable: str, value: str, text: str) -> None:
        """With the name of the variable and the value in it."""
        ended = program.run("import mplog", status=1, silent=False, environment={variable: value})
        assert text in ended.said
        assert variable in ended.said
        assert f"'{value}'" in ended.said
