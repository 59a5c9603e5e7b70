"""A record as data: whatever a patcher has put into it, it arrives; logger-api.md, section 6."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mplog._capture import data
from mplog._capture.details import Details
from mplog._capture.record import RecordException, RecordFile, RecordLevel, RecordProcess, RecordThread


def made() -> dict[str, Any]:
    """A record as a call makes it."""
    return {
        "elapsed": timedelta(seconds=1.5),
        "exception": None,
        "extra": {"a": 1, "b": (1, {2})},
        "file": RecordFile("f.py", "/a/f.py"),
        "function": "f",
        "level": RecordLevel("INFO", 20, "i"),
        "line": 5,
        "message": "text \ud800",
        "module": "f",
        "name": None,
        "process": RecordProcess(1, "MainProcess"),
        "thread": RecordThread(2, "MainThread"),
        "time": datetime(2026, 1, 31, 18, 4, 5, 123456, timezone(timedelta(hours=1), "CET")),
    }


def sent(record: dict[str, Any]) -> dict[str, Any]:
    """*record* as it arrives."""
    arrived, _ = data.unpack(data.pack(record, Details()), datetime.fromtimestamp)
    return arrived


class Raising:
    """Has no attribute and no text."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


MARK = "<unprintable Raising object: RuntimeError>"


class TestRecord:
    def test_arrives_equal(self) -> None:
        """All fields, in their order."""
        assert sent(made()) == made()
        assert list(sent(made())) == list(made())

    def test_further_fields(self) -> None:
        """What a patcher adds arrives, too."""
        assert sent({**made(), "mine": [1], "other": Raising()}) == {**made(), "mine": [1], "other": MARK}

    @pytest.mark.parametrize("key", made())
    @pytest.mark.parametrize(("odd", "shown"), [(7, 7), ([1], [1]), (Raising(), MARK)], ids=["int", "list", "raising"])
    def test_a_field_of_another_kind(self, key: str, odd: object, shown: object) -> None:
        """It is sent as it is, and the others as always."""
        arrived = sent({**made(), key: odd})
        wanted = str(shown) if key == "message" else shown
        assert arrived == {**made(), key: wanted}

    @pytest.mark.parametrize("key", made())
    def test_a_field_that_is_gone(self, key: str) -> None:
        """The others arrive; this one is blank."""
        record = made()
        del record[key]
        arrived = sent(record)
        assert list(arrived) == list(made())
        del arrived[key]
        assert arrived == record

    def test_nothing_at_all(self) -> None:
        """Even an empty record is one."""
        assert list(sent({})) == list(made())


class TestException:
    def test_one_whose_text_raises(self) -> None:
        """Its type arrives, and a mark."""

        class Nasty(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no text")

        arrived = sent({**made(), "exception": RecordException(Nasty, Nasty(), None)})
        kind, value, trace = arrived["exception"]
        assert (kind.__name__, str(value), trace) == ("Nasty", "<unprintable Nasty object: RuntimeError>", None)

    def test_one_whose_text_is_a_string_of_its_own(self) -> None:
        """What a subclass of `str` does does not matter."""

        class Text(str):
            def __str__(self) -> str:
                raise RuntimeError("no text")

        class Odd(Exception):
            def __str__(self) -> str:
                return Text("odd")

        arrived = sent({**made(), "exception": RecordException(Odd, Odd(), None)})
        assert (arrived["exception"].type.__name__, str(arrived["exception"].value)) == ("Odd", "odd")
