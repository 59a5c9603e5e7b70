"""What was bound with `logger.contextualize()`, in threads and processes that work for whoever has bound it.

    with logger.contextualize(order=17):
        pool.map(carry(work), parts)

`carry` is all there is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from mplog import logger
from mplog._logger.context import bound

_Result = TypeVar("_Result")


class _Carried(Generic[_Result]):
    """A function with the values that it runs in. It can be pickled where both can."""

    def __init__(self, function: Callable[..., _Result], values: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._values = values

    def __call__(self, *args: Any, **kwargs: Any) -> _Result:
        with logger.contextualize(**self._values):
            return self._function(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Carried, (self._function, self._values)


def carry(function: Callable[..., _Result]) -> Callable[..., _Result]:
    """*function*, which logs with the values of `logger.contextualize()` as they are here and now, wherever it runs.

    New threads, pools of threads and processes, and whatever else runs a function elsewhere (joblib, dask, mpire, a
    task queue that pickles) start without them. To processes by spawn the values travel with the function, so they must
    be picklable, as its arguments must.
    """
    return _Carried(function, dict(bound()))
