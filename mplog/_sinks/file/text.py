"""How text becomes the bytes of a log file: encoding, error handling, line ends, and the mark at a file's start."""

from __future__ import annotations

import codecs
import sys
from dataclasses import dataclass
from typing import Final

ESCAPE: Final = "backslashreplace"
"""What is done with text that the encoding has no bytes for, unless `errors` says something else: nothing is lost."""

_LITTLE: Final = sys.byteorder == "little"
_MARKED: Final[dict[str, tuple[str, bytes]]] = {
    "utf-16": ("utf-16-le", codecs.BOM_UTF16_LE) if _LITTLE else ("utf-16-be", codecs.BOM_UTF16_BE),
    "utf-32": ("utf-32-le", codecs.BOM_UTF32_LE) if _LITTLE else ("utf-32-be", codecs.BOM_UTF32_BE),
    "utf-8-sig": ("utf-8", codecs.BOM_UTF8),
}
"""Encodings whose files begin with a mark: what the rest of the file is encoded in, and the mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextForm:
    """Immutable and picklable, for it travels to workers. Make it with `text_form`."""

    encoding: str = "utf8"
    """The encoding of records: one that puts no mark before each of them."""

    errors: str = ESCAPE
    newline: str = "\n"
    """What a line end becomes in the file."""

    mark: bytes = b""
    """What an empty file gets before its first record."""

    @property
    def end(self) -> bytes:
        """A line end as bytes."""
        return self.newline.encode(self.encoding)

    @property
    def is_plain(self) -> bool:
        """Whether text without lone surrogates is simply UTF-8."""
        return self.newline == "\n" and self.encoding.lower().replace("-", "").replace("_", "") == "utf8"

    def encode(self, text: str) -> bytes:
        """*text* as it stands in the file.

        Raises UnicodeEncodeError where `errors` asks for it.
        """
        if self.newline != "\n":
            text = text.replace("\n", self.newline)
        return text.encode(self.encoding, self.errors)


def text_form(encoding: object, errors: object, newline: object) -> TextForm:
    """Check what `add()` was given; each means what it means to the built-in `open`, but for the default of *errors*.

    Raises:
        LookupError: an encoding or an error handler that Python does not know.
        TypeError: a value of another type.
    """
    if encoding is None:
        import locale  # here, because hardly anybody asks for it

        encoding = locale.getpreferredencoding(False)
    try:
        name = codecs.lookup(encoding).name  # type: ignore[arg-type]  # it says itself what is wrong
        "".encode(encoding)  # type: ignore[arg-type]  # refuses codecs that are not for text
    except (LookupError, TypeError) as error:
        raise type(error)(
            f"Invalid encoding {encoding!r}: {error}. Use one that Python knows, such as 'utf8'."
        ) from None
    if errors is not None:
        try:
            codecs.lookup_error(errors)  # type: ignore[arg-type]  # as above
        except (LookupError, TypeError) as error:
            raise type(error)(
                f"Invalid errors {errors!r}: {error}. Use a name that str.encode() knows, such as 'replace'."
            ) from None
    plain, mark = _MARKED.get(name, (str(encoding), b""))
    shown = newline if isinstance(newline, str) and newline else "\n"
    if newline is None and sys.platform == "win32":
        shown = "\r\n"
    return TextForm(encoding=plain, errors=ESCAPE if errors is None else str(errors), newline=shown, mark=mark)
