"""Template strings (PEP 750) as messages; logger-api.md, section 32.

Where the language has them, they are true ones. Elsewhere stand-ins of the same shape go the same way.
"""

from __future__ import annotations

import json
import string
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from programs import Program

from mplog._logger.logger import Logger
from mplog._sinks import report

HAS_THEM = sys.version_info >= (3, 14)

STAND_INS = '''
class Interpolation:
    """As Python 3.14 has it."""

    def __init__(self, value, expression="", conversion=None, format_spec=""):
        self.value, self.expression, self.conversion, self.format_spec = value, expression, conversion, format_spec


class Template:
    """A string between every two interpolations, at the beginning and at the end; iteration leaves out empty ones."""

    def __init__(self, *args):
        strings, interpolations = [""], []
        for part in args:
            if isinstance(part, str):
                strings[-1] += part
            else:
                interpolations.append(part)
                strings.append("")
        self.strings, self.interpolations = tuple(strings), tuple(interpolations)

    @property
    def values(self):
        return tuple(part.value for part in self.interpolations)

    def __iter__(self):
        for text, interpolation in zip(self.strings, (*self.interpolations, None)):
            if text:
                yield text
            if interpolation is not None:
                yield interpolation

    def __repr__(self):
        return "Template(...)"


def template(text, **values):
    """What t"..." would be."""
    parts = []
    for literal, expression, specification, conversion in string.Formatter().parse(text):
        parts.append(literal)
        if expression is not None:
            specification = specification.format(**values)
            parts.append(Interpolation(eval(expression, dict(values)), expression, conversion, specification))
    return Template(*parts)
'''


def a_template(text: str, **values: Any) -> Any:
    """The template string t"*text*" where the names in it have these values."""
    if HAS_THEM:
        return eval(f"t{text!r}", values)
    names: dict[str, Any] = {"string": string, "__name__": "string.templatelib"}
    exec(STAND_INS, names)
    return names["template"](text, **values)


