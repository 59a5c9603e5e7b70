"""Colour markup beside the compatibility reference; logger-api.md, sections 11 and 13.

Both libraries get the same format, level colour or message; what they emit, or the kind and beginning of what they
raise, is compared. Departures: a number in a tag has ASCII digits; braces in a level's colour are text; control
characters in data are escaped (row 13 of beyond.md), so the texts here have none; `{}` beside `{0.attribute}` is an
error, as it is for `str.format`.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import pytest
from beside import pair
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mplog._logger.logger import Logger

COLORS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]
SHORT = ["k", "r", "g", "y", "e", "m", "c", "w"]
STYLES = ["bold", "dim", "italic", "underline", "blink", "reverse", "hide", "strike", "normal"]
PLAIN_TAGS = [
    *STYLES,
    *(style[0] for style in STYLES if style not in ("blink", "reverse")),
    "l",
    "v",
    *COLORS,
    *SHORT,
    *(name.upper() for name in COLORS + SHORT),
    *(f"light-{name}" for name in COLORS),
    *(f"l{name}" for name in SHORT),
    *(f"LIGHT-{name.upper()}" for name in COLORS),
    *(f"L{name.upper()}" for name in SHORT),
    "level",
    "lvl",
]
VALUES = [
    *("red", "RED", "Red", "lr", "LR", "light-red", "LIGHT-red", "k", "lK", "bold", "level", "x"),
    *("0", "7", "07", "007", "255", "256", "999", "00255", "1000", "-1", "+1", "1.0", "0x1", "1e1", "1_0"),
    *("#fff", "#FFF", "#a1B2c3", "#ffff", "#ff", "#", "#ggg", "#12345", "#1234567", "fff", "# fff"),
    *("1,2,3", "255,255,255", "0,0,256", "1,2", "1,2,3,4", ",,", "1,,3", "1,2,a", "01,02,03", "1;2;3", "red,blue"),
    "",
]
EXTENDED_TAGS = [f"{ground} {value}" for ground in ("fg", "bg") for value in VALUES]
ODD_TAGS = [
    *(
        "",
        "fg",
        "bg",
        "Fg red",
        "FG red",
        "fg\tred",
        "fg  red",
        "Green",
        "gREEN",
        "foo",
        "b b",
        " b",
        "b ",
        "/b",
        "//b",
    ),
    *("red,bold", "b/", "fg-red", "fgred", "foreground red", "Level", "LVL", "fg level", "a=b", "1", "é", "{", "}"),
]

Result = tuple[Any, ...]


def result_of(logger: Any, options: dict[str, Any], use: Any) -> Result:
    """What one logger's only handler gets when *use* logs with it, or what was raised, in comparable form."""
    got: list[Any] = []
    try:
        logger.add(got.append, **{"catch": False, "colorize": True, **options})
        use(logger)
    except Exception as error:  # noqa: BLE001 - compared
        return raised(error)
    finally:
        logger.remove()
    return tuple((str(message), message.record["message"]) for message in got)


def raised(error: BaseException) -> Result:
    """The kind of an error, and that beginning of its text which names a tag."""
    wrapped = str(error).startswith(("The logging message could not be formatted", "Failed to format log record"))
    if wrapped and error.__cause__ is not None:
        error = error.__cause__
    kind = next(kind for kind in (KeyError, ValueError, TypeError, type(error)) if isinstance(error, kind))
    cause = error.__cause__
    if str(error).startswith("Invalid format") and cause is not None:
        return "Invalid format", *raised(cause)
    named = re.match(r"(Tag|Closing tag|Opening tag) \"[^\"]*\"|The '", str(error))
    return kind, named and named[0]


def results(options: dict[str, Any], use: Any) -> tuple[Result, Result]:
    """Of the reference and of ours."""
    theirs, ours = pair(strict=True)
    return result_of(theirs, options, use), result_of(ours, options, use)


def log(logger: Any) -> None:
    """One message."""
    logger.warning("the message")


def log_colored(message: str, logger: Any) -> None:
    """One message with markup."""
    logger.opt(colors=True).info(message)


