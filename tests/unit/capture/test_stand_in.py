"""What stands for exceptions of other processes is what a record's annotations promise; logger-api.md, section 6."""

from __future__ import annotations

import builtins
import copy
import pickle
import traceback

import pytest

from mplog._capture import stand_in

BUILT_IN = [
    name for name, found in vars(builtins).items() if isinstance(found, type) and issubclass(found, BaseException)
]


@pytest.mark.parametrize("name", [*BUILT_IN, "Own", "print", "int", "", "a b", "x" * 500, "\ud800", "\0"])
def test_each_is_a_class_and_an_instance(name: str) -> None:
    """Of whatever name; it shows the text that travelled, is copied, pickled and shown like any other."""
    kind, value = stand_in.kind(name), stand_in.exception(name, "the text")
    assert issubclass(kind, BaseException)
    assert isinstance(value, kind)
    assert str(value) == "the text"
    assert "the text" in "".join(traceback.format_exception(kind, value, None))
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):
        assert (type(other), str(other)) == (kind, "the text")
    assert pickle.loads(pickle.dumps(kind)) == kind == copy.deepcopy(kind)


@pytest.mark.parametrize("name", [name for name in BUILT_IN if "Group" not in name])
def test_a_built_in_one_is_of_its_kind(name: str) -> None:
    """So that a sink which asks for it finds it, of this process or not."""
    assert issubclass(stand_in.kind(name), getattr(builtins, name))
    assert stand_in.kind(name).__name__ == name


def test_nothing_else_is_looked_up() -> None:
    """A name that is no built-in exception means nothing here."""
    for name in ("int", "print", "__import__", "os.system", "Custom"):
        assert stand_in.kind(name).__mro__[2:] == (Exception, BaseException, object)


def test_it_can_be_raised() -> None:
    """And caught as what it was."""
    with pytest.raises(ZeroDivisionError, match="by zero"):
        raise stand_in.exception("ZeroDivisionError", "division by zero")
