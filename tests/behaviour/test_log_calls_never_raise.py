"""A log call neither raises nor loses its record because of what it is given.

Covers logger-api.md, sections 3, 20 and 34.
"""

from __future__ import annotations

import operator
import sys
from pathlib import Path
from typing import Any

import pytest
from programs import Program, read_log

from mplog._logger.logger import Logger
from mplog._sinks import report


class Hostile:
    """Everything that a log call may ask of a value raises."""

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __format__(self, spec: str) -> str:
        raise RuntimeError("no format")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]  # as Python has it


class Lying:
    """Its `str` is no string."""

    def __str__(self) -> str:
        return 5  # type: ignore[return-value]  # which is the point


class SubclassedString(str):
    """A string with methods of its own."""

    def __str__(self) -> str:
        raise RuntimeError("no str")

    def format(self, *args: object, **kwargs: object) -> str:
        raise RuntimeError("no format")


def endless() -> list[Any]:
    """A list that contains itself."""
    found: list[Any] = []
    found.append(found)
    return found


def deep() -> list[Any]:
    """Nested too deeply for any recursive code."""
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


MESSAGES: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "field without argument": ("{} and {}", (1,), {}),
    "unknown name": ("{name}", (1,), {}),
    "unbalanced brace": ("{", (1,), {}),
    "bad specification": ("{:d}", ("text",), {}),
    "unknown attribute": ("{0.missing}", (1,), {}),
    "mixed numbering": ("{} {0}", (1,), {}),
    "hostile argument": ("{}", (Hostile(),), {}),
    "hostile argument by repr": ("{!r}", (Hostile(),), {}),
    "hostile keyword": ("{a}", (), {"a": Hostile()}),
    "hostile message": (Hostile(), (), {}),
    "hostile message with arguments": (Hostile(), (1,), {}),
    "message whose str is no string": (Lying(), (), {}),
    "message of a subclass": (SubclassedString("text {}"), (1,), {}),
    "message of a subclass alone": (SubclassedString("text"), (), {}),
    "nothing": (None, (), {}),
    "bytes": (b"\xff", (), {}),
    "bytes with arguments": (b"{}", (1,), {}),
    "recursion": ("{}", (endless(),), {}),
    "deep nesting": ("{}", (deep(),), {}),
    "huge integer": ("{}", (10**5000,), {}),
    "not a number": ("{} {:.3f}", (float("nan"), float("inf")), {}),
    "lone surrogate": ("\ud800 {}", ("\udfff",), {}),
    "null character": ("\0 {}", ("\0",), {}),
    "keyword named as a parameter": ("{message} {self} {level}", (), {"message": 1, "self": 2, "level": 3}),
    "endless width": ("{:>99999999999999999999}", (1,), {}),
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is told again what was said once."""
    monkeypatch.setattr(report, "_said", {})


@pytest.mark.parametrize("name", MESSAGES)
class TestMessages:
    def test_the_record_arrives(
        self, logger: Logger, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Twice from one call site, before and after it is remembered, in a file, a function and a format."""
        message, args, kwargs = MESSAGES[name]
        got: list[Any] = []
        logger.add(tmp_path / "app.log", format="{level} {message}")
        logger.add(got.append, format="{message}")
        for _ in range(2):
            logger.info(message, *args, **kwargs)
            logger.log("INFO", message, *args, **kwargs)
        assert len(got) == 4
        assert [text.split()[0] for text in read_log(tmp_path)] == ["INFO"] * 4
        assert all(isinstance(text.record["message"], str) for text in got)
        assert ": handler " not in capsys.readouterr().err

    def test_the_next_call_is_not_affected(self, logger: Logger, tmp_path: Path, name: str) -> None:
        """Whatever was given, an ordinary record after it is ordinary."""
        message, args, kwargs = MESSAGES[name]
        logger.add(tmp_path / "app.log", format="{message}")
        logger.info(message, *args, **kwargs)
        logger.info("ordinary {}", 1)
        assert read_log(tmp_path)[-1] == "ordinary 1"