class Counting:
    """A value that counts how often it is made text."""

    def __init__(self) -> None:
        self.times = 0

    def __format__(self, specification: str) -> str:
        self.times += 1
        return "counted"


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is told again what was said once."""
    monkeypatch.setattr(report, "_said", {})


@pytest.fixture
def got(logger: Logger) -> list[Any]:
    """The messages of one handler."""
    found: list[Any] = []
    logger.add(found.append, format=lambda _: "{message}\n", catch=False, level=0)
    return found


METHODS = ("trace", "debug", "info", "success", "warning", "error", "critical", "exception")


class TestWhere:
    @pytest.mark.parametrize("method", METHODS)
    def test_every_method(self, logger: Logger, got: list[Any], method: str) -> None:
        """Of each level, and `exception`."""
        getattr(logger, method)(a_template("a {n:>3}", n=5))
        getattr(logger, method)(a_template("a {n} {{}}", n=5), 6)
        assert [str(text) for text in got] == ["a   5\n", "a 5 6\n"]
        assert all(type(message.record["message"]) is str for message in got)

    @pytest.mark.parametrize("level", ["INFO", "OWN", 0, 33])
    def test_log(self, logger: Logger, got: list[Any], level: str | int) -> None:
        """With the name of a level, or a number."""
        logger.level("OWN", no=33)
        logger.log(level, a_template("a {n:>3}", n=5))
        logger.log(level, a_template("a {n} {{}}", n=5), 6)
        assert [str(text) for text in got] == ["a   5\n", "a 5 6\n"]

    def test_catch(self, logger: Logger, got: list[Any]) -> None:
        """As a block and as a decorator; the record can be used in it, as in any message of `catch()`."""
        message = a_template("{{record[level].name}} {n}", n=5)
        with logger.catch(message=message):
            raise ValueError

        @logger.catch(message=message, level="WARNING")
        def function() -> None:
            raise ValueError

        function()
        assert [str(text) for text in got] == ["ERROR 5\n", "WARNING 5\n"]

    def test_one_place_with_messages_of_all_kinds(self, logger: Logger) -> None:
        """What is remembered of the call is that of plain strings."""
        texts: list[str] = []
        logger.add(texts.append, format="{message}")
        for n in range(3):
            for message in ("plain", a_template("template {n}", n=n), "other {}", a_template("template {{}}")):
                logger.info(message)
        expected = [["plain", f"template {n}", "other {}", "template {}"] for n in range(3)]
        assert [text.rstrip() for text in texts] == [text for four in expected for text in four]

    def test_json(self, logger: Logger) -> None:
        """The message is its text there, too."""
        texts: list[str] = []
        logger.add(texts.append, serialize=True, format="{message}")
        logger.info(a_template("a {n}", n=5))
        assert json.loads(texts[0])["record"]["message"] == "a 5"


class TestWhen:
    def test_only_when_it_passes_level_and_activation(self, logger: Logger) -> None:
        """It is not touched before."""
        value = Counting()
        message = a_template("{value}", value=value)
        logger.info(message)
        logger.add(lambda _: None, level="ERROR")
        logger.info(message)
        logger.log(39, message)
        logger.disable(__name__)
        logger.error(message)
        logger.log(50, message)
        with logger.catch(message=message):
            raise ValueError
        assert value.times == 0
        logger.enable(__name__)
        logger.error(message)
        assert value.times == 1

    def test_once_for_all_handlers(self, logger: Logger, got: list[Any]) -> None:
        """Each gets the same text, as patchers do."""
        value = Counting()
        texts: list[str] = []
        logger.add(texts.append, format="{message} {extra[seen]}")
        logger.patch(lambda record: record["extra"].update(seen=record["message"])).info(
            a_template("{value}", value=value)
        )
        assert (texts, [str(text) for text in got]) == (["counted counted\n"], ["counted\n"])
        assert value.times == 1


class TestText:
    @pytest.mark.parametrize(
        ("source", "text"),
        [
            ("plain", "plain"),
            ("", ""),
            ("{n}", "5"),
            ("{n}{n}", "55"),
            ("{n} and {n:>3} and {s!r} and {s!r:>5} and {s!s:<3}|", "5 and   5 and 'x' and   'x' and x  |"),
            ("{u!a} {u}", r"'\xe9' é"),
            ("{{{s}}} {n:{n}}", "{x}     5"),
            ("{{}} {{s}}", "{} {s}"),
            ("a {inner}!", "a <5 'x'>!"),
            ("a {outer}!", "a [<5 'x'>]!"),
            ("a {inner:>9}!", "a   <5 'x'>!"),
            ("a {inner!r}!", "a \"<5 'x'>\"!"),
        ],
    )
    def test_parts_are_joined(self, logger: Logger, got: list[Any], source: str, text: str) -> None:
        """Values after their conversion, with their specification; templates inside of templates likewise."""
        inner = a_template("<{n} {s!r}>", n=5, s="x")
        values = {"n": 5, "s": "x", "u": "é", "inner": inner, "outer": a_template("[{inner}]", inner=inner)}
        logger.info(a_template(source, **values))
        assert [str(shown) for shown in got] == [f"{text}\n"]

    def test_with_arguments_it_is_formatted_again(self, logger: Logger, got: list[Any]) -> None:
        """Fields in its text count, those that came with values as well; without arguments none does."""
        logger.info(a_template("{{calc}} {b}", b="{b}"), calc=1, b=2)
        logger.info(a_template("{{}} {b}", b="{}"), 1, 2)
        logger.info(a_template("{{calc}} {b}", b="{b}"))
        assert [str(text) for text in got] == ["1 2\n", "1 2\n", "{calc} {b}\n"]
        assert got[0].record["extra"] == {"calc": 1, "b": 2}

    def test_with_the_record(self, logger: Logger, got: list[Any]) -> None:
        """As in any message with `opt(record=True)`."""
        logger.opt(record=True).info(a_template("{{record[level].name}} {n}", n=5))
        assert str(got[0]) == "INFO 5\n"

    def test_with_colors_tags_count(self, logger: Logger) -> None:
        """Also those that came with values; without the option none does."""
        texts: list[str] = []
        logger.add(texts.append, format="{message}", colorize=True)
        message = a_template("<red>{value}</red>", value="<b>x</b>")
        logger.opt(colors=True).info(message)
        logger.info(message)
        assert texts == ["\x1b[31m\x1b[1mx\x1b[0m\x1b[31m\x1b[0m\n", "<red><b>x</b></red>\n"]

    def test_raw(self, logger: Logger) -> None:
        """It is emitted alone."""
        texts: list[str] = []
        logger.add(texts.append, format="{level} {message}")
        logger.opt(raw=True).info(a_template("raw {n}", n=5))
        assert texts == ["raw 5"]

    def test_lazy(self, logger: Logger, got: list[Any]) -> None:
        """Arguments are called, as for any text; values of the template are not, and are shown as they are."""

        def value() -> str:
            raise AssertionError

        logger.opt(lazy=True).info(a_template("{{}} {b}", b="{}"), lambda: 1, lambda: 2)
        logger.opt(lazy=True).info(a_template("{value}", value=value))
        assert [str(text) for text in got] == ["1 2\n", f"{value}\n"]

    def test_one_that_cannot_be_joined(
        self, logger: Logger, got: list[Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It is logged as what it is, with a mark, and said; in strict mode the call raises. Row 10 of beyond.md."""
        message = a_template("{s:d}", s="x")
        logger.info(message)
        assert str(got[0]).endswith("<not formatted>\n")
        assert "Unknown format code" in capsys.readouterr().err
        logger.configure(strict=True)
        with pytest.raises(ValueError, match="Unknown format code"):
            logger.info(message)


