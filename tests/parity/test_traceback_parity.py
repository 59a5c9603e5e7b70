"""Tracebacks beside the compatibility reference: logger-api.md, section 24.

Each program of `tracebacks.py` is compiled once and run for both, so that every frame is the same; what is compared is
the whole text, with and without `backtrace`, `diagnose` and colours. Deliberate differences have tests of their own,
with their rows of beyond.md.
"""

from __future__ import annotations

import _thread
import functools
import itertools
import linecache
import os
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from beside import reference
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tracebacks import PROGRAMS, SINCE_3_11

import mplog
from mplog._capture.exception import capture, describe
from mplog._render.look import Look
from mplog._render.traceback import traceback_text

CONFIGURATIONS = [
    pytest.param(
        {"backtrace": backtrace, "diagnose": diagnose, "colorize": colorize},
        id="-".join(
            name
            for name, on in (("backtrace", backtrace), ("diagnose", diagnose), ("colour", colorize), ("plain", True))
            if on
        ),
    )
    for backtrace, diagnose, colorize in itertools.product((False, True), repeat=3)
]

CASES = {**PROGRAMS, **(SINCE_3_11 if sys.version_info >= (3, 11) else {})}

ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


class Sink:
    """A stream that says which encoding it has."""

    def __init__(self, encoding: str | None) -> None:
        self.texts: list[str] = []
        if encoding is not None:
            self.encoding = encoding

    def write(self, message: str) -> None:
        """Keep the text."""
        self.texts.append(str(message))


class Theirs:
    """The reference's logger, as programs use it here."""

    def __init__(self, options: dict[str, Any], encoding: str | None) -> None:
        self._logger = reference()
        sink = Sink(encoding)
        self.texts = sink.texts
        self._logger.add(sink, format=lambda _: "{exception}", catch=False, **options)

    def __repr__(self) -> str:
        return "<logger>"

    def exception(self, _message: str, exception: Any = True) -> None:
        """Log an exception."""
        self._logger.opt(exception=exception).error("")

    def catch(self, function: Any) -> Any:
        """Log what *function* raises."""
        return self._logger.catch(function)


GUARD = """
def guard(function, log):
    @functools.wraps(function)
    def catching(*args):
        try:
            return function(*args)
        except Exception:
            log("", True, True)
    return catching
"""


def _guard() -> Callable[[Any, Any], Any]:
    """A decorator whose frames are those of mplog, as far as their file says."""
    names: dict[str, Any] = {"functools": functools}
    path = os.path.join(os.path.dirname(mplog.__file__), "_logger", "imitated.py")
    exec(compile(GUARD, path, "exec"), names)
    guard: Callable[[Any, Any], Any] = names["guard"]
    return guard


class Ours:
    """mplog's way from an exception to its text."""

    def __init__(self, options: dict[str, Any], encoding: str | None) -> None:
        # What the sink shows is compared as it is; rows 12 and 13 of beyond.md have tests of their own below.
        self._look = Look(sanitize=False, encoding=encoding or "ascii", **options)
        self.texts: list[str] = []

    def __repr__(self) -> str:
        return "<logger>"

    def exception(self, _message: str, exception: Any = True, decorated: bool = False) -> None:
        """Log an exception."""
        trace = describe(capture(exception), values=self._look.diagnose, decorated=decorated)
        assert trace is not None
        data = type(trace).from_data(trace.to_data())
        assert data == trace
        self.texts.append(traceback_text(data, self._look))

    def catch(self, function: Any) -> Any:
        """Log what *function* raises."""
        return _guard()(function, self.exception)


def compiled(source: str, path: Path) -> CodeType:
    """The program, with its source where tracebacks look for it."""
    path.write_text(source, encoding="utf8")
    linecache.clearcache()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, str(path), "exec")


def in_a_thread(code: CodeType, globals_: dict[str, Any]) -> None:
    """Run *code* where few frames are above it, for with those of the tests each text would be a book."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            exec(code, globals_)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)
        finally:
            if hasattr(sys, "tracebacklimit"):
                del sys.tracebacklimit
            done.release()

    done = _thread.allocate_lock()
    done.acquire()
    _thread.start_new_thread(run, ())
    done.acquire()
    if failed:
        raise failed[0]


def texts_of(code: CodeType, options: dict[str, Any], encoding: str | None = "utf8") -> tuple[list[str], list[str]]:
    """What both make of the program *code*."""
    found = []
    for logger in (Theirs(options, encoding), Ours(options, encoding)):
        in_a_thread(code, {"__name__": "program", "__file__": code.co_filename, "logger": logger})
        # A text without newline at its end (odd notes) gets one from mplog.
        found.append([_neutral(text) for text in logger.texts])
    return found[0], found[1]


def _neutral(text: str) -> str:
    """*text* without what differs on purpose of the test: addresses, the names of the loggers' own classes."""
    text = ADDRESS.sub("0x", text).replace("Theirs", "Logger").replace("Ours", "Logger")
    return text if text.endswith("\n") else f"{text}\n"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CodeType]:
    """Compiles each program once, by its name."""
    here, number = tmp_path_factory.mktemp("programs"), itertools.count()
    return functools.cache(lambda name: compiled(CASES[name], here / f"program{next(number)}.py"))


