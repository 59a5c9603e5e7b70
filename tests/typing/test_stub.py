"""The stub and the logger agree: logger-api.md, section 35, and beyond.md, row 20.

What the stub names and the logger does not have yet is what docs/reference/logger.md lists as missing, no more.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from inspect import Parameter
from pathlib import Path
from typing import Any

import pytest

import mplog
from mplog import QueueOptions
from mplog._logger.health import Health, Problem
from mplog._logger.logger import Logger
from mplog._logger.options import FILE_KEYWORDS
from mplog._logger.statistics import ProcessStatistics, Statistics

STUB = Path(mplog.__file__).with_suffix(".pyi")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "logger.md"

OTHER_NAMES = {
    ("catch", "function"): "what `@logger.catch` without parentheses decorates arrives as the first argument",
}
"""(method, parameter) that only the stub names, and why."""

tree = ast.parse(STUB.read_text())


def classes() -> dict[str, ast.ClassDef]:
    """The classes of the stub."""
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def public_types() -> set[str]:
    """The names that the stub has for users, beside the logger."""
    aliases = {ast.unparse(node.target) for node in tree.body if isinstance(node, ast.AnnAssign)}
    return {name for name in {*classes(), *aliases} - set(mplog.__all__) if not name.startswith("_")}


def overloads() -> dict[str, list[inspect.Signature]]:
    """The signatures that the stub gives to each method of the logger."""
    found: dict[str, list[inspect.Signature]] = {}
    for node in classes()["Logger"].body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(signature_of(node))
    return found


def signature_of(node: ast.FunctionDef) -> inspect.Signature:
    """The signature of a function in the stub, without `self`; a default is only whether there is one."""
    given, parameters = node.args, []
    positional = [*given.posonlyargs, *given.args]
    optional = [False] * (len(positional) - len(given.defaults)) + [True] * len(given.defaults)
    for argument, has_default in zip(positional, optional, strict=True):
        kind = Parameter.POSITIONAL_ONLY if argument in given.posonlyargs else Parameter.POSITIONAL_OR_KEYWORD
        parameters.append(Parameter(argument.arg, kind, default=... if has_default else Parameter.empty))
    if given.vararg:
        parameters.append(Parameter(given.vararg.arg, Parameter.VAR_POSITIONAL))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        empty = Parameter.empty if default is None else ...
        parameters.append(Parameter(argument.arg, Parameter.KEYWORD_ONLY, default=empty))
    if given.kwarg:
        parameters.append(Parameter(given.kwarg.arg, Parameter.VAR_KEYWORD))
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in node.decorator_list)
    return comparable(inspect.Signature(parameters if static else parameters[1:]))


def comparable(signature: inspect.Signature) -> inspect.Signature:
    """The same with the names that nobody can use replaced, for they may differ."""
    parameters, index = [], 0
    for parameter in signature.parameters.values():
        name = parameter.name
        if parameter.kind is Parameter.POSITIONAL_ONLY:
            name, index = f"positional_{index}", index + 1
        elif parameter.kind is Parameter.VAR_POSITIONAL:
            name = "all_positional"
        elif parameter.kind is Parameter.VAR_KEYWORD:
            name = "all_keywords"
        parameters.append(parameter.replace(name=name))
    return inspect.Signature(parameters)


def real_methods() -> dict[str, inspect.Signature]:
    """The logger's public methods as they are, without `self`."""
    found = {}
    for name, method in inspect.getmembers(Logger, inspect.isroutine):
        if not name.startswith("_"):
            parameters = list(inspect.signature(method).parameters.values())
            static = isinstance(inspect.getattr_static(Logger, name), staticmethod)
            found[name] = comparable(inspect.Signature(parameters if static else parameters[1:]))
    return found


def missing(kind: str) -> set[str]:
    """What the reference says is not there yet: "Methods", or "Options of `add()`"."""
    _, found, rest = PAGE.read_text().partition("## What is not there yet")
    if not found:
        return set()
    lines = [line for line in rest.splitlines() if line.startswith(kind)]
    return {name for line in lines for name in re.findall(r"`(\w+)`", line)}


class TestNames:
    def test_all_is_what_there_is_at_run_time(self) -> None:
        """The public names are those that the stub exports."""
        (listed,) = (
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        )
        assert listed == mplog.__all__ == ["QueueOptions", "attach", "logger"]

    def test_types_are_for_type_checkers_only(self) -> None:
        """They cannot be imported at run time; `type(logger)` is the way to the class."""
        for name in public_types():
            with pytest.raises(ImportError):
                exec(f"from mplog import {name}")
        assert isinstance(mplog.logger, Logger)

    def test_the_names_that_programs_import(self) -> None:
        """All that the compatibility reference has for type checkers."""
        assert public_types() >= {
            *("Logger", "Level", "RecordFile", "RecordLevel", "RecordThread", "RecordProcess", "RecordException"),
            *("Record", "Message", "Writable", "FilterDict", "FilterFunction", "FormatFunction", "PatcherFunction"),
            *("RotationFunction", "RetentionFunction", "CompressionFunction", "StandardOpener", "ExcInfo"),
            *("BasicHandlerConfig", "FileHandlerConfig", "AsyncHandlerConfig", "HandlerConfig", "LevelConfig"),
            *("ActivationConfig", "Catcher", "Contextualizer", "AwaitableCompleter"),
        }

    def test_each_type_is_on_its_page(self) -> None:
        """The reference names all of them, and nothing else."""
        cells = re.findall(r"^\| (`.*?) \|", PAGE.with_name("typing.md").read_text(), re.MULTILINE)
        assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == public_types()