class TestOthers:
    def test_what_only_has_the_name(self, logger: Logger, got: list[Any]) -> None:
        """A program's own `Template`, or that of `string`, is shown as any object."""

        class Template:
            def __iter__(self) -> Iterator[str]:
                raise AssertionError

            def __str__(self) -> str:
                return "my own"

        logger.info(string.Template("$x"))
        logger.info(Template())
        assert str(got[0]).startswith("<string.Template object at")
        assert str(got[1]) == "my own\n"


PROGRAM = """
    import multiprocessing, string, sys, types

    if sys.version_info < (3, 14):
        module = types.ModuleType("string.templatelib")
        module.string = string
        exec(STAND_INS, module.__dict__)
        sys.modules["string.templatelib"] = string.templatelib = module
    from string.templatelib import Interpolation, Template
    from mplog import logger

    assert not isinstance(Template("x"), str)
    logger.remove()
    logger.add("app.log", format="{level} {message}", level="DEBUG")
    logger.add("all.log", format="{message}", serialize=True)

    class Never:
        def __format__(self, specification):
            raise AssertionError

    def log(who):
        for n in range(2):
            logger.info(Template(who, " ", Interpolation(n, "n", None, ">3"), Interpolation("x", "s", "r", "")))
        inner = Template("inner ", Interpolation("é", "u", "a"))
        logger.log(35, Template(Interpolation(inner, "inner"), " {} {k}"), 1, k=2)
        logger.trace(Template(Interpolation(Never(), "never")))
        logger.opt(colors=True).debug(Template("<red>", Interpolation("<b>bold</b>", "b"), "</red>"))
        with logger.catch(level="WARNING", message=Template("{record[function]} ", Interpolation(5, "n"))):
            raise ValueError(who)

    if __name__ == "__main__":
        log("owner")
        process = multiprocessing.get_context("fork").Process(target=log, args=("worker",))
        process.start()
        process.join()
        assert process.exitcode == 0
"""


class TestPrograms:
    def test_one_that_has_the_module_from_the_beginning(self, program: Program) -> None:
        """Owner and worker log templates: text, levels and JSON are the same from both."""
        ended = program.run(PROGRAM.replace("STAND_INS", repr(STAND_INS)))
        lines = [line for line in ended.log() if line.split()[0] in ("INFO", "Level", "DEBUG", "WARNING")]
        expected = [
            [f"INFO {who}   0'x'", f"INFO {who}   1'x'", r"Level 35 inner '\xe9' 1 2", "DEBUG bold", "WARNING log 5"]
            for who in ("owner", "worker")
        ]
        assert lines == [line for five in expected for line in five]
        records = [json.loads(line)["record"] for line in ended.log("all.log")]
        shown = [f"{record['level']['name']} {record['message']}" for record in records]
        assert shown == lines
        assert [record["extra"] for record in records[2::5]] == [{"k": 2}] * 2


@pytest.mark.skipif(not HAS_THEM, reason="needs the syntax of template strings")
class TestTrueOnes:
    """What only the language can write."""

    def test_a_program_that_never_imports_their_module(self, program: Program) -> None:
        """It only writes them, also below one another, with `=` and raw."""
        ended = program.run("""
            import sys
            from mplog import logger

            logger.remove()
            logger.add("app.log", format="{message}")
            n, s = 5, "x"
            logger.info(t"plain")
            logger.info(t"{n:>3} {s!r:>5} {s=} {n:{n}}")
            logger.info(t"a {t'b {n}'}" t"!")
            logger.info(rt"\\n{s}")
            logger.warning(t"{{}} {n}", 7)
        """)
        assert ended.log() == ["plain", "  5   'x' s='x'     5", "a b 5!", r"\nx", "7 5"]

    def test_the_stand_ins_are_like_them(self) -> None:
        """The same parts in the same order."""
        names: dict[str, Any] = {"string": string, "__name__": "string.templatelib"}
        exec(STAND_INS, names)
        values = {"n": 5, "s": "x"}
        for source in ("", "plain", "{n}", "a {n:>3}{s!r} b {{}}", "{n:{n}}"):
            true, stand_in = eval(f"t{source!r}", values), names["template"](source, **values)
            assert true.strings == stand_in.strings
            assert [part if isinstance(part, str) else _shown(part) for part in true] == [
                part if isinstance(part, str) else _shown(part) for part in stand_in
            ]


def _shown(part: Any) -> tuple[Any, ...]:
    return part.value, part.expression, part.conversion, part.format_spec