class TestTags:
    @pytest.mark.parametrize("tag", PLAIN_TAGS + EXTENDED_TAGS + ODD_TAGS)
    @pytest.mark.parametrize("colorize", [True, False])
    def test_each(self, tag: str, colorize: bool) -> None:
        """Known or not, in a format and in a message."""
        if any(brace in tag for brace in "{}"):
            pytest.skip("no tag in a format")
        for source in (f"a<{tag}>b</{tag}>c", f"a<{tag}>b</>c", f"</{tag}>", f"\\<{tag}>", f"<{tag}>"):
            theirs, ours = results({"format": source, "colorize": colorize}, log)
            assert ours == theirs, source
            theirs, ours = results({"format": "{message}", "colorize": colorize}, partial(log_colored, source))
            assert ours == theirs, source


FORMATS = [
    "<r>a<b>c</b>d</r>",
    "<r>{message}</r>",
    "<level>{level: <8}</level> <b><lvl>{message}</lvl></b>",
    "<r{{>x",
    "<r>{{</r>}}",
    "<{message}>",
    "<r{message}>",
    "{message:<red>}",
    "{message:<20}<b>x</b>{message:>20}",
    "{extra[f]: <blue> }",
    "<b>{message:{extra[f]}}</b>",
    "{message:{extra[f]:{line}}}",
    "1 < 2 > 3 <",
    r"\<b> \\<b>x</b> \\\<b> \\\\<b>y</> a\b \{message}",
    "<b><r>x</b></r>",
    "<b><r>x</r>",
    "<b><r>x",
    "</>",
    "<b></></>",
    "<b>{exception}</b>",
    "<b>{nothing}</b>",
    "<b>{extra[nothing]}</b>",
    "{",
    "<b>}</b>",
    "{}",
    "{0}",
    "<b>\n</b>",
    "",
]
PIECES = st.sampled_from(
    [
        *("<r>", "<b>", "<fg 5>", "<lvl>", "<level>", "<W>", "</r>", "</b>", "</fg 5>", "</lvl>", "</>", "</>", "</>"),
        *("<foo>", "<>", "\\", "\\\\", "<", ">", "< ", "/", " ", "a", "é", "{{", "}}", "{message}", "{message:>9}"),
        *("{message!r}", "{message[0]}", "{message:.3}", "{level.no}", "{level:{line}}", "{extra[f]}", "\n", "\t"),
    ]
)


def unnamed(result: Result, from_function: bool) -> Result:
    """*result*; of what a function returns, ours says that it is a format that cannot be read."""
    return result[1:] if from_function and result[:1] == ("Invalid format",) else result


class TestFormats:
    @pytest.mark.parametrize("source", FORMATS)
    @pytest.mark.parametrize("colorize", [True, False])
    @pytest.mark.parametrize("as_function", [False, True])
    def test_table(self, source: str, colorize: bool, as_function: bool) -> None:
        """As a string, and as what a function returns."""
        given_ = (lambda _: source) if as_function else source
        theirs, ours = results(
            {"format": given_, "colorize": colorize}, lambda logger: logger.bind(f="x").warning("the message")
        )
        assert unnamed(ours, as_function) == theirs

    @settings(deadline=None, max_examples=400, derandomize=True)
    @given(st.lists(PIECES, max_size=9).map("".join), st.booleans(), st.booleans())
    def test_any(self, source: str, colorize: bool, as_function: bool) -> None:
        """Whatever stands beside what."""
        given_ = (lambda _: source) if as_function else source
        theirs, ours = results(
            {"format": given_, "colorize": colorize}, lambda logger: logger.bind(f="x").error("the message")
        )
        assert unnamed(ours, as_function) == theirs

    @settings(deadline=None, max_examples=150, derandomize=True)
    @given(st.lists(PIECES, max_size=6).map("".join), st.lists(PIECES, max_size=6).map("".join))
    def test_colored_messages_in_any(self, source: str, message: str) -> None:
        """The format's colours come back after each closing tag of the message."""
        theirs, ours = results(
            {"format": f"<y>{source}{{message}}</y>|{{message:<30}}"},
            lambda logger: logger.bind(f="x").opt(colors=True).error(message.replace("{", "(").replace("}", ")")),
        )
        assert ours == theirs