class TestMethods:
    def test_every_method_is_in_the_stub(self) -> None:
        """What can be called can be checked."""
        assert real_methods().keys() - overloads().keys() == set()

    def test_every_method_of_the_stub_can_be_called(self) -> None:
        """But for those that the reference lists as missing."""
        deprecated = {"start", "stop"}
        absent = overloads().keys() - real_methods().keys()
        assert absent - deprecated == missing("Methods") - deprecated
        if not absent - deprecated:
            assert absent == set(), "when all else is there, the deprecated ones are, too"

    @pytest.mark.parametrize("name", sorted(overloads()))
    def test_parameters(self, name: str) -> None:
        """Names, kinds and order are the same, and what may be left out may be left out."""
        real = real_methods().get(name)
        if real is None:
            pytest.skip(f"there is no {name}() yet")
        accepted = parameters_of(name, real)
        seen: set[str] = set()
        for signature in overloads()[name]:
            stated = {one: p for one, p in signature.parameters.items() if (name, one) not in OTHER_NAMES}
            for one, parameter in stated.items():
                if name == "add" and one in missing("Options of"):
                    continue
                assert one in accepted, f"{name}() takes no {one}"
                assert accepted[one].kind == parameter.kind, one
                if parameter.default is not Parameter.empty:
                    assert accepted[one].default is not Parameter.empty, f"{one} must be given"
            in_order = [one for one in accepted if one in stated]
            positional = [one for one, p in stated.items() if p.kind is not Parameter.KEYWORD_ONLY and one in accepted]
            assert [one for one in in_order if one in positional] == positional
            seen |= stated.keys()
        assert accepted.keys() - seen == set(), f"the stub does not name all that {name}() takes"

    def test_a_difference_is_seen(self) -> None:
        """The comparison notices what it is there for."""
        made = signature_of(_function("def f(self, a, /, b=..., *c, d, e=..., **g): ..."))
        assert str(made) == "(positional_0, /, b=Ellipsis, *all_positional, d, e=Ellipsis, **all_keywords)"


def parameters_of(name: str, real: inspect.Signature) -> dict[str, Parameter]:
    """What a method takes, by name; `add` hands further keywords to the kind of sink."""
    found = dict(real.parameters)
    if name == "add" and "all_keywords" in found:
        del found["all_keywords"]
        more = {*FILE_KEYWORDS, *({"loop"} - missing("Options of"))}
        found.update({one: Parameter(one, Parameter.KEYWORD_ONLY, default=None) for one in more})
    return found


def _function(source: str) -> ast.FunctionDef:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef)
    return node


class TestData:
    def test_the_fields_of_a_record(self, logger: Logger) -> None:
        """Every key, in its order, and the attributes of its parts."""
        seen: list[Any] = []
        logger.add(seen.append)
        try:
            raise ValueError
        except ValueError:
            logger.exception("x")
        record = seen[0].record
        assert fields("Record") == list(record)
        assert fields("Message") == ["record"]
        parts = {"file": "RecordFile", "level": "RecordLevel", "thread": "RecordThread", "process": "RecordProcess"}
        for key, part in parts.items():
            shown = re.findall(r"(\w+)=", repr(record[key]))
            assert fields(part) == shown
            assert all(hasattr(record[key], name) for name in shown)
            assert type(record[key]).__name__ == part
        assert fields("RecordException") == list(record["exception"]._fields)

    @pytest.mark.parametrize("kind", [Statistics, ProcessStatistics, Health, Problem, QueueOptions])
    def test_a_snapshot(self, kind: type) -> None:
        """The fields of each, and what is computed from them."""
        computed = {name for name, value in vars(kind).items() if isinstance(value, property)}
        named = {node.name for node in classes()[kind.__name__].body if isinstance(node, ast.FunctionDef)}
        assert fields(kind.__name__) == [field.name for field in dataclasses.fields(kind)]
        assert {name for name in named if not name.startswith("_")} == computed

    def test_a_level(self, logger: Logger) -> None:
        """A named tuple of these four."""
        assert fields("Level") == list(logger.level("INFO")._fields)


def fields(name: str) -> list[str]:
    """The annotated attributes of a class of the stub."""
    return [ast.unparse(node.target) for node in classes()[name].body if isinstance(node, ast.AnnAssign)]
