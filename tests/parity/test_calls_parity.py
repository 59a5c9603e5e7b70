"""Log calls with `opt`, `bind`, `contextualize` and `patch` beside the compatibility reference.

logger-api.md, section 3
logger-api.md, section 4
logger-api.md, section 21
logger-api.md, section 22

Both raise here: ours is in strict mode (beyond.md, rows 10 and 21).
"""

# What is tested is the behaviour of calls, wrong ones and odd ones included; tests/typing is about types.
# mypy: disable-error-code="untyped-decorator,func-returns-value,index,misc,arg-type"

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from beside import pair
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import assert_same, error_of, outcome


def current(logger: Any, **options: Any) -> None:
    try:
        raise KeyError("missing")
    except KeyError:
        logger.opt(**options).info("x {}", 1)


def handled(kind: type[BaseException] = ValueError) -> BaseException:
    try:
        raise kind("bad")
    except BaseException as error:  # noqa: BLE001 - it is what is returned
        return error


def inner(logger: Any, depth: int) -> None:
    logger.opt(depth=depth).info("deep")


def middle(logger: Any, depth: int) -> None:
    inner(logger, depth)


def add(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["extra"].__setitem__(name, value)


def sequence(*names: str) -> Callable[[dict[str, Any]], None]:
    return lambda record: record["extra"].setdefault("order", []).extend(names)


def contextual(logger: Any) -> None:
    with logger.contextualize(a=1, b=1) as nothing:
        assert nothing is None
        logger.bind(b=2).info("x", c=3)
        with logger.contextualize(b=4):
            logger.info("inner")
        logger.info("outer again")
    logger.info("out")


def contextual_error(logger: Any) -> None:
    try:
        with logger.contextualize(a=1):
            raise ValueError
    except ValueError:
        logger.info("out")


def contextual_decorator(logger: Any) -> Any:
    @logger.contextualize(a=1)
    def function(x: int, *, y: int = 2) -> int:
        """Its text."""
        logger.info("in {}", x)
        return x + y

    assert (function.__name__, function.__doc__) == ("function", "Its text.")
    return function(1), function(2, y=3), logger.info("out")


def contextual_thread(logger: Any) -> None:
    with logger.contextualize(a=1):
        thread = threading.Thread(target=lambda: logger.info("elsewhere"), name="other")
        thread.start()
        thread.join()


def used_twice(logger: Any) -> None:
    manager = logger.contextualize(a=1)
    with manager:
        logger.info("x")
    try:
        with manager:
            pass
    except Exception:  # noqa: BLE001 - the reference's is an accident of `contextlib`
        logger.info("once only")


def partial_method(logger: Any) -> None:
    kind = type(logger)
    kind.foo = functools.partialmethod(kind.log, "WARNING")
    try:
        logger.foo("x {}", 1)
    finally:
        del kind.foo


def set_on_the_view(logger: Any) -> None:
    view = logger.bind()
    view.opt = functools.partial(view.opt, depth=1)
    view.opt().info("x")


def lazy_counted(logger: Any) -> list[str]:
    calls: list[str] = []
    lazy = logger.opt(lazy=True)
    lazy.info("{} {} {c}", lambda: calls.append("a"), lambda: calls.append("b"), c=lambda: calls.append("c"))
    lazy.log(0, "{}", lambda: calls.append("zero"))
    return calls


def views_are_apart(logger: Any) -> None:
    bound = logger.bind(a=1)
    other = bound.bind(a=2, b=3)
    logger.info("none")
    bound.info("one")
    other.opt(depth=0).info("two")
    other.opt(raw=True).opt().info("options are forgotten")
    other.opt(depth=1).bind(c=1).patch(add("d", 1)).info("options are kept")


def changed_by_patchers(logger: Any) -> None:
    def patch(record: dict[str, Any]) -> None:
        record["message"] = record["message"].upper()
        record["function"] = "elsewhere"
        record["line"] = 7
        record["level"].name = "OTHER"
        record["level"].no = 3
        record["file"].name = "f"
        record["more"] = 1
        record["extra"].clear()

    logger.bind(a=1).patch(patch).info("text {more}", more=2)


def raised_by_patchers(logger: Any) -> None:
    logger.patch(lambda record: record["missing"]).info("x")


def no_exception(logger: Any) -> None:
    logger.exception("x {}", 1, a=2)


def exception_forced(logger: Any) -> None:
    try:
        raise KeyError("missing")
    except KeyError:
        logger.opt(exception=False).exception("x")
        logger.opt(exception=ValueError("other")).exception("x")


LEVELS = ("trace", "debug", "info", "success", "warning", "error", "critical")


def same_line_twice(logger: Any) -> None:
    for view in (logger, logger.bind(a=1), logger.opt(record=True), logger.patch(add("p", 1)), logger):
        for _ in range(3):
            view.info("plain")


CASES: dict[str, Callable[[Any], Any]] = {
    "plain": lambda log: log.info("x"),
    "braces without arguments": lambda log: log.info("{} {0} {x"),
    "arguments": lambda log: log.info("{} {} {a} {b!r:>5}", 1, "x", a=2, b="y"),
    "surplus arguments": lambda log: log.info("{}", 1, 2, a=3),
    "object as message": lambda log: log.info({"a": "{}"}),
    "number as message": lambda log: log.info(5),
    "None as message": lambda log: log.info(None),
    "bytes as message": lambda log: log.info(b"x"),
    "object with arguments": lambda log: log.info(5, 1),
    "None with keywords": lambda log: log.info(None, a=1),
    "missing argument": lambda log: log.info("{} {}", 1),
    "missing keyword": lambda log: log.info("{a}", b=1),
    "missing attribute": lambda log: log.info("{0.a}", 1),
    "bad specification": lambda log: log.info("{:d}", "x"),
    "type error in formatting": lambda log: log.info("{:>5}", []),
    "every keyword": lambda log: log.info("{message} {self} {level}", message=1, self=2, level=3),
    "record as keyword": lambda log: log.info("{record}", record=1),
    "every level": lambda log: [getattr(log, name)(name) for name in LEVELS],
    "critical": lambda log: log.critical("x"),
    "log by name": lambda log: log.log("SUCCESS", "x {}", 1),
    "log by number": lambda log: log.log(33, "x", a=1),
    "log by zero": lambda log: log.log(0, "x"),
    "log by unknown name": lambda log: log.log("NONE", "x"),
    "log by lower-case name": lambda log: log.log("info", "x"),
    "log by negative number": lambda log: log.log(-1, "x"),
    "log by float": lambda log: log.log(3.5, "x"),
    "log by None": lambda log: log.log(None, "x"),
    "log by name of an anonymous level": lambda log: log.log("Level 33", "x"),
    "own level": lambda log: (log.level("OWN", no=21, icon="!"), log.log("OWN", "x"), log.log(21, "y")),
    "exception without one": no_exception,
    "exception forced": exception_forced,
    "opt exception true": lambda log: current(log, exception=True),
    "opt exception 1": lambda log: current(log, exception=1),
    "opt exception text": lambda log: current(log, exception="x"),
    "opt exception false": lambda log: current(log, exception=False),
    "opt exception 0": lambda log: current(log, exception=0),
    "opt exception empty text": lambda log: current(log, exception=""),
    "opt exception None": lambda log: current(log, exception=None),
    "opt exception instance": lambda log: log.opt(exception=ValueError("x")).info("y"),
    "opt exception raised instance": lambda log: log.opt(exception=handled()).info("y"),
    "opt exception base": lambda log: log.opt(exception=handled(KeyboardInterrupt)).info("y"),
    "opt exception class": lambda log: current(log, exception=ValueError),
    "opt exception nothing": lambda log: log.opt(exception=(None, None, None)).info("y"),
    "opt exception triple": lambda log: log.opt(exception=(ValueError, ValueError("x"), None)).info("y"),
    "opt exception pair": lambda log: log.opt(exception=(ValueError, ValueError("x"))).info("y"),
    "opt record": lambda log: log.opt(record=True).info("{record[level].name} {record[line]} {record[message]}"),
    "opt record with arguments": lambda log: log.bind(a=1).opt(record=True).info("{} {record[extra]}", 1, b=2),
    "opt record not captured": lambda log: log.opt(record=True).info("{record[extra]} {a}", a=1),
    "opt record keyword": lambda log: log.opt(record=True).info("x", record=1),
    "opt record forces formatting": lambda log: log.opt(record=True).info("{{}}"),
    "opt record missing": lambda log: log.opt(record=True).info("{record[nothing]}"),
    "opt record of an object": lambda log: log.opt(record=True).info(5),
    "opt lazy": lambda log: log.opt(lazy=True).info("{} {a}", lambda: 1, a=lambda: 2),
    "opt lazy counted": lazy_counted,
    "opt lazy not callable": lambda log: log.opt(lazy=True).info("{}", 1),
    "opt lazy raises": lambda log: log.opt(lazy=True).info("{}", lambda: {}["x"]),
    "opt lazy that logs": lambda log: log.opt(lazy=True).info("{}", lambda: log.info("inner")),
    "opt capture": lambda log: log.opt(capture=False).info("{a} {}", 1, a=2),
    "opt capture and bind": lambda log: log.bind(a=1).opt(capture=False).info("{a}", a=2),
    "opt capture and record": lambda log: log.opt(capture=False, record=True).info("{a} {record[extra]}", a=2),
    "opt raw": lambda log: log.opt(raw=True).patch(add("a", 1)).info("x {}", 1),
    "opt depth 0": lambda log: middle(log, 0),
    "opt depth 1": lambda log: middle(log, 1),
    "opt depth 2": lambda log: middle(log, 2),
    "opt depth 3": lambda log: middle(log, 3),
    "opt depth text": lambda log: middle(log, "1"),
    "opt depth float": lambda log: middle(log, 1.0),
    "opt depth true": lambda log: middle(log, True),
    "opt depth None": lambda log: middle(log, None),
    "opt unknown": lambda log: log.opt(unknown=1),
    "opt positional": lambda log: log.opt(True),
    "bind": lambda log: log.bind(a=1, self=2).bind(b=3).info("{a}", a=4),
    "bind positional": lambda log: log.bind(1),
    "views are apart": views_are_apart,
    "configured, context, bound, given": lambda log: (
        log.configure(extra={"a": 1, "b": 1, "c": 1, "d": 1}),
        contextual(log),
        log.info("x"),
    )[2],
    "contextualize": contextual,
    "contextualize and errors": contextual_error,
    "contextualize decorates": contextual_decorator,
    "contextualize and threads": contextual_thread,
    "contextualize positional": lambda log: log.contextualize(1),
    "contextualize self": lambda log: log.contextualize(self=1)(lambda: log.info("x"))(),
    "contextualize once": used_twice,
    "patch": lambda log: log.patch(add("a", 1)).info("x"),
    "patch order": lambda log: (
        log.configure(patcher=sequence("configured")),
        log.patch(sequence("one")).patch(sequence("two")).bind(b=1).info("x"),
    )[1],
    "patch changes everything": changed_by_patchers,
    "patch raises": raised_by_patchers,
    "patch logs": lambda log: log.patch(lambda record: log.info("inner")).info("outer"),
    "patch without argument": lambda log: log.patch(),
    "patch what cannot be called": lambda log: log.patch(5).info("x"),
    "a new method": partial_method,
    "an attribute of a view": set_on_the_view,
    "one place, many views": same_line_twice,
    "from exec": lambda log: exec("log.info('x')", {"log": log}),
    "from exec with a name": lambda log: exec("log.info('x')", {"log": log, "__name__": "some.module"}),
    "from eval in a file": lambda log: eval(compile("log.info('x')", "/a/b.c.py", "eval"), {"log": log}),
    "no warn": lambda log: log.warn("x"),
    "no fatal": lambda log: log.fatal("x"),
}


class TestCalls:
    @pytest.mark.parametrize("name", CASES)
    def test_same_record_same_text(self, name: str) -> None:
        """Every field of the record, the text, what is returned and what is raised."""
        assert_same(CASES[name])

    @pytest.mark.parametrize("name", CASES)
    def test_nothing_at_all_below_the_level(self, name: str) -> None:
        """A message that no handler wants costs the same checks."""
        if name not in {"patch what cannot be called", "opt depth text", "opt depth float", "opt depth None"}:
            assert_same(CASES[name], level=100)

    @pytest.mark.parametrize("name", CASES)
    def test_outside_strict_mode_nothing_that_was_given_raises(self, name: str) -> None:
        """beyond.md, rows 10 and 21: a record comes where the reference raises, unless a level or option is wrong."""
        expected, found = [outcome(each, CASES[name]) for each in pair()]
        wrong = name.startswith(("log by", "no ", "opt depth", "opt unknown", "opt positional"))
        if expected.error is None:
            assert found == expected
        elif wrong or name.endswith(("positional", "without argument", "cannot be called")):
            assert found.error == expected.error
        else:
            assert found.error is None
            assert len(found.records) == 1


def _deprecated(logger: Any) -> list[tuple[type[Warning], str]]:
    with pytest.warns() as caught:  # noqa: PT031 - each of them warns
        logger.opt(ansi=True).info("x")
        number = logger.start(lambda _: None)
        logger.stop(number)
    return [(one.category, one.filename) for one in caught]


class TestDeprecated:
    def test_warnings_name_the_caller(self) -> None:
        """`opt(ansi=...)`, `start()` and `stop()` still work, and warn."""
        warned = assert_same(_deprecated).result
        assert warned == [(DeprecationWarning, __file__)] * 3


class TestGate:
    def test_without_handlers_nothing_is_checked(self) -> None:
        """Not the level, not the arguments."""
        for logger in pair(strict=True):
            logger.log("NONE", "x")
            logger.log(-1, "x")
            logger.log(None, "x")
            logger.info("{} {}", 1)
            logger.opt(lazy=True).info("{}", lambda: {}["x"])

    def test_the_level_is_checked_before_it_is_compared(self) -> None:
        """A wrong level raises also where no handler would have wanted the message."""
        assert assert_same(lambda log: log.log("NONE", "x"), level=100).error == "ValueError"
        assert assert_same(lambda log: log.log(-1, "x"), level=100).error == "ValueError"
        assert assert_same(lambda log: log.log(None, "x"), level=100).error == "TypeError"


values = st.one_of(st.integers(-5, 5), st.text(max_size=4), st.none(), st.lists(st.integers(0, 3), max_size=2))
names = st.sampled_from(["a", "b", "c", "self", "message", "record", "level"])
extras = st.dictionaries(names, values, max_size=3)
pieces = st.sampled_from(
    ["{}", "{a}", "{b!r}", "{0}", "{record[level]}", "{{", "}}", "x", " ", "{", "é", "{c:>4}", "{:d}"]
)
templates = st.lists(pieces, max_size=4).map("".join)
steps = st.one_of(
    st.tuples(st.just("bind"), extras),
    st.tuples(st.just("configure"), extras),
    st.tuples(st.just("enter"), extras),
    st.tuples(st.just("leave"), st.just({})),
    st.tuples(st.just("patch"), extras),
    st.tuples(
        st.just("opt"),
        st.fixed_dictionaries(
            {},
            optional={
                "exception": st.sampled_from([None, True, False, ValueError("x")]),
                "record": st.booleans(),
                "lazy": st.booleans(),
                "raw": st.booleans(),
                "capture": st.booleans(),
                "depth": st.integers(0, 2),
            },
        ),
    ),
    st.tuples(st.just("log"), st.tuples(templates, st.lists(values, max_size=2), extras)),
)


def follow(logger: Any, plan: list[tuple[str, Any]]) -> list[str]:
    """Do what *plan* says; what is raised is noted."""
    view, lazy, contexts, notes = logger, False, [], []
    for kind, what in plan:
        if kind == "bind":
            view = view.bind(**what)
        elif kind == "configure":
            logger.configure(extra=what)
        elif kind == "enter":
            contexts.append(logger.contextualize(**what))
            contexts[-1].__enter__()
        elif kind == "leave" and contexts:
            contexts.pop().__exit__(None, None, None)
        elif kind == "patch":
            view = view.patch(lambda record, what=what: record["extra"].update(what))
        elif kind == "opt":
            view, lazy = view.opt(**what), what.get("lazy", False)
        elif kind == "log":
            template, args, kwargs = what
            if lazy:
                args = [lambda value=value: value for value in args]
                kwargs = {name: lambda value=value: value for name, value in kwargs.items()}
            try:
                view.info(template, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - which, is what is compared
                notes.append(error_of(error))
    while contexts:
        contexts.pop().__exit__(None, None, None)
    return notes


class TestGenerated:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(st.lists(steps, min_size=1, max_size=12))
    def test_any_sequence_of_views_and_calls(self, plan: list[tuple[str, Any]]) -> None:
        """Whatever is bound, configured, patched, optioned and logged, in any order: the same records."""
        assert_same(lambda log: follow(log, [*plan, ("log", ("end {}", [1], {}))]))