MESSAGES: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    ("<r>a<b>c</b>d</r>e", (), {}),
    ("<r>{}</r>{{}}", ("<b>",), {}),
    ("<r>{}</r>{{}}", (), {}),
    ("<r>{", (), {}),
    ("<r>{</r>", (1,), {}),
    ("<r>{}", (1,), {}),
    ("{}<r>{0}</r>", (1,), {}),
    ("{0}<r>{}</r>", (1,), {}),
    ("{:{}}<r>x</r>", (1, 5), {}),
    ("{:{}}<r>{}</r>", (1, 5, "y"), {}),
    ("{0:{1}}<r>{0}</r>", (1, 5), {}),
    ("{:{0}}", (1, 5), {}),
    ("{0:{}}", (1, 5), {}),
    ("{:{:{}}}<r>x</r>", (1, 5, 2), {}),
    ("<r>{a}</r>", (1,), {}),
    ("<r>{0}</r>", (), {"a": 1}),
    ("<r>{0.foo}</r>", (1,), {}),
    ("<r>{a.real}</r>{b[0]}", (), {"a": 1, "b": [2]}),
    (123, (), {}),
    (123, (1,), {}),
    (None, (), {}),
    (b"x", (1,), {}),
    ("<r>{:<5}|{:>5}</r>", ("a", "b"), {}),
    ("<r>{:<red>}</r>", ("a",), {}),
    ("<lvl>x</lvl>y<level>z</level>", (), {}),
    ("<b>{!r}</b>{!s:>4}{!a}", ("é", "b", "é"), {}),
    ("<b>{!x}</b>", (1,), {}),
    ("<b>{!}</b>", (1,), {}),
    ("<b>{[}</b>", (1,), {}),
    ("<b>{0[a]}</b>", ([1],), {}),
    ("{ 0}", (1,), {}),
    ("{-1}", (1,), {}),
    ("<b>{01}</b>", (1, 2), {}),
    ("{a.b}{}", (1,), {"a": 1}),
    ("{a:{}}", (5,), {"a": 1}),
    ("<foo>{}</foo>", (1,), {}),
    ("{}</b>", (1,), {}),
    (r"\<b>{}\\<b>x</b>", ("<r>",), {}),
    ("surplus <b>{}</b>", (1, 2, 3), {"z": 1}),
    ("<r>{:\n<5}</r>", ("x",), {}),
    ("", (), {}),
    ("", (1,), {}),
]


class TestData:
    @pytest.mark.parametrize("colorize", [True, False])
    @pytest.mark.parametrize("colors", [True, False])
    def test_no_markup_is_read_in_it(self, colorize: bool, colors: bool) -> None:
        """In arguments and any field of the record, and without `opt(colors=True)` not in the message either."""

        def use(logger: Any) -> None:
            logger = logger.bind(f="<red>").patch(lambda record: record.update(function="<b>", name="</>"))
            logger.opt(colors=colors).info("{}|{k}", "<red>", k="</b>")
            if not colors:
                logger.info("<red>{}</b>", "<lvl>")
                logger.info("<red>")

        theirs, ours = results(
            {
                "format": "<g>{extra[f]}{extra}{function}{name}|{extra[f]:<{level.no}}</g>{message}",
                "colorize": colorize,
            },
            use,
        )
        assert ours == theirs


