"""What kind of callable something is."""

from __future__ import annotations

import inspect
import sys
from typing import Any


def is_coroutine_function(function: Any) -> bool:
    """Whether calling *function* makes a coroutine, as `asyncio` sees it: also behind `functools.partial`."""
    if inspect.iscoroutinefunction(function):
        return True
    # What was marked by asyncio before Python 3.12. Nobody marks without having imported it.
    asyncio = sys.modules.get("asyncio.coroutines")
    mark = getattr(asyncio, "_is_coroutine", None)
    return mark is not None and getattr(function, "_is_coroutine", None) is mark
