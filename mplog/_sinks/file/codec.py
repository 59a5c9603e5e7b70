"""The archive formats: how the bytes of one log file get into an archive and are compared with it again.

No names, no locks, no renames: `archive` decides what is archived and when it counts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any, Final, Literal, Protocol

CHUNK: Final = 1 << 17
"""Bytes handled at a time: small enough that other threads run in between, large enough to be no cost."""

FORMATS: Final = ("gz", "bz2", "xz", "lzma", "tar", "tar.gz", "tar.bz2", "tar.xz", "zip")


class Source(Protocol):
    """An open file to be archived, read from where it stands."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most *size*; none at the end."""

    def fileno(self) -> int:
        """The descriptor, for size, mode and times."""


def load_modules(name: str) -> None:
    """Import what the format needs, so that its absence is known at once.

    Raises ImportError when the interpreter was built without it.
    """
    container, stream = _parts(name)
    if container == "tar":
        import tarfile  # noqa: F401 - only whether it is there
    if container == "zip":
        import zipfile  # noqa: F401 - only whether it is there
    if stream == "gz":
        import gzip  # noqa: F401 - only whether it is there
    if stream == "bz2":
        import bz2  # noqa: F401 - only whether it is there
    if stream in ("xz", "lzma"):
        import lzma  # noqa: F401 - only whether it is there


def _parts(name: str) -> tuple[str, str]:
    """Container and stream of a format; empty where there is none."""
    if name == "zip":
        return "zip", ""
    container, _, stream = name.partition(".")
    return ("tar", stream) if container == "tar" else ("", name)


def _stream(name: str, file: IO[bytes], mode: Literal["rb", "wb"], member: str) -> AbstractContextManager[Any]:
    """The compressed stream over *file*; closing it leaves *file* open."""
    if name == "gz":
        import gzip

        return gzip.GzipFile(filename=member, mode=mode, fileobj=file)
    if name == "bz2":
        import bz2

        return bz2.BZ2File(file, mode)
    if name in ("xz", "lzma"):
        import lzma

        if mode == "rb":
            return lzma.LZMAFile(file, mode)
        return lzma.LZMAFile(file, mode, format=lzma.FORMAT_XZ if name == "xz" else lzma.FORMAT_ALONE)
    return nullcontext(file)


def _copy(source: Source, target: IO[bytes]) -> None:
    while chunk := source.read(CHUNK):
        target.write(chunk)


def pack(name: str, source: Source, size: int, member: str, target: IO[bytes]) -> None:
    """Write the archive of *source* to *target*.

    Args:
        name: one of `FORMATS`.
        source: the file; its whole content goes in, except for tar, which stops at *size*.
        size: how many bytes it has; only tar and zip need to know before.
        member: the name it has within the archive.
        target: a seekable file, empty; left open.
    """
    container, stream = _parts(name)
    if container == "zip":
        _pack_zip(source, size, member, target)
        return
    with _stream(stream, target, "wb", member) as out:
        if container == "tar":
            _pack_tar(source, size, member, out)
        else:
            _copy(source, out)


def _pack_tar(source: Source, size: int, member: str, out: IO[bytes]) -> None:
    import tarfile

    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo(member)
        status = os.fstat(source.fileno())
        info.size, info.mode, info.mtime = size, status.st_mode & 0o7777, int(status.st_mtime)
        info.uid, info.gid = status.st_uid, status.st_gid
        archive.addfile(info, source)


def _as_unicode(name: str) -> str:
    """*name* for a format whose names are Unicode: bytes that are none as in addresses, ``%E9``."""
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in name)


def _pack_zip(source: Source, size: int, member: str, target: IO[bytes]) -> None:
    import time
    import zipfile

    status = os.fstat(source.fileno())
    # The format knows the years 1980 to 2107 only; a wrong clock must not make compression fail.
    date = min(max(time.localtime(status.st_mtime)[:6], (1980, 1, 1, 0, 0, 0)), (2107, 12, 31, 23, 59, 59))
    info = zipfile.ZipInfo(_as_unicode(member), date)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = (status.st_mode & 0xFFFF) << 16
    info.file_size = size
    with zipfile.ZipFile(target, "w") as archive, archive.open(info, "w") as out:
        _copy(source, out)


def is_same(name: str, archive: IO[bytes], source: IO[bytes]) -> bool:
    """Whether *archive* is whole and holds what *source* holds, found by reading both."""
    try:
        return _with_content(name, archive, lambda content: _equal(content, source))
    except Exception:  # noqa: BLE001 - each format has its own errors for broken data, and all mean the same here
        return False


def _with_content(name: str, archive: IO[bytes], use: Callable[[IO[bytes]], bool]) -> bool:
    container, stream = _parts(name)
    if container == "zip":
        import zipfile

        with zipfile.ZipFile(archive) as zipped, zipped.open(zipped.infolist()[0]) as content:
            return use(content)
    with _stream(stream, archive, "rb", "") as plain:
        if container != "tar":
            return use(plain)
        import tarfile

        with tarfile.open(fileobj=plain, mode="r|") as tarred:
            member = tarred.next()
            extracted = None if member is None else tarred.extractfile(member)
            if extracted is None:
                return False
            with extracted:
                return use(extracted)


def _equal(content: IO[bytes], source: IO[bytes]) -> bool:
    while chunk := content.read(CHUNK):
        if _read_exactly(source, len(chunk)) != chunk:
            return False
    return not source.read(1)


def _read_exactly(source: IO[bytes], size: int) -> bytes:
    chunks: list[bytes] = []
    while size > 0 and (chunk := source.read(size)):
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)