@pytest.mark.parametrize("options", CONFIGURATIONS)
@pytest.mark.parametrize("name", CASES)
def test_every_program_in_every_way(name: str, options: dict[str, Any], programs: Callable[[str], CodeType]) -> None:
    """The same text."""
    theirs, ours = texts_of(programs(name), options)
    assert theirs
    assert ours == theirs


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-16", "nonsense", None])
@pytest.mark.parametrize("name", ["a = lines; (a + wide) / (wide - ends)", "a, b = 1, 0; assert a == b"])
def test_encodings(name: str, encoding: str | None, programs: Callable[[str], CodeType]) -> None:
    """The lines of `diagnose` as the sink can show them (24.9)."""
    code = programs(name)
    theirs, ours = texts_of(code, {"backtrace": True, "diagnose": True, "colorize": False}, encoding)
    assert ours == theirs
    assert theirs


@pytest.mark.parametrize("options", CONFIGURATIONS)
@pytest.mark.parametrize("where", ["library", "text", "relative"])
def test_files_of_others(where: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory of libraries, without the ending of Python's, by a relative path (24.4)."""
    library = tmp_path / "Lib"
    library.mkdir()
    monkeypatch.syspath_prepend(str(library))
    monkeypatch.setattr("sysconfig.get_path", lambda kind, scheme=None: str(library) if kind == "purelib" else None)
    monkeypatch.chdir(tmp_path)
    path = {"library": library / "foreign.py", "text": tmp_path / "foreign.txt", "relative": Path("foreign.py")}[where]
    foreign = compiled("def call(function):\n    a = 1\n    return function(a)\n", path)
    own = compiled(
        "def f(x):\n    return x / 0\ntry:\n    call(lambda x: call(f))\nexcept Exception:\n    logger.exception('')\n",
        tmp_path / "own.py",
    )
    found = []
    for logger in (Theirs(options, "utf8"), Ours(options, "utf8")):
        globals_: dict[str, Any] = {"__name__": "program", "logger": logger}
        exec(foreign, globals_)
        in_a_thread(own, globals_)
        found.append([_neutral(text) for text in logger.texts])
    assert found[0] == found[1]
    assert "foreign" in found[0][0]


NAMES = ("a", "b", "c", "one", "zero", "text", "items", "thing", "table")
SETTING = """
class Thing:
    kind = "kind"
    def __init__(self, value): self.value = value
    @property
    def lazy(self): return 1 / 0
    def call(self, *args, **kw): return args[0] / len(args) if args else self
    def __getitem__(self, key):
        if key == 9: raise IndexError(key)  # who iterates comes to an end
        return self
    def __repr__(self): return f"<Thing\\n  of {self.value!r}>"
def give(x=0, *args, **kw): return x
def fail(*args, **kw): raise ValueError(args)
def through(x=0, *args, **kw):
    y = x; return fail(y)
"""
SETTING_OF_WORK = (
    "a, b, c, one, zero, text, items = 1, 2.5, None, 1, 0, 'tüxt', [1, 'x', None]; thing = Thing(Thing(1)); "
    "table = {'k': 1}"
)

_atoms = st.sampled_from(
    [
        *NAMES,
        *NAMES,
        "1",
        "0",
        "2.5",
        "'s'",
        "b'y'",
        "f'{a}'",
        "f'{thing!r:>{one}}'",
        "None",
        "True",
        "undefined",
        "...",
    ]
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "-", " * ", "/", "//", " and ", " or ", "==", " is ", " in ", "<<"]), inner
        ).map(lambda part: f"{part[0]}{part[1]}{part[2]}"),
        st.tuples(inner, st.sampled_from(["value", "lazy", "kind", "real", "call", "nope"])).map(
            lambda part: f"({part[0]}).{part[1]}"
        ),
        st.tuples(
            st.sampled_from(NAMES), st.sampled_from(["value", "value.value", "lazy.x", "call(a)", " . kind"])
        ).map(".".join),
        st.tuples(
            st.sampled_from(["give", "fail", "through", "thing.call", "str", "len"]), st.lists(inner, max_size=3)
        ).map(lambda part: f"{part[0]}({', '.join(part[1])})"),
        st.tuples(st.sampled_from(["give", "through"]), st.sampled_from(NAMES), inner).map(
            lambda part: f"{part[0]}({part[2]}, {part[1]}={part[1]})"
        ),
        st.tuples(inner, inner).map(lambda part: f"{part[0]}[{part[1]}]"),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        inner.map(lambda part: f"({part})"),
        inner.map(lambda part: f"(w := {part})"),
        inner.map(lambda part: f"(lambda x={part}: x / zero)()"),
        inner.map(lambda part: f"[x / zero for x in [{part}]]"),
        inner.map(lambda part: f"not {part}"),
        st.tuples(inner, inner, inner).map(lambda part: f"({part[0]} if {part[1]} else {part[2]})"),
        inner.map(lambda part: "f'{" + part + "}'" if "'" not in part else part),
    )


