"""A process that runs amok in its session: it stores whatever it likes wherever the rights of its user let it.

Beside a living owner it is one of the workers; before the next start it is the harness, and the session is a dead one.
Everything is made from one seed.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import struct
import time
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

from mplog import _native
from mplog._ring import layout

WORDS = (0, 1, 2, 3, 15, 16, 17, 4095, *(1 << bit for bit in (19, 20, 31, 32, 62, 63)), (1 << 64) - 16, (1 << 64) - 1)
VALUES = (
    b'{"\\u0001":["set",[0,1]]}', b'{"\\u0001":["timedelta",[1e300,1,1]]}', b'{"\\u0001":["datetime","9999"]}', b"[[[[",
    b"null", b"{}", b'{"\\u0001":["decimal","1E99999999"]}', b'"\\ud800"', b'{"record":{}}', b"1e999", b"[" * 100_000,
    b'{"\\u0001":["complex",["1","2"]]}', b'{"\\u0001":["dict",[[1]]]}',
)  # fmt: skip
NAMES = (b"", b".", b"..", b"a\0b", b"/etc/passwd", b"x" * 300, b"\xff\xfe", b"../registry", b"../../../../canary")
RING_NAMES = ("x.ring", "-1-2-3.ring", "1-2.ring", f"{10**22}-1-1.ring", f"1-1-{'9' * 200}.ring", "\n.ring")
SPARSE = 1 << 30
DAMAGES = ("ring", "ring", "control", "slot", "slot", "registry", "doorbell", "names", "gone", "replaced")


class Wrecker:
    """Who stores into the files of the session in the directory *session*, as *chance* says."""

    def __init__(self, session: Path, chance: random.Random) -> None:
        self.session = session
        self.chance = chance

    def word(self) -> bytes:
        """Eight bytes."""
        return struct.pack("=Q", self.chance.choice((*WORDS, self.chance.getrandbits(64), time.monotonic_ns())))

    def patch(self, path: Path, places: tuple[int, ...]) -> None:
        """Store a word at one of *places*, or at any other, of the file *path*."""
        with contextlib.suppress(OSError), path.open("r+b") as file:
            end = max(8, os.fstat(file.fileno()).st_size - 8)
            file.seek(self.chance.choice((*places, self.chance.randrange(min(end, 4096)))))
            file.write(self.word())

    def control(self) -> None:
        """Into the page that every process looks at."""
        self.patch(
            self.session / "control", (0, 8, 0x20, 0x30, 0x40, 0x48, 0x50, 0x100, 0x108, 0x110, 0x118, 0x200, 0x300)
        )

    def slot(self) -> None:
        """Into what a file's commits are promised in."""
        for path in (self.session.parent.parent / "files").glob(f"*/{self.session.name}-*.slot"):
            self.patch(path, (0, 8, 16, 24, 32, 48, 0x100, 0x4100))

    def registry(self) -> None:
        """Into the configuration for new workers."""
        path = self.session / "registry"
        with contextlib.suppress(OSError):
            content = bytearray(path.read_bytes() or b"x")  # The last time may have left nothing of it.
            for _ in range(self.chance.randint(1, 20)):
                content[self.chance.randrange(len(content))] = self.chance.getrandbits(8)
            path.write_bytes(content[: self.chance.choice((len(content), self.chance.randrange(len(content))))])

    def doorbell(self) -> None:
        """Ring, or take the ringing of others away."""
        with contextlib.suppress(OSError):
            fd = os.open(self.session / "doorbell", os.O_RDWR | os.O_NONBLOCK)
            try:
                if self.chance.random() < 0.5:
                    os.write(fd, b"!" * self.chance.choice((1, 70_000)))
                else:
                    os.read(fd, 65_536)
            finally:
                os.close(fd)

    def cut(self) -> None:
        """Cut short what others have mapped: its own ring, the page, or what a file's commits are promised in."""
        slots = (self.session.parent.parent / "files").glob(f"*/{self.session.name}-*.slot")
        rings = (self.session / "rings").glob(f"{os.getpid()}-*.ring")
        with contextlib.suppress(OSError):
            path = self.chance.choice([self.session / "control", *slots, *rings])
            os.truncate(path, self.chance.choice((0, 100, 4096, 8192, path.stat().st_size // 2)))

    def names(self) -> None:
        """Files and directories that nobody expects."""
        rings, spill = self.session / "rings", self.session / "spill"
        with contextlib.suppress(OSError, ValueError):
            kind = self.chance.choice(("ring", "spill", "session", "slot", "claim"))
            if kind == "ring":
                (rings / self.chance.choice(RING_NAMES)).write_bytes(b"x" * 9000)
            elif kind == "spill":
                spill.mkdir(mode=0o700, exist_ok=True)
                path = spill / self.chance.choice(("none", "other"))
                path.unlink(missing_ok=True)
                make: Callable[[], object] = self.chance.choice(
                    (lambda: os.mkfifo(path), lambda: path.symlink_to("/etc/passwd"), lambda: _sparse(path))
                )
                make()
            elif kind == "session":
                name = self.chance.choice(("x", ".1-2-3", ".0-0-0", ".-1-2-x", "*", "[a]"))
                (self.session.parent / name).mkdir(mode=0o700)
            else:
                shared = next(iter((self.session.parent.parent / "files").iterdir()))
                name = self.chance.choice(
                    ("x-1.slot", ".slot", "..-1.slot", f"{self.session.name}-{10**20}.slot", "claim")
                )
                (shared / name).write_bytes(b"" if kind == "slot" else self.word())


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(SPARSE)


class Ring:
    """The wrecker's own ring, mapped as it likes."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.chance = chance
        with path.open("r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), 0)
        self.capacity = struct.unpack_from("=Q", self.bytes, layout.CAPACITY * 8)[0]
        self.number = struct.unpack_from("=II", self.bytes, layout.DATA)[1]

    def get(self, index: int) -> int:
        """A word of the header."""
        return int(struct.unpack_from("=Q", self.bytes, index * 8)[0])

    def set(self, index: int, value: int) -> None:
        """Store a word of the header."""
        struct.pack_into("=Q", self.bytes, index * 8, value & ((1 << 64) - 1))

    def record(self) -> None:
        """One record that its reader finds next, with anything in it."""
        chance = self.chance
        kind = chance.choice((1, 1, 3, 3, 3, 4, 4, 5, 5, 0, 6, 7, 255))
        body = chance.choice(NAMES) if kind in (4, 5) else chance.choice(VALUES)
        if kind == 1:
            body = chance.choice((b"wrecked\n", b"wrecked", b"", b"\n", b"\0" * 100, chance.randbytes(50)))
        tail, need = self.get(layout.TAIL), (16 + 24 + len(body) + 15) & -16
        at = tail % self.capacity
        if at + need > self.capacity or tail + need - self.get(layout.HEAD) > self.capacity:
            return
        stamp = chance.choice((time.monotonic_ns(), time.monotonic_ns(), 0, 1 << 62, (1 << 64) - 1))
        wall = chance.choice((time.time(), time.time(), float("nan"), float("inf"), 1e308, -1e308, 253402300000.0, 0.0))
        prefix = struct.pack(
            "=QdII", stamp, wall, chance.choice((1, 1, 2, 0, 77, (1 << 32) - 1)), chance.choice((20, 0))
        )
        length = chance.choice((*(24 + len(body),) * 12, 0, 23, 1 << 31, self.capacity))
        number = chance.choice((*(self.number + 1,) * 15, 0, (1 << 32) - 1)) & 0xFFFFFFFF
        crc = crc32(prefix + body, kind)
        header = struct.pack("=IIBBHI", length & 0xFFFFFFFF, number, kind, 1, 0, crc)
        self.bytes[layout.DATA + at : layout.DATA + at + 40 + len(body)] = header + prefix + body
        self.set(layout.TAIL, tail + need)
        self.number += 1

    def header(self) -> None:
        """A word of the header, or of the table of what was dropped."""
        index = self.chance.choice(
            (*range(0x100 // 8, 0x240 // 8), *range(layout.DROP_TABLE, layout.DROP_TABLE + 192), 0, 2, 3)
        )
        near = (self.get(layout.TAIL) + 16, self.get(layout.TAIL) - 16, self.get(layout.HEAD))
        self.set(index, self.chance.choice((*WORDS, *near, self.chance.getrandbits(64))))

    def anywhere(self) -> None:
        """Eight bytes somewhere."""
        at = self.chance.randrange(len(self.bytes) - 8)
        self.bytes[at : at + 8] = self.chance.randbytes(8)


def wreck_beside(session: Path, seed: int, seconds: float) -> None:
    """Run amok for so long, as a process of *session* that has a ring there."""
    chance = random.Random(seed)
    wrecker = Wrecker(session, chance)
    acts: list[Callable[[], None]] = [wrecker.control, wrecker.slot, wrecker.doorbell, wrecker.names, wrecker.registry]
    cuts = _native.core is not None and chance.random() < 0.3
    if cuts:
        acts.append(wrecker.cut)
    for path in (session / "rings").glob(f"{os.getpid()}-*.ring") if not cuts else ():  # It would end by its own doing.
        ring = Ring(path, chance)
        acts += [ring.record] * 8 + [ring.header] * 3 + [ring.anywhere]
    acts = [act for act in acts if chance.random() < 0.6] or acts
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        chance.choice(acts)()
        if chance.random() < 0.3:
            time.sleep(0.002)  # the pace of it, nothing is waited for


def wreck_left(session: Path, victim: int, seed: int) -> str:
    """Damage one thing of the dead *session*, the ring of the process *victim* or what is everybody's; which it was."""
    chance = random.Random(seed)
    wrecker = Wrecker(session, chance)
    what = chance.choice(DAMAGES)
    rings = list((session / "rings").glob(f"{victim}-*.ring"))
    slots = list((session.parent.parent / "files").glob(f"*/{session.name}-*.slot"))
    if what == "ring":
        for path in rings:
            ring = Ring(path, chance)
            for _ in range(chance.randint(1, 10)):
                chance.choice((ring.record, ring.header, ring.anywhere))()
        return what
    if what in ("gone", "replaced"):
        path = chance.choice([session / "control", session / "registry", *slots, *rings])
        path.unlink()
        if what == "replaced":
            make: list[Callable[[], object]] = [lambda: path.mkdir(mode=0o700), path.touch, lambda: os.mkfifo(path)]
            make.append(lambda: path.symlink_to("/etc/passwd"))
            chance.choice(make)()
        return f"{path.suffix or path.name} {what}"
    for _ in range(chance.randint(1, 8)):
        getattr(wrecker, what)()
    return what