class TestMark:
    def test_an_unformatted_message_is_marked_and_reported_once(
        self, logger: Logger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The text as given, a mark, the error in `extra`, and one line on standard error for each call site."""
        got: list[Any] = []
        logger.add(got.append, format="{message}")
        for _ in range(5):
            logger.info("{} and {}", "one")
        assert [str(text) for text in got] == ["{} and {} <not formatted>\n"] * 5
        assert "IndexError" in got[0].record["extra"]["mplog_error"]
        said = capsys.readouterr().err.splitlines()
        assert len(said) == 1
        assert f"{__file__}:" in said[0]
        assert "double the braces" in said[0]

    def test_unused_arguments_are_ignored(self, logger: Logger) -> None:
        """As in the compatibility reference."""
        got: list[str] = []
        logger.add(got.append, format="{message}")
        logger.info("one {}", 1, 2, three=3)
        logger.info("literal {}")
        logger.info({"a": "{}"})
        assert got == ["one 1\n", "literal {}\n", "{'a': '{}'}\n"]


class TestStrict:
    @pytest.mark.parametrize(
        ("message", "args", "error"),
        [
            ("{} {}", (1,), ValueError),
            ("{", (1,), ValueError),
            ("{}", (Hostile(),), RuntimeError),
            (5, (1,), ValueError),
        ],
    )
    def test_errors_are_raised_to_the_caller(
        self, logger: Logger, monkeypatch: pytest.MonkeyPatch, message: Any, args: tuple[Any, ...], error: type
    ) -> None:
        """With `MPLOG_STRICT=1`, as the compatibility reference does."""
        monkeypatch.setenv("MPLOG_STRICT", "1")
        logger.add(lambda _: None)
        with pytest.raises(error):
            logger.info(message, *args)

    def test_the_text_says_what_to_do(self, logger: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """The message, the arguments, the cause."""
        monkeypatch.setenv("MPLOG_STRICT", "1")
        logger.add(lambda _: None)
        with pytest.raises(
            ValueError, match=r"^The logging message could not be formatted: .*double the braces"
        ) as got:
            logger.info("{a}", b=1)
        assert isinstance(got.value.__cause__, KeyError)
        assert "'{a}'" in str(got.value)
        assert "['b']" in str(got.value)


def vandalize(record: dict[str, Any]) -> None:
    record.clear()
    raise KeyError("vandal")


class TestPatchers:
    """What a patcher does to a record costs neither the record nor the caller; beyond.md, rows 10 and 21."""

    @pytest.mark.parametrize(
        ("patcher", "lost"),
        [
            (lambda record: record.pop("level"), "a level"),
            (lambda record: record.update(level="WARN"), "a level"),
            (lambda record: setattr(record["level"], "no", "30"), "a level"),
            (lambda record: delattr(record["level"], "no"), "a level"),
            (lambda record: record.pop("time"), "a datetime"),
            (lambda record: record.update(time="today"), "a datetime"),
            (lambda record: record.pop("message"), "a message"),
            (lambda record: record.clear(), "a level with a number and a datetime as time and a message"),
            (vandalize, "KeyError"),
        ],
    )
    def test_a_record_that_no_handler_can_take(
        self, logger: Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str], patcher: Any, lost: str
    ) -> None:
        """What every handler needs is put back, and the patcher is reported once."""
        got: list[Any] = []
        logger.add(tmp_path / "app.log", format="{message}")
        logger.add(got.append, format="{level} {level.no} {time:YYYY} {message}")
        for _ in range(2):
            logger.patch(patcher).info("one")
        assert read_log(tmp_path) == ["one <not patched>"] * 2
        assert [text.split(" ", 2)[:2] for text in got] == [["INFO", "20"]] * 2
        said = capsys.readouterr().err
        assert said.count("The record is logged as far as it was patched") == 1
        assert lost in said
        assert ": handler " not in said

    def test_other_fields_may_go(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """A handler whose format does not name them is content, as in the compatibility reference."""
        got: list[Any] = []
        logger.add(got.append, format="{message}")
        for name in ("elapsed", "exception", "extra", "file", "function", "line", "module", "name", "process"):
            logger.patch(operator.methodcaller("pop", name)).info("one")
        assert got == ["one\n"] * 9
        assert not capsys.readouterr().err

    def test_in_strict_mode_it_raises(self, logger: Logger) -> None:
        """To the caller, with what is missing."""
        logger.add(lambda _: None)
        logger.configure(strict=True)
        with pytest.raises(TypeError, match="without a level with a number, which every handler needs"):
            logger.patch(lambda record: record.pop("level")).info("one")


class TestExceptions:
    def test_hostile_exceptions_are_logged(self, logger: Logger, tmp_path: Path) -> None:
        """An exception that cannot be shown costs its text at most."""

        class Nasty(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no str")

            __repr__ = __str__

        logger.add(tmp_path / "app.log", format="{message}")
        try:
            raise Nasty
        except Nasty:
            logger.exception("it failed")
        lines = read_log(tmp_path)
        assert lines[0] == "it failed"
        assert any("Nasty" in line for line in lines[1:])

    def test_without_an_exception(self, logger: Logger, tmp_path: Path) -> None:
        """`exception()` outside an `except` block says so."""
        logger.add(tmp_path / "app.log", format="{message}")
        logger.exception("nothing failed")
        assert read_log(tmp_path) == ["nothing failed", "NoneType: None"]

    def test_deep_recursion(self, logger: Logger, tmp_path: Path) -> None:
        """Where the interpreter's stack is used up, the caller's own RecursionError is the only one."""
        logger.add(tmp_path / "app.log", format="{message}")

        def dive() -> None:
            dive()

        with pytest.raises(RecursionError):
            dive()
        try:
            dive()
        except RecursionError:
            logger.exception("too deep")
        assert read_log(tmp_path)[0] == "too deep"


class TestSinksThatFail:
    def test_a_sink_that_raises_is_reported_and_the_others_get_the_record(
        self, logger: Logger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With `catch=True`, which is the default."""
        got: list[str] = []

        def broken(message: str) -> None:
            raise OSError("disk on fire")

        logger.add(broken)
        logger.add(got.append, format="{message}")
        logger.info("one")
        logger.info("two")
        assert got == ["one\n", "two\n"]
        said = capsys.readouterr().err
        assert said.count(": handler 0 (broken) failed with OSError('disk on fire')") == 1
        assert said.count("OSError: disk on fire") == 1

    def test_without_catch_the_caller_gets_the_error(self, logger: Logger) -> None:
        """And handlers after it do not get the record."""
        got: list[str] = []

        def broken(message: str) -> None:
            raise OSError("disk on fire")

        logger.add(broken, catch=False)
        logger.add(got.append)
        for _ in range(3):
            with pytest.raises(OSError, match="disk on fire"):
                logger.info("one")
        assert got == []

    def test_standard_error_that_is_closed_or_missing(self, logger: Logger, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nowhere to report to is no reason to raise."""

        def broken(message: str) -> None:
            raise OSError("disk on fire")

        logger.add(broken)
        monkeypatch.setattr(sys, "stderr", None)
        logger.info("{}")
        closed = open("/dev/null", "w")  # noqa: SIM115 - closed at once on purpose
        closed.close()
        monkeypatch.setattr(sys, "stderr", closed)
        logger.info("{} {}", 1)

    def test_a_format_that_asks_a_value_for_what_it_lacks(
        self, logger: Logger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The report shows that error, once."""
        logger.add(lambda _: None, format="{message.user}")
        logger.info("one")
        assert capsys.readouterr().err.count("AttributeError: 'str' object has no attribute 'user'") == 1

    def test_a_format_that_names_what_a_record_lacks(self, logger: Logger, capsys: pytest.CaptureFixture[str]) -> None:
        """The report names the key and what to do, and the record is there with a mark."""
        got: list[str] = []
        logger.add(got.append, format="{extra[user]} {message}")
        logger.info("one")
        logger.bind(user="me").info("two")
        assert " - one <not formatted: KeyError('user')>\n" in got[0]
        assert got[1:] == ["me two\n"]
        said = capsys.readouterr().err
        assert "Failed to format log record" in said
        assert "'user'" in said
        assert "logger.bind" in said


IN_A_WORKER = """
    import multiprocessing, sys
    from mplog import logger

    class Hostile:
        def __str__(self):
            raise RuntimeError("no str")

        __repr__ = __str__

        def __reduce__(self):
            raise RuntimeError("no pickle")

    def deep():
        found = []
        for _ in range(100_000):
            found = [found]
        return found

    def work():
        for value in (Hostile(), deep(), "\\ud800", 10**5000, float("nan"), lambda: None, b"\\xff", {1: {2}}):
            logger.bind(value=value).info("value")
            logger.info("value {}", value)
            logger.info("value", value=value)
            logger.info("value {value}", value=value)

    if __name__ == "__main__":
        logger.remove()
        got = []
        logger.add("app.log", format="{message}")
        logger.add(got.append, format="{message} {extra}")
        process = multiprocessing.get_context(sys.argv[1]).Process(target=work)
        process.start()
        process.join()
        assert process.exitcode == 0
        logger.remove()
        assert len(got) == 32
        assert all(message.startswith("value") for message in got), got
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
class TestWorker:
    def test_the_record_arrives_at_its_owner(self, program: Program, method: str) -> None:
        """Values that cannot be shown, pickled or sent cost neither the record nor the worker."""
        ended = program.run(IN_A_WORKER, method, silent=False)
        assert len([line for line in ended.log() if line.startswith("value")]) == 32
        assert ": handler " not in ended.said
