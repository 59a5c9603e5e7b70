"""The values of `contextualize()`: one context variable for the process, whichever logger set it.

A task sees what its creator had, a forked child keeps what the forking thread had, a spawned one starts empty. A new
thread starts empty, too, unless Python gives it what its starter had (`sys.flags.thread_inherit_context`).
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

_values: ContextVar[dict[str, Any]] = ContextVar("mplog_context", default={})  # noqa: B039 - never changed in place

bound = _values.get
"""The values of the calling thread or task. Not to be changed."""
current: Callable[[], dict[str, Any]] = bound
"""What records get of them; with the ids that tracing.py adds, where it does."""


class Contextualizer:
    """What `contextualize()` gives: a context manager for one `with`, or a decorator for any number of calls."""

    def __init__(self, extra: dict[str, Any]) -> None:
        self._extra = extra
        self._token: Token[dict[str, Any]] | None = None
        self._used = False

    def __enter__(self) -> None:
        if self._used:
            raise RuntimeError(
                "This contextualize() has been entered before, and it is good for one 'with' only. Call "
                "logger.contextualize(...) again, or use it as a decorator."
            )
        self._used = True
        self._token = _values.set({**_values.get(), **self._extra})

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        token, self._token = self._token, None
        if token is not None:
            # A generator that is finalised elsewhere leaves a context that has nothing of ours.
            with contextlib.suppress(ValueError):
                _values.reset(token)

    def __call__(self, function: _Function) -> _Function:
        """Decorate *function*: each call of it runs inside these values, that of a coroutine function as a whole."""
        extra = self._extra
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_coroutine(*args: Any, **kwargs: Any) -> Any:
                with Contextualizer(extra):
                    return await function(*args, **kwargs)

            return run_coroutine  # type: ignore[return-value]  # same signature

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with Contextualizer(extra):
                return function(*args, **kwargs)

        return run  # type: ignore[return-value]  # same signature
