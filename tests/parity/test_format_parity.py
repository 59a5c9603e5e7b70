"""Formats, records and levels beside the compatibility reference: the same call, the same text.

Covers logger-api.md, sections 5, 6, 8 and 11.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from beside import pair
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def both() -> Iterator[tuple[Any, Any]]:
    """The reference's logger and ours. Called on one line they have one call site."""
    loggers = pair()
    yield loggers
    for logger in loggers:
        logger.remove()


FIELDS = [
    "{level}",
    "{level: <8}|",
    "{level.name:>10}",
    "{level.no:05d}",
    "{level.icon}",
    "{name}",
    "{function}",
    "{line:>6}",
    "{module}",
    "{file}",
    "{file:>30}",
    "{file.path}",
    "{message}",
    "{message!r:>30}",
    "{message:.3}",
    "{process}",
    "{process.id:>8}",
    "{process.name}",
    "{thread}",
    "{thread.name:^20}",
    "{extra}",
    "{extra[a]}",
    "{extra[a]!r:>5}",
    "{extra[c][d]}",
    "{{literal}}",
    "{level!r}",
    "{file!s}",
    "{thread!r}",
    "{exception}",
    "{time:YYYY-MM-DD}",
]

CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    ("plain", (), {}),
    ("literal {} {x}", (), {}),
    ("{} and {}", (1, "two"), {}),
    ("{0} {1} {0}", ("a", "b"), {}),
    ("{:>8}|{:05.2f}|{!r}", ("a", 3.14159, "b"), {}),
    ("{x} {y[0]}", (), {"x": 1, "y": [2]}),
    ("surplus {}", (1, 2), {"z": 3}),
    ("{{}} {}", (1,), {}),
    (123, (), {}),
    (None, (), {}),
    ({"a": "{}"}, (), {}),
    (["{}"], (), {}),
    ("with a keyword", (), {"k": 1}),
    ("", (), {}),
    ("two\nlines", (), {}),
]


class TestText:
    @pytest.mark.parametrize("field", FIELDS)
    def test_every_field(self, both: tuple[Any, Any], field: str) -> None:
        """One field, twice from one call site."""
        texts: list[list[str]] = [[], []]
        for logger, got in zip(both, texts, strict=True):
            logger.add(got.append, format=f"{field}|")
        for _ in range(2):
            for logger in both:
                logger.bind(a="x", c={"d": 1.5}).warning("message {}", 1)
        assert texts[0] == texts[1]
        assert len(texts[0]) == 2

    @pytest.mark.parametrize(("message", "arguments", "keywords"), CALLS)
    def test_every_kind_of_message(
        self, both: tuple[Any, Any], message: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> None:
        """Templates, literals, objects; keywords go to `extra`, too."""
        texts: list[list[Any]] = [[], []]
        for logger, got in zip(both, texts, strict=True):
            logger.add(got.append, format="{level.no} {message} {extra}")
        for _ in range(2):
            for logger in both:
                logger.info(message, *arguments, **keywords)
        assert [str(text) for text in texts[0]] == [str(text) for text in texts[1]]
        for theirs, ours in zip(*texts, strict=True):
            for key in ("extra", "function", "line", "message", "module", "name"):
                assert ours.record[key] == theirs.record[key], key
            assert list(ours.record) == list(theirs.record)
            for part in ("file", "level", "process", "thread"):
                assert repr(ours.record[part]) == repr(theirs.record[part]), part

    @settings(deadline=None, max_examples=60)
    @given(
        st.lists(st.sampled_from([*FIELDS, " ", "-", "é"]), max_size=6).map("".join),
        st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Zs"]), max_size=10),
        st.lists(st.integers() | st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=4), max_size=3),
    )
    def test_any_format_with_any_message(self, source: str, message: str, arguments: list[Any]) -> None:
        """Where the reference raises because of the message, ours logs it with a mark."""
        reference, ours = pair()
        texts: list[list[Any]] = [[], []]
        try:
            # A tag-like text in a format is markup to the reference; none of these has any.
            reference.add(texts[0].append, format=source, catch=False)
            ours.add(texts[1].append, format=source, catch=False)
            failed = False
            for _ in range(2):
                for logger in (reference, ours):
                    try:
                        logger.bind(a="x", c={"d": 1}).info(message, *arguments)
                    except Exception:  # noqa: BLE001 - whatever str.format raises there
                        assert logger is reference
                        failed = True
            if failed:
                assert [text.record["message"] for text in texts[1]] == [f"{message} <not formatted>"] * 2
            else:
                assert [str(text) for text in texts[0]] == [str(text) for text in texts[1]]
        finally:
            reference.remove()
            ours.remove()


