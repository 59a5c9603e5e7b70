"""`catch()` on everything that can be decorated, beside the compatibility reference.

logger-api.md, section 23

`async with`, and asynchronous generator functions, are newer than the release that is compared with: they are in
tests/unit/logger/test_catch.py.
"""

# What is tested is the behaviour of calls, wrong ones and odd ones included; tests/typing is about types.
# mypy: disable-error-code="untyped-decorator,func-returns-value,index,misc,return-value"

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from beside import pair
from hypothesis import given, settings
from hypothesis import strategies as st
from twins import FIELDS, assert_same, error_of, outcome, twins


class Own(Exception):
    """An error of the tests."""


def fail(kind: type[BaseException] = Own) -> None:
    raise kind("bad")


def attempt(call: Callable[[], Any]) -> Any:
    """What *call* returns, or the type that it raises."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - which, is what is compared
        return error_of(error)
    except BaseException as error:  # noqa: BLE001 - which, is what is compared
        return type(error).__name__


def with_block(logger: Any, kind: type[BaseException] = Own, **options: Any) -> Any:
    with logger.catch(**options) as nothing:
        assert nothing is None
        fail(kind)
    return "swallowed"


def function(logger: Any, kind: type[BaseException] = Own, **options: Any) -> Any:
    @logger.catch(**options)
    def decorated(x: int, *, y: int) -> int:
        """Its text."""
        if y:
            fail(kind)
        return x

    assert (decorated.__name__, decorated.__doc__) == ("decorated", "Its text.")
    return decorated(1, y=0), decorated(1, y=1)


def coroutine(logger: Any, kind: type[BaseException] = Own, **options: Any) -> Any:
    @logger.catch(**options)
    async def decorated(x: int, *, y: int) -> int:
        """Its text."""
        await asyncio.sleep(0)
        if y:
            fail(kind)
        return x

    assert (decorated.__name__, decorated.__doc__) == ("decorated", "Its text.")
    assert inspect.iscoroutinefunction(decorated)

    async def main() -> tuple[Any, Any]:
        return await decorated(1, y=0), await decorated(1, y=1)

    return asyncio.run(main())


def generator(logger: Any, kind: type[BaseException] = Own, **options: Any) -> Any:
    @logger.catch(**options)
    def decorated(x: int) -> Iterator[int]:
        """Its text."""
        got = yield x
        try:
            got = yield got
        except KeyError:
            got = yield "thrown"
        fail(kind)

    assert (decorated.__name__, decorated.__doc__) == ("decorated", "Its text.")
    assert inspect.isgeneratorfunction(decorated)
    made = decorated(1)
    got = [next(made), made.send(2), made.throw(KeyError("x"))]
    try:
        made.send(3)
    except StopIteration as stop:
        return got, stop.value
    return got


KINDS = {
    "with": with_block,
    "function": function,
    "coroutine function": coroutine,
    "generator function": generator,
}

OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "the class": {"exception": Own},
    "a base class": {"exception": BaseException},
    "another class": {"exception": KeyError},
    "classes": {"exception": (KeyError, Own)},
    "no classes": {"exception": ()},
    "excluded": {"exclude": Own},
    "excluded classes": {"exclude": (KeyError, Own)},
    "excluded base class": {"exclude": Exception},
    "not excluded": {"exclude": KeyError},
    "level by name": {"level": "WARNING"},
    "level by number": {"level": 33},
    "unknown level": {"level": "NONE"},
    "level of a wrong type": {"level": 3.5},
    "raised again": {"reraise": True},
    "default": {"default": 5},
    "default and raised again": {"default": 5, "reraise": True},
    "message": {"message": "Oh: {record[level].name} {record[function]}"},
    "message without fields": {"message": "oh"},
    "message that cannot be formatted": {"message": "{nothing}"},
    "message that is no text": {"message": 5},
    "wrong exception": {"exception": 5},
    "wrong exclusion": {"exclude": 5},
}


class TestEveryKind:
    @pytest.mark.parametrize("options", OPTIONS)
    @pytest.mark.parametrize("kind", KINDS)
    def test_with_every_option(self, kind: str, options: str) -> None:
        """What comes back, what is raised, and the record."""
        assert_same(lambda log: attempt(lambda: KINDS[kind](log, **OPTIONS[options])))

    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, StopIteration, KeyError])
    @pytest.mark.parametrize("kind", KINDS)
    def test_with_other_errors(self, kind: str, error: type[BaseException]) -> None:
        """Only exceptions are caught unless more is asked for."""
        assert_same(lambda log: attempt(lambda: KINDS[kind](log, error)))
        assert_same(lambda log: attempt(lambda: KINDS[kind](log, error, exception=BaseException, default=1)))

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_options_of_the_view_count(self, kind: str) -> None:
        """Bound extra, patchers, depth."""
        call = KINDS[kind]
        assert_same(lambda log: call(log.bind(a=1)))
        assert_same(lambda log: call(log.patch(lambda record: record["extra"].update(a=1))))
        assert_same(lambda log: call(log.opt(exception=False, record=False, capture=False)))
        if kind in ("with", "function"):
            assert_same(lambda log: call(log.opt(depth=1)))

    @pytest.mark.parametrize("kind", KINDS)
    def test_onerror(self, kind: str) -> None:
        """It gets the exception, after logging; what it raises passes."""
        got: list[Any] = []
        call = KINDS[kind]
        assert_same(lambda log: call(log, onerror=lambda error: (got.append(repr(error)), log.info("in onerror"))))
        assert set(got) == {"Own('bad')"}
        assert_same(lambda log: attempt(lambda: call(log, onerror=lambda error: {}["x"])))

    @pytest.mark.parametrize("kind", KINDS)
    def test_swallowed_where_nothing_is_logged(self, kind: str) -> None:
        """Level too low, module disabled, no handler: the error is swallowed all the same."""
        call = KINDS[kind]
        assert_same(lambda log: call(log, level=3), level=50)
        assert_same(lambda log: (log.disable(""), call(log))[1])
        with twins() as both:
            first, second = [attempt(lambda each=each: call(each, level="NONE")) for each in both]
        assert first == second


def plain_decorator(logger: Any) -> Any:
    @logger.catch
    def decorated() -> None:
        fail()

    @logger.catch
    async def also() -> None:
        fail()

    return decorated(), asyncio.run(also())


def used_again(logger: Any) -> Any:
    catcher = logger.catch(default=7)
    results = []
    for _ in range(3):
        with catcher:
            fail()
        results.append(catcher(fail)())
    with catcher:
        results.append("fine")
    return results


def nested(logger: Any) -> Any:
    @logger.catch(default="outer")
    def outer() -> Any:
        @logger.catch(reraise=True)
        def inner() -> None:
            fail()

        return inner()

    return outer()


def representation_that_fails(logger: Any) -> Any:
    class Odd:
        @logger.catch(reraise=True)
        def __str__(self) -> str:
            raise Own("no text")

        def __repr__(self) -> str:
            return "Odd()"

    with logger.catch(message="text"):
        raise ValueError(Odd())
    return "swallowed"


def inside_logging(logger: Any) -> Any:
    """A patcher whose own error is caught by another `catch()`: it passes while an error is being logged."""

    def patch(record: dict[str, Any]) -> None:
        with logger.catch():
            fail(KeyError)

    with logger.patch(patch).catch():
        fail()
    return "swallowed"


def after_a_failed_log(logger: Any) -> Any:
    results = [attempt(lambda: with_block(logger, level="NONE"))]
    return [*results, with_block(logger)]


def methods(logger: Any) -> Any:
    class Thing:
        @logger.catch(default=1)
        def method(self) -> Any:
            return fail()

        @classmethod
        @logger.catch(default=2)
        def of_class(cls) -> Any:
            return fail()

        @staticmethod
        @logger.catch(default=3)
        def static() -> Any:
            return fail()

        @property
        @logger.catch(default=4)
        def value(self) -> Any:
            return fail()

    thing = Thing()
    return thing.method(), thing.of_class(), thing.static(), thing.value


def from_several_places(logger: Any) -> Any:
    decorated = logger.catch(fail)
    return decorated(), [decorated() for _ in range(2)], (lambda: decorated())()


def returned_values(logger: Any) -> Any:
    @logger.catch
    def ends() -> Iterator[int]:
        yield 1
        return 2

    @logger.catch
    def delegates() -> Iterator[int]:
        value = yield from ends()
        yield value

    return list(delegates())


def closed_generator(logger: Any) -> Any:
    got = []

    @logger.catch
    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            got.append("closed")

    made = endless()
    next(made)
    made.close()
    return got, attempt(lambda: next(made))


def thrown_into(logger: Any) -> Any:
    @logger.catch(default=3)
    def simple() -> Iterator[int]:
        yield 1

    made = simple()
    next(made)
    try:
        made.throw(Own("from outside"))
    except StopIteration as stop:
        return stop.value
    return None


CASES: dict[str, Callable[[Any], Any]] = {
    "without parentheses": plain_decorator,
    "a class": lambda log: log.catch()(type("C", (), {})),
    "a class without parentheses": lambda log: log.catch(type("C", (), {})),
    "a partial": lambda log: log.catch(functools.partial(max, 1, 2))(),
    "a lambda": lambda log: log.catch(lambda: fail())(),
    "a builtin": lambda log: log.catch(int)("x") if False else log.catch(len)([1]),
    "an object that can be called": lambda log: log.catch(functools.partial(fail))(),
    "used again": used_again,
    "nested": nested,
    "representation that fails": representation_that_fails,
    "caught while logging": inside_logging,
    "after a failed log": after_a_failed_log,
    "methods": methods,
    "from several places": from_several_places,
    "returned values": returned_values,
    "closed generator": closed_generator,
    "thrown into": thrown_into,
    "no error": lambda log: log.catch(lambda: 5)(),
}


class TestCases:
    @pytest.mark.parametrize("name", CASES)
    def test_same_outcome(self, name: str) -> None:
        """Result, error and records."""
        assert_same(lambda log: attempt(lambda: CASES[name](log)))

    def test_origin_is_the_block_or_the_caller(self) -> None:
        """The function with the `with`, and the caller of the decorated function."""
        assert assert_same(with_block).records[0]["function"] == "with_block"
        assert assert_same(function).records[0]["function"] == "function"


errors = st.sampled_from([Own, KeyError, ValueError, KeyboardInterrupt, StopAsyncIteration])
classes = st.sampled_from([Exception, Own, BaseException, (Own, KeyError), LookupError])
layers = st.lists(
    st.fixed_dictionaries(
        {"exception": classes},
        optional={
            "exclude": st.sampled_from([None, KeyError, (Own, ValueError)]),
            "reraise": st.booleans(),
            "default": st.integers(0, 3),
            "level": st.sampled_from(["ERROR", "DEBUG", 7]),
        },
    ),
    min_size=1,
    max_size=4,
)


def without_place(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what says where it comes from."""
    return {key: value for key, value in record.items() if key not in (*FIELDS, "file")}


class TestGenerated:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(errors, layers, st.booleans())
    def test_any_layers_of_catching(self, error: type[BaseException], given: list[dict[str, Any]], block: bool) -> None:
        """Decorators around decorators and blocks: each catches, excludes, raises again as the reference does."""

        def calls(log: Any) -> Any:
            current: Callable[[], Any] = lambda: fail(error)  # noqa: E731 - one of many
            for number, options in zip(itertools.count(), given):
                if block and number % 2:

                    def inside(before: Any = current, options: Any = options) -> Any:
                        with log.catch(**options):
                            return before()

                    current = inside
                else:
                    current = log.catch(**options)(current)
            return attempt(current)

        expected, found = [outcome(each, calls) for each in pair(strict=True)]
        assert found[:2] == expected[:2]
        # The caller of a decorated function may be the wrapper of another: each library's own.
        assert [without_place(record) for record in found.records] == [without_place(r) for r in expected.records]