class TestMessages:
    @pytest.mark.parametrize(("message", "arguments", "keywords"), MESSAGES)
    @pytest.mark.parametrize("options", [{}, {"raw": True}, {"record": True}, {"capture": False}], ids=str)
    @pytest.mark.parametrize("colorize", [True, False])
    def test_table(
        self,
        message: Any,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        options: dict[str, Any],
        colorize: bool,
    ) -> None:
        """With arguments and without; the text, and the record's message without tags."""
        theirs, ours = results(
            {
                "format": "<g>[{message}]</g> {message:>8}|{message!r}" + ("|<y>{message[0]}</y>" if message else ""),
                "colorize": colorize,
            },
            lambda logger: logger.opt(colors=True, **options).info(message, *arguments, **keywords),
        )
        assert ours == theirs

    @settings(deadline=None, max_examples=400, derandomize=True)
    @given(
        st.lists(
            st.sampled_from(
                [
                    *("<r>", "<b>", "<lvl>", "</r>", "</b>", "</lvl>", "</>", "</>", "<foo>", "\\", "<", ">", " ", "a"),
                    *("{}", "{}", "{:>5}", "{!r}", "{0}", "{1!s}", "{k}", "{:{}}", "{0:{1}}", "{k:>{w}}", "{{", "}}"),
                    *("{", "}", "{x}", "{k.real}", "{k[0]}", "{:<b>}"),
                ]
            ),
            max_size=8,
        ).map("".join),
        st.lists(st.integers(0, 9) | st.sampled_from(["<r>", "</r>", "{}", "x"]), max_size=3),
        st.dictionaries(st.sampled_from(["k", "w"]), st.integers(0, 9) | st.just("<b>"), max_size=2),
    )
    @example("<r>{}</r>", [], {})
    def test_any(self, message: str, arguments: list[Any], keywords: dict[str, Any]) -> None:
        """Any template with any arguments."""
        theirs, ours = results(
            {"format": "<g>{message}</g>|"},
            lambda logger: logger.opt(colors=True).info(message, *arguments, **keywords),
        )
        assert ours == theirs

    @pytest.mark.parametrize(
        "patcher",
        [
            lambda record: record.update(message="other <r>"),
            lambda record: record["extra"].update(a=1),
            lambda record: record.update(message=record["message"] + "!"),
        ],
        ids=range(3),
    )
    def test_changed_by_a_patcher(self, patcher: Any) -> None:
        """A changed text has no colours, and no markup is read in it."""
        theirs, ours = results(
            {"format": "<g>{message}</g>"},
            lambda logger: logger.patch(patcher).opt(colors=True).info("<b>{}</b>", 1),
        )
        assert ours == theirs

    def test_changed_by_a_filter_or_format(self) -> None:
        """As by a patcher, for that handler and those after it."""

        def change(record: dict[str, Any]) -> Any:
            record["message"] += "?"
            return "{message}\n"

        for options in ({"filter": change, "format": "{message}"}, {"format": change}):
            theirs, ours = results(options, lambda logger: logger.opt(colors=True).info("<b>x</b>"))
            assert ours == theirs

    def test_each_argument_is_formatted_once(self, logger: Logger) -> None:
        """Whatever the number of handlers and of places."""
        formatted = []

        class Counting:
            def __format__(self, spec: str) -> str:
                formatted.append(spec)
                return "shown"

        for colorize in (True, False, True):
            logger.add(lambda _: None, format="{message}{message}", colorize=colorize)
        logger.opt(colors=True).info("<b>{:x}</b>", Counting())
        assert formatted == ["x"]


LEVEL_COLORS = [
    *(
        "",
        " ",
        "<red>",
        " <red> ",
        "\n<red>\n",
        "<red><bold>",
        "<red> <bold>",
        "<red></red>",
        "<red></>",
        "<fg 5><BLUE>",
    ),
    *("<red><b></b>", "text", "<red>x", "<red>x</red>", "\\<red>", "<red> x ", "</red>", "</>", "<foo>", "<red><foo>"),
    *("<level>", "<lvl>", "<red><level>", "<red><b></red>", "<bg #123456>", "<fg 1,2,3>"),
]


class TestLevels:
    @pytest.mark.parametrize("color", LEVEL_COLORS)
    def test_colors(self, color: str) -> None:
        """Of a new level and of a known one, in formats and messages."""

        def use(logger: Any) -> None:
            logger.level("MINE", no=33, color=color)
            logger.level("ERROR", color=color)
            for level in ("MINE", "ERROR", 33, "INFO"):
                logger.opt(colors=True).log(level, "a<level>b</level>c")

        theirs, ours = results({"format": "<level>{level}|{message}</level>|<b><lvl>x</lvl></b>"}, use)
        assert ours == theirs

    def test_handlers_that_are_there_follow(self) -> None:
        """A level may be updated between two messages of one call site."""

        def use(logger: Any) -> None:
            for color in ("<red>", "<blue>", "", "<red>"):
                logger.level("INFO", color=color)
                for _ in range(3):
                    logger.info("x {}", 1)

        theirs, ours = results({"format": "<level>{message}</level>"}, use)
        assert ours == theirs