class TestLevels:
    @pytest.mark.parametrize("name", ["TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL"])
    def test_the_seven(self, both: tuple[Any, Any], name: str) -> None:
        """Number, colour and icon."""
        reference, ours = both
        assert ours.level(name) == reference.level(name)

    @pytest.mark.parametrize("level", [0, 5, 20, 33, "INFO", "TRACE"])
    def test_log(self, both: tuple[Any, Any], level: int | str) -> None:
        """By number and by name."""
        texts: list[list[str]] = [[], []]
        for logger, got in zip(both, texts, strict=True):
            logger.add(got.append, level=0, format="{level.name}|{level.no}|{level.icon}|{message}")
        for _ in range(2):
            for logger in both:
                logger.log(level, "x {}", 1)
        assert texts[0] == texts[1]

    @pytest.mark.parametrize("threshold", ["DEBUG", "WARNING", 0, 21, 40])
    def test_thresholds(self, both: tuple[Any, Any], threshold: int | str) -> None:
        """The same records pass."""
        texts: list[list[str]] = [[], []]
        for logger, got in zip(both, texts, strict=True):
            logger.add(got.append, level=threshold, format="{level.no}")
        for logger in both:
            for number in range(60):
                logger.log(number, "x")
        assert texts[0] == texts[1]


class TestFilters:
    @pytest.mark.parametrize("given", [None, "", "a", "a.b", "a.", "b", "a.b.c.d"])
    def test_names(self, both: tuple[Any, Any], given: str | None) -> None:
        """The same modules pass."""
        texts: list[list[str]] = [[], []]
        for logger, got in zip(both, texts, strict=True):
            logger.add(got.append, filter=given, format="{name}")
            for name in ("a", "a.b", "a.b.c", "ab", "b", "", None):
                exec("logger.info('x')", {"logger": logger, "__name__": name})
        assert texts[0] == texts[1]


class TestErrors:
    @pytest.mark.parametrize(
        "options",
        [
            {"sink": 5},
            {"level": "LOUD"},
            {"level": -1},
            {"level": 1.5},
            {"format": 5},
            {"format": format},
            {"filter": 5},
            {"filter": filter},
            {"what": 1},
            {"sink": "app.log", "what": 1},
            {"sink": "app.log", "rotation": "sometimes"},
            {"sink": "app.log", "rotation": object()},
            {"sink": "app.log", "retention": "a while"},
            {"sink": "app.log", "compression": "gzip2"},
            {"sink": "app.log", "compression": 5},
            {"sink": "{user}.log"},
            {"sink": "app.log", "encoding": "utf-nine"},
            {"sink": "."},
        ],
        ids=lambda options: next(iter(reversed(options))),
    )
    def test_of_add(
        self, both: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
    ) -> None:
        """The same kinds of errors, and the same use of ids."""
        monkeypatch.chdir(tmp_path)
        kinds = []
        for logger in both:
            with pytest.raises(Exception) as got:
                logger.add(**{"sink": print, **options})
            kinds.append(got.type)
        assert issubclass(kinds[1], kinds[0])
        assert both[0].add(print) == both[1].add(print) == 1

    @pytest.mark.parametrize(
        "call",
        [
            lambda logger: logger.log("LOUD", "x"),
            lambda logger: logger.log(-1, "x"),
            lambda logger: logger.log(1.5, "x"),
            lambda logger: logger.level("LOUD"),
            lambda logger: logger.level("INFO", no=21),
            lambda logger: logger.level("LOUD", no="5"),
            lambda logger: logger.level("LOUD", no=-1),
            lambda logger: logger.level(5),
            lambda logger: logger.remove(99),
            lambda logger: logger.remove("0"),
        ],
        ids=range(10),
    )
    def test_of_other_methods(self, both: tuple[Any, Any], call: Any) -> None:
        """Kind, and the beginning of the text that programs look at."""
        errors = []
        for logger in both:
            logger.add(lambda _: None)
            with pytest.raises((ValueError, TypeError)) as got:
                call(logger)
            errors.append((got.type, str(got.value).replace('"', "'").split()[:2]))
        assert errors[0] == errors[1]


def test_the_reference_is_the_one_that_was_compared() -> None:
    """Another release may differ on purpose."""
    assert importlib.metadata.version("loguru") == "0.7.3"
