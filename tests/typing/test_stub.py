"""The stub and the logger agree: logger-api.md, section 35, and beyond.md, row 20.

What the stub names and the logger does not have yet is what docs/reference/logger.md lists as missing, no more.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import typing
from inspect import Parameter
from pathlib import Path
from typing import Any

import pytest

import mplog
import mplog.typing
from mplog import QueueOptions
from mplog._logger.health import Health, Problem
from mplog._logger.logger import Logger
from mplog._logger.options import FILE_KEYWORDS
from mplog._logger.statistics import ProcessStatistics, Statistics

TYPES = Path(mplog.typing.__file__)
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
    passed_on = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    found = {*classes(), *aliases, *filter(None, passed_on)} - set(mplog.__all__)
    return {name for name in found if not name.startswith("_")}


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
        if not name.startswith("_") and hasattr(Logger, name):  # Else it is there to say that it is not.
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

    def test_types_have_a_module_of_their_own(self) -> None:
        """They cannot be imported from the package at run time, but from there; a checker sees the same ones."""
        assert set(mplog.typing.__all__) == public_types()
        for name in public_types():
            with pytest.raises(ImportError):
                exec(f"from mplog import {name}")
            exec(f"from mplog.typing import {name}")

    def test_types_are_what_there_is(self, logger: Logger) -> None:
        """The classes are those of the objects; for a checker, those that the stub has."""
        types: Any = mplog.typing  # For a checker its names are those of the stub, and `logger` here is the code's.
        assert type(logger) is types.Logger
        assert type(logger.level("INFO")) is types.Level
        assert type(logger.catch()) is types.Catcher
        assert type(logger.contextualize()) is types.Contextualizer
        assert type(logger.complete()) is types.AwaitableCompleter is types.Completion
        assert type(logger.statistics()) is types.Statistics
        assert type(logger.health()) is types.Health
        both = next(node for node in ast.parse(TYPES.read_text()).body if isinstance(node, ast.If))
        theirs, real = ({*imported(each)} for each in (both.body, both.orelse))
        assert theirs == {*real, "AwaitableCompleter"} == public_types() & {*classes()}

    def test_types_can_be_looked_at(self) -> None:
        """Annotations that a program evaluates name what is there."""
        for name in mplog.typing.__all__:
            found = getattr(mplog.typing, name)
            if typing.is_typeddict(found):
                assert typing.get_type_hints(found)
        assert typing.get_type_hints(mplog.typing.Record)["level"] is mplog.typing.RecordLevel

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


def imported(body: list[ast.stmt]) -> list[str]:
    """The names that these statements import."""
    return [alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names]


def parameters_with_types() -> list[tuple[str, str, str, str | None]]:
    """Method, parameter, annotation and default (None: there is none) of all overloads in the stub."""
    found = []
    for node in classes()["Logger"].body:
        if isinstance(node, ast.FunctionDef):
            given = node.args
            positional = [*given.posonlyargs, *given.args]
            defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
            for one, default in [
                *zip(positional, defaults, strict=True),
                *zip(given.kwonlyargs, given.kw_defaults, strict=True),
            ]:
                if one.annotation is not None:
                    shown = None if default is None else ast.unparse(default)
                    found.append((node.name, one.arg, ast.unparse(one.annotation), shown))
    return found


def takes(annotation: str, value: object) -> bool:
    """Whether a value of a simple type is one of those of *annotation*."""
    names = {part.strip() for part in annotation.split(" | ")}
    wanted = {type(None): {"None"}, bool: {"bool", "Any"}, int: {"int", "float"}, str: {"str", "_Text", "Any"}}
    return bool(names & (wanted.get(type(value), {type(value).__name__}) | {"Any"})) or "_Rotation" in annotation


def documented_defaults() -> dict[str, object]:
    """The defaults of `add()` as the pages have them."""
    (line,) = (text for text in PAGE.read_text().splitlines() if text.startswith("`add(sink"))
    call = ast.parse(line.split(" -> ")[0].strip("`").replace("*, ", "").replace(", **options", "")).body[0]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    found = {str(each.arg): ast.literal_eval(each.value) for each in call.value.keywords}
    table = PAGE.with_name("files.md").read_text().split("## rotation")[0]
    for name, default in re.findall(r"^\| `(\w+)` \| `(.*?)` \|", table, re.MULTILINE):
        found[name] = ast.literal_eval(default)
    del found["format"]
    return found


class TestDefaults:
    def test_the_stub_has_those_of_the_code(self) -> None:
        """Where it shows one, it is that of the method."""
        shown = 0
        for method, name, _, default in parameters_with_types():
            real = inspect.signature(getattr(Logger, method)).parameters.get(name)
            if default in (None, "...") or real is None:
                continue
            assert default == getattr(real.default, "__name__", repr(real.default)), (method, name)
            shown += 1
        assert shown > 40

    def test_the_stub_has_those_of_the_pages(self) -> None:
        """Of `add()`, with the options of files."""
        documented = documented_defaults()
        assert len(documented) > 20
        for method, name, _, default in parameters_with_types():
            if method == "add" and name in documented and default != "...":
                assert default == repr(documented[name]), name

    def test_every_default_has_its_parameter_s_type(self) -> None:
        """Those of the code and of the pages can be given."""
        documented, checked = documented_defaults(), 0
        for method, name, annotation, _ in parameters_with_types():
            real = inspect.signature(getattr(Logger, method)).parameters.get(name)
            values = [] if real is None or real.default is inspect.Parameter.empty else [real.default]
            if method == "add" and name in documented:
                values.append(documented[name])
            for value in values:
                if isinstance(value, (str, int, bool, type(None))) and (method, name) != ("level", "no"):
                    assert takes(annotation, value), f"{method}({name}={value!r}) is no {annotation}"
                    checked += 1
        assert checked > 60

    def test_a_wrong_one_is_seen(self) -> None:
        """The comparison notices what it is there for."""
        assert not takes("bool", None)
        assert not takes("str | None", 5)
        assert takes("bool | None", None)


class TestDocstrings:
    def test_every_method_has_that_of_the_code(self) -> None:
        """Where editors look for it: in the stub, at the first overload."""
        seen = set()
        for node in classes()["Logger"].body:
            if isinstance(node, ast.FunctionDef) and node.name not in seen:
                seen.add(node.name)
                assert ast.get_docstring(node) == inspect.getdoc(getattr(Logger, node.name)), node.name
        assert seen == set(real_methods())

    @pytest.mark.parametrize("name", ["attach", "QueueOptions", "Logger", "Completion", "Statistics", "Health"])
    def test_so_has_everything_else(self, name: str) -> None:
        """Functions and classes."""
        node = next(each for each in tree.body if getattr(each, "name", None) == name)
        assert isinstance(node, (ast.ClassDef, ast.FunctionDef))
        real = getattr(mplog, name, None) or getattr(mplog.typing, name)
        assert ast.get_docstring(node) == inspect.getdoc(real)


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
        assert list(mplog.typing.Record.__annotations__) == list(record)
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