_expressions = st.recursive(_atoms, _grown, max_leaves=8)
_statements = st.one_of(
    _expressions,
    st.tuples(st.sampled_from(["a", "b", "thing.value", "items[0]", "a, b", "a = b"]), _expressions).map(" = ".join),
    st.tuples(st.sampled_from(["a", "text"]), _expressions).map(" += ".join),
    _expressions.map(lambda part: f"assert not {part}"),
    _expressions.map(lambda part: f"assert {part}, {part}"),
    _expressions.map(lambda part: f"raise ValueError({part})"),
    st.just("del zero"),
    _expressions.map(lambda part: f"x: int = {part}"),
)
_lines = st.tuples(
    st.lists(_statements, min_size=1, max_size=3).map("; ".join), st.sampled_from(["", "  # a, b.c"])
).map("".join)

GENERATED = int(os.environ.get("MPLOG_TEST_GENERATED", "8"))
"""Batches per configuration; each is many programs, for the pages of source are what takes time."""
IN_A_BATCH = 40


def _readable(line: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(f"def work():\n    {SETTING_OF_WORK}\n    {line}\n", "<line>", "exec")
        except (SyntaxError, ValueError, RecursionError):
            return False
    return True


class TestGenerated:
    """Random statements, all in one file; each is run for both loggers, and ends in an error that is logged."""

    @pytest.mark.parametrize("options", CONFIGURATIONS)
    @settings(
        max_examples=GENERATED,
        deadline=None,
        derandomize=True,
        # A failure says which statement it is about; making the batch smaller would take minutes.
        phases=(Phase.explicit, Phase.generate),
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(lines=st.lists(_lines, min_size=IN_A_BATCH, max_size=IN_A_BATCH))
    def test_statements(self, options: dict[str, Any], tmp_path: Path, lines: list[str]) -> None:
        """The same text for each of them."""
        parts = [SETTING]
        for number, line in enumerate(filter(_readable, lines)):
            end = "; 1 / 0" if "#" not in line else "\n        1 / zero"
            body = f"    {SETTING_OF_WORK}\n    try:\n        {line}{end}\n"
            caught = "    except Exception:\n        logger.exception('')\n"
            parts.append(f"def work{number}():\n{body}{caught}work{number}()\n")
        theirs, ours = texts_of(compiled("".join(parts), tmp_path / "program.py"), options)
        assert len(theirs) == len(parts) - 1
        for left, right in zip(theirs, ours, strict=True):
            assert right == left


class TestDifferences:
    def test_masked_values(self, tmp_path: Path) -> None:
        """beyond.md, row 12: values of names that look secret are not shown."""
        source = "password = 'hunter' + '2'\ntry:\n    password / 1\nexcept Exception:\n    logger.exception('')\n"
        code = compiled(source, tmp_path / "program.py")
        (theirs,), (ours,) = texts_of(code, {"backtrace": False, "diagnose": True, "colorize": False})
        assert "hunter2" in theirs
        assert ours == theirs.replace("'hunter2'", "'********'")

    def test_control_characters(self) -> None:
        """beyond.md, row 13: what came with the exception is escaped, the colours are not."""
        trace = describe((ValueError, ValueError("a\x1b[31mb\n\tc"), None))
        text = traceback_text(trace, Look(colorize=True))
        assert text == "\x1b[31m\x1b[1mValueError\x1b[0m:\x1b[1m a\\x1b[31mb\n\tc\x1b[0m\n"
