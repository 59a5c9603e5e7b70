"""What a process writes into its own ring that no producer of mplog writes there. Copied beside test programs."""

from __future__ import annotations

import glob
import mmap
import os
import struct
import time
import zlib
from pathlib import Path

DATA = 4096
HEADER_AT = 8


class Forged:
    """The ring of this process, which has *published* so many records; it logs nothing more through mplog."""

    def __init__(self, published: int = 1) -> None:
        runtime = os.environ["MPLOG_RUNTIME_DIR"]
        (self.path,) = glob.glob(f"{runtime}/mplog-{os.geteuid()}/sessions/*/rings/{os.getpid()}-*.ring")
        self.session = os.path.dirname(os.path.dirname(self.path))
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.number = published

    def word(self, at: int) -> int:
        """A number of the header."""
        return int(struct.unpack_from("=Q", self.map, at)[0])

    def store(self, at: int, value: int) -> None:
        """Store a number in the header."""
        struct.pack_into("=Q", self.map, at, value)

    def put(self, kind: int, body: bytes, route: int = 1, wall: float | None = None) -> None:
        """Publish a record with right numbers and checksum, whatever is in it."""
        self.number += 1
        tail = self.word(0x100)
        prefix = struct.pack("=QdII", time.monotonic_ns(), time.time() if wall is None else wall, route, 20)
        (flags,) = struct.unpack_from("=B", self.map, HEADER_AT + 7)
        checksum = zlib.crc32(prefix + body, kind) if flags & 1 else 0
        record = struct.pack("=IIBBHI", 24 + len(body), self.number, kind, flags & 1, 0, checksum) + prefix + body
        at = DATA + tail % (len(self.map) - DATA)
        self.map[at : at + len(record)] = record
        self.store(0x100, tail + (len(record) + 15 & -16))

    def spill(self, name: str, size: int, content: bytes = b"") -> None:
        """Make a file that a record may name, with holes up to *size*."""
        directory = Path(self.session, "spill")
        directory.mkdir(mode=0o700, exist_ok=True)
        with open(directory / name, "wb") as file:
            file.write(content)
            file.truncate(max(size, len(content)))

    def further_ring(self, capacity: int, tail: int) -> None:
        """Make a ring of this process that says it has *capacity* bytes, all of them holes."""
        header = bytearray(self.map[:DATA])
        struct.pack_into("=Q", header, HEADER_AT + 8, capacity)
        struct.pack_into("=Q", header, 0x100, tail)
        struct.pack_into("=Q", header, 0x200, 0)
        stem = f"{self.path.removesuffix('.ring')}9"
        with open(stem, "wb") as file:
            file.write(header)
            file.truncate(DATA + capacity)
        os.rename(stem, f"{stem}.ring")
        with open(os.path.join(self.session, "control"), "r+b") as file:
            file.seek(0x300)
            file.write(struct.pack("=Q", 99_999))
