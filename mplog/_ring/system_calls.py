"""The system's own calls for memory, which Python's `mmap` has no way to.

They come through `_ctypes`, the half of `ctypes` that is written in C: the other half takes two milliseconds to import,
in every process that logs to another one, and has nothing to do for four functions whose arguments are numbers.
"""

from __future__ import annotations

import errno
import functools
import mmap
import os
from collections.abc import Callable
from typing import Any, NamedTuple


class SystemCalls(NamedTuple):
    """What maps without Python, whose mappings keep a descriptor before 3.13, and cannot be kept from a child."""

    map: Callable[..., int | None]
    unmap: Callable[[int, int], int]
    advise: Callable[[int, int, int], int]
    memory: Callable[[int, int], Any]
    """(address, size) -> an object with that memory."""
    address: Callable[[Any], int]
    """The address of such an object."""
    error: Callable[[], int]
    failed: int
    """What `map` returns instead of an address."""


@functools.cache
def system_calls() -> SystemCalls | None:
    """The system's own calls; None where Python was built without a way to them."""
    try:
        return _load()
    except Exception:  # noqa: BLE001 - not built, another `_ctypes`, no symbols, or a hardened kernel refuses it memory
        return None


def auxiliary_value(number: int) -> int | None:
    """What the kernel has given this program under *number* when it started it; None where that cannot be asked."""
    try:
        return int(_function("getauxval", "L", "L")(number))
    except Exception:  # noqa: BLE001 - as above
        return None


@functools.cache
def _number(code: str) -> Any:
    import _ctypes  # Late, for many processes need none of this.

    return type(f"C{code}", (_ctypes._SimpleCData,), {"_type_": code})


def _function(name: str, result: str, arguments: str) -> Any:
    """The function *name* of the program itself, with the codes of what it gives and takes."""
    import _ctypes

    flags = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    kind: Any = type("Function", (_ctypes.CFuncPtr,), {"_flags_": flags, "_restype_": _number(result)})
    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # the program itself; the stub knows paths only
    found = kind(_ctypes.dlsym(library, name))
    found.argtypes = tuple(map(_number, arguments))
    return found


def _load() -> SystemCalls:
    import _ctypes

    pointer, byte = map(_number, "Pc")
    return SystemCalls(
        _function("mmap", "P", "PLiiil"),
        _function("munmap", "i", "PL"),
        _function("madvise", "i", "PLi"),
        lambda address, length: (byte * length).from_address(address),
        _ctypes.addressof,
        _ctypes.get_errno,
        (1 << 8 * _ctypes.sizeof(pointer)) - 1,
    )


def map_at(calls: SystemCalls, fd: int, size: int) -> int:
    """Map *size* bytes of *fd*; the address.

    Raises:
        OSError: there is no memory for it, or the file cannot be mapped.
    """
    address = calls.map(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0)
    if address is None or address == calls.failed:
        number = calls.error() or errno.ENOMEM
        raise OSError(number, os.strerror(number))
    return address
