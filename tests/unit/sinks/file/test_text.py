"""How text becomes the bytes of a file."""

from __future__ import annotations

import codecs
import pickle
from typing import Any

import pytest

from mplog._sinks.file.text import TextForm, text_form


class TestForm:
    @pytest.mark.parametrize(
        ("encoding", "mark"),
        [("utf8", b""), ("utf-8-sig", codecs.BOM_UTF8), ("UTF_16", codecs.BOM_UTF16), ("u32", codecs.BOM_UTF32)],
    )
    def test_mark_and_records_make_the_file(self, encoding: str, mark: bytes) -> None:
        """The mark and then any number of records are what the encoding makes of the whole text."""
        form = text_form(encoding, None, None)
        assert form.mark == mark
        assert form.mark + form.encode("é\n") + form.encode("b\n") == "é\nb\n".encode(encoding)

    @pytest.mark.parametrize(
        ("newline", "end"), [(None, b"\n"), ("", b"\n"), ("\n", b"\n"), ("\r", b"\r"), ("\r\n", b"\r\n")]
    )
    def test_line_ends(self, newline: str | None, end: bytes) -> None:
        """Every line end becomes what was asked for."""
        form = text_form("ascii", None, newline)
        assert (form.encode("a\nb\n"), form.end) == (b"a" + end + b"b" + end, end)

    def test_what_cannot_be_encoded(self) -> None:
        """Escaped by default, else as asked."""
        assert text_form("ascii", None, None).encode("é") == b"\\xe9"
        assert text_form("ascii", "replace", None).encode("é") == b"?"
        with pytest.raises(UnicodeEncodeError):
            text_form("ascii", "strict", None).encode("é")

    def test_travels(self) -> None:
        """It goes to workers with the other options."""
        form = text_form("utf-16", "ignore", "\r\n")
        assert pickle.loads(pickle.dumps(form)) == form

    @pytest.mark.parametrize(
        ("values", "plain"),
        [(("utf8", None, None), True), (("UTF-8", "strict", ""), True), (("utf8", None, "\r"), False)],
    )
    def test_fast_way(self, values: tuple[Any, Any, Any], plain: bool) -> None:
        """Only plain UTF-8 takes it."""
        assert text_form(*values).is_plain is plain
        assert TextForm().is_plain


class TestRefused:
    @pytest.mark.parametrize(
        ("values", "error", "text"),
        [
            (("nope", None, None), LookupError, "Invalid encoding 'nope': .*Use one that Python knows"),
            (("hex", None, None), LookupError, "Invalid encoding 'hex'"),
            ((5, None, None), TypeError, "Invalid encoding 5"),
            (("utf8", "nope", None), LookupError, "Invalid errors 'nope': .*Use a name that str.encode"),
            (("utf8", 5, None), TypeError, "Invalid errors 5"),
        ],
    )
    def test_with_the_reason(self, values: tuple[Any, Any, Any], error: type[Exception], text: str) -> None:
        """What is wrong, with the value, and what to do."""
        with pytest.raises(error, match=text):
            text_form(*values)
