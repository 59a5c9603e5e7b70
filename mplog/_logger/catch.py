"""`catch()`: errors are logged, and swallowed unless they are wanted."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from mplog._capture.record import RecordException
from mplog._logger import call

if TYPE_CHECKING:
    from mplog._logger.logger import Logger

MESSAGE = (
    "An error has been caught in function '{record[function]}', process '{record[process].name}' "
    "({record[process].id}), thread '{record[thread].name}' ({record[thread].id}):"
)


class Rule(NamedTuple):
    """What a `catch()` was told."""

    exception: Any = Exception
    level: str | int = "ERROR"
    reraise: bool = False
    onerror: Callable[[BaseException], object] | None = None
    exclude: Any = None
    default: Any = None
    message: Any = MESSAGE


class Catcher:
    """A decorator, and a context manager for `with` and `async with`. May be used any number of times."""

    def __init__(self, view: Logger, rule: Rule) -> None:
        self._view = view
        self._rule = rule

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if kind is None:
            return False
        return self._swallows(kind, value, trace, call.caller(1), decorated=False)

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if kind is None:
            return False
        return self._swallows(kind, value, trace, call.caller(1), decorated=False)

    def __call__(self, function: Callable[..., Any]) -> Any:
        """Decorate a function, coroutine function, generator function or asynchronous generator function.

        Raises:
            TypeError: *function* is a class.
        """
        if isinstance(function, type):
            raise TypeError(
                f"catch() cannot decorate the class '{function.__name__}': it takes functions. Decorate its methods."
            )
        if inspect.iscoroutinefunction(function):
            made: Any = self._coroutine(function)
        elif inspect.isgeneratorfunction(function):
            made = self._generator(function)
        elif inspect.isasyncgenfunction(function):
            made = self._async_generator(function)
        else:
            made = self._function(function)
        functools.update_wrapper(made, function)
        return made

    def _function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                if self._swallows_decorated(error, call.caller(1)):
                    return self._rule.default
                raise

        return run

    def _coroutine(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except BaseException as error:
                if self._swallows_decorated(error, call.caller(1)):
                    return self._rule.default
                raise

        return run

    def _generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            try:
                return (yield from function(*args, **kwargs))
            except BaseException as error:
                if self._swallows_decorated(error, call.caller(1)):
                    return self._rule.default
                raise

        return run

    def _async_generator(self, function: Callable[..., Any]) -> Callable[..., Any]:
        async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            # As `yield from` does, which asynchronous generators do not have.
            try:
                generator = function(*args, **kwargs)
                try:
                    value = await generator.asend(None)
                    while True:
                        try:
                            sent = yield value
                        except GeneratorExit:
                            await generator.aclose()
                            raise
                        except BaseException as thrown:  # noqa: BLE001 - goes on inside
                            value = await generator.athrow(thrown)
                        else:
                            value = await generator.asend(sent)
                except StopAsyncIteration:
                    return
            except BaseException as error:
                if self._swallows_decorated(error, call.caller(1)):
                    return
                raise

        return run

    def _swallows_decorated(self, error: BaseException, frame: FrameType | None) -> bool:
        return self._swallows(type(error), error, error.__traceback__, frame, decorated=True)

    def _swallows(
        self,
        kind: type[BaseException],
        value: BaseException | None,
        trace: TracebackType | None,
        frame: FrameType | None,
        *,
        decorated: bool,
    ) -> bool:
        """Log the error if it is one to catch. Returns whether it ends here."""
        rule = self._rule
        if not issubclass(kind, rule.exception) or (rule.exclude is not None and issubclass(kind, rule.exclude)):
            return False
        guard = self._view._core.catching
        if getattr(guard, "logging", False):
            # A `__repr__` that is decorated itself, called while an error is logged: it fails as it would without.
            return False
        guard.logging = True
        try:
            call.caught(
                self._view, rule.level, rule.message, frame, RecordException(kind, value, trace), decorated=decorated
            )
        finally:
            guard.logging = False
        if rule.onerror is not None and value is not None:
            rule.onerror(value)
        return not rule.reraise
