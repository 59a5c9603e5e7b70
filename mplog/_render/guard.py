"""Values that cannot be shown must not cost the record: the way of a line whose first attempt has failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mplog._render.escape import Escaped, escape
from mplog._ring.wire import safe_repr, unprintable


def guarded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record for `format_map`: whatever raises when it is shown is shown as a mark instead.

    What the template asks for and is not there (a key, an attribute) raises as always.
    """
    return {key: value if type(value) is str else Guarded(value) for key, value in values.items()}


class Guarded:
    """A value whose formatted forms never raise, whichever way the template reaches into it."""

    __slots__ = ("_clean", "_value")

    def __init__(self, value: Any, clean: bool = False) -> None:
        if type(value) is Escaped:
            value, clean = object.__getattribute__(value, "_value"), True
        self._value = value
        self._clean = clean

    def __format__(self, spec: str) -> str:
        return repr(self) if type(self._value) is dict and not spec else self._shown(lambda: format(self._value, spec))

    def __str__(self) -> str:
        return repr(self) if type(self._value) is dict else self._shown(lambda: str(self._value))

    def __repr__(self) -> str:
        if type(self._value) is not dict:
            return self._shown(lambda: repr(self._value))
        # One value that cannot be shown is no reason to hide the others.
        items = ", ".join(f"{safe_repr(key)}: {safe_repr(item)}" for key, item in self._value.items())
        return self._shown(lambda: f"{{{items}}}")

    def __getitem__(self, key: Any) -> Guarded:
        return Guarded(self._value[key], self._clean)

    def __getattr__(self, name: str) -> Guarded:
        return Guarded(getattr(self._value, name), self._clean)

    def _shown(self, show: Callable[[], str]) -> str:
        try:
            text = str.__str__(show())
        except Exception as error:  # noqa: BLE001 - any user code may run here; the record must arrive
            text = unprintable(self._value, error)
        return escape(text) if self._clean else text
