"""The bytes of a ring file and of a session's control page. Bytes only: no algorithm lives here.

Two processes that never exchange a Python object agree through this file alone; a C core states
the same numbers. All integers are native-endian, and the header says which endianness that is.

Ring file: a 4 KiB header, then `capacity` bytes of records.

    0x000  magic           stored last when a ring is made: whoever sees it sees a complete header
    0x008  HEADER struct   stored once by the producer
    0x100  producer line   only the producing process stores here
    0x200  writer line     only the holder of the ring's kernel lock stores here
    0x400  drop table      entries of three words: route and level, count (producer), said (writer); see drops.py
    0x1000 records

A record is a 16-byte header, then its payload, padded to a multiple of 16:

    len u32 | seq u32 | kind u8 | flags u8 | zero u16 | crc u32 | payload

`len` counts the payload; `crc` is the CRC-32 of the payload, started from the kind, in rings whose header has
FLAG_CRC; in others, and in their records, it is 0. Rings go without where the machine shows stores in the order of the
program and their file is memory: then no record can be torn, and a checksum is a fifth of what publishing costs.
The payload of every kind but PAD begins with PREFIX:

    stamp u64 (monotonic ns, the order key) | wall f64 (epoch seconds) | route u32 | level u32

`route` names the handler that the record is meant for; the ring does not look at it.
"""

from __future__ import annotations

import struct
import sys
from typing import Final

MAGIC: Final = 0x31474E52_474F4C50
LAYOUT: Final = 1
ENDIAN: Final = 1 if sys.byteorder == "little" else 2
ALIGN_SHIFT: Final = 4
ALIGN: Final = 1 << ALIGN_SHIFT
FLAG_CRC: Final = 1
FLAG_PURE: Final = 2
FLAG_EARLY: Final = 4
"""In the header of a ring whose process may never log: it was made while that process still had the right to."""

HEADER_BYTES: Final = 4096
DATA: Final = HEADER_BYTES

HEADER: Final = struct.Struct("=HHHBBQIIQQ16sQQ16sQQ64s")
"""layout, header length, endian, align shift, flags, capacity, max record, zero, pid, start token,
boot id, pid namespace, interpreter id, session id, created wall ns, created monotonic ns, process name."""
HEADER_AT: Final = 0x008
FLAGS_AT: Final = HEADER_AT + 7
CAPACITY: Final = (HEADER_AT + 8) // 8
"""The capacity in the header, as one of its u64 words."""
LARGEST: Final = struct.Struct("=I")
LARGEST_AT: Final = HEADER_AT + 16
NAME_BYTES: Final = 64
NAME_AT: Final = HEADER_AT + HEADER.size - NAME_BYTES

# Indexes into the header seen as u64 words.
MAGIC_WORD: Final = 0x000 // 8
TAIL: Final = 0x100 // 8
"""End of the last published record; never decreases."""
STATE: Final = 0x108 // 8
FLUSH_TARGET: Final = 0x110 // 8
DROPPED: Final = 0x118 // 8
BLOCKED_NS: Final = 0x120 // 8
SPILLED: Final = 0x128 // 8
LIFE: Final = 0x138 // 8
"""life.HELD where the producer holds the lock that ends with its program, so that anybody sees whether it lives."""
HEAD: Final = 0x200 // 8
"""End of the last record that all its sinks have taken; HEAD <= TAIL <= HEAD + capacity."""
FLUSHED: Final = 0x208 // 8
RECLAIMED: Final = 0x210 // 8
DROPS_SAID: Final = 0x218 // 8
"""How many of DROPPED the log tells of."""
WRITTEN: Final = 0x220 // 8
"""What has become of the records of this ring: given to their sinks. The writer tells now and then, and at a flush."""
FILTERED: Final = 0x228 // 8
FAILED: Final = 0x230 // 8
LOST: Final = 0x238 // 8
"""Dropped behind the ring, by a sink that was too slow."""
DROP_TABLE: Final = 0x400 // 8
DROP_ENTRIES: Final = 64
"""The last one takes all that the others do not name."""

OPEN: Final = 0
CLOSED: Final = 1

RECORD: Final = struct.Struct("=IIBBHI")
RECORD_BYTES: Final = RECORD.size
PREFIX: Final = struct.Struct("=QdII")
PREFIX_BYTES: Final = PREFIX.size
HIGHEST_LEVEL: Final = (1 << 32) - 2
"""The last number of a level in a ring; it stands for higher ones, too."""

RECORD_AND_PREFIX: Final = struct.Struct("=IIIIQdII")
"""Both in one go: the third number has the kind and the flags in its bytes; see KIND_SHIFT and FLAGS_SHIFT."""
BODY: Final = RECORD_AND_PREFIX.size
KIND_SHIFT: Final = 0 if ENDIAN == 1 else 24
FLAGS_SHIFT: Final = 8 if ENDIAN == 1 else 16

LOG: Final = 1
"""The rest of the payload is the finished text of one handler, in its encoding."""
PAD: Final = 2
"""Fills the space up to the end of the ring; has no payload and takes no sequence number."""
DATA_RECORD: Final = 3
"""The rest of the payload is a record as data, see wire.py."""
SPILL: Final = 4
"""The rest of the payload names a file beside the rings that holds the real payload, see _session/spills.py."""
KIND_SPILLED_DATA: Final = 5
"""As SPILL, and what was spilled is a record as data."""
SPILLED_KINDS: Final = (SPILL, KIND_SPILLED_DATA)
"""The kinds of records that have a file."""
DATA_KINDS: Final = (DATA_RECORD, KIND_SPILLED_DATA)
"""The kinds of which the text is still to be made."""
HELD_BACK: Final = 6
"""A record of another ring, in the backlog of a file; the rest of the payload is an ORIGIN and what it was there."""

ORIGIN: Final = struct.Struct("=16sQQQ")
"""Of a HELD_BACK record: the key of the ring that it came from, where it ends there, its stamp, its kind."""
ORIGIN_BYTES: Final = ORIGIN.size

# The control page of a session: indexes into it seen as u64 words.
CONTROL_BYTES: Final = 4096
CONTROL_MAGIC: Final = 0x31304C52_54434C50
CONTROL_HEADER: Final = struct.Struct("=HHI16s16sQ")
"""layout, endian, uid, session id, boot id, pid namespace."""
CONTROL_HEADER_AT: Final = 0x008
OWNER_PID: Final = 0x040 // 8
OWNER_START: Final = 0x048 // 8
HEARTBEAT_NS: Final = 0x050 // 8
OWNER_INTERPRETER: Final = 0x058 // 8
"""Which interpreter of its process the owner is; 0 is the main one."""
GENERATION: Final = 0x100 // 8
"""Grows with each change of the owner's registry; workers compare it on every call."""
RUN_STATE: Final = 0x108 // 8
SAID: Final = 0x110 // 8
"""Not 0 once some process of the session has said that the file system is too small for its ring."""
HELD: Final = 0x118 // 8
"""life.HELD where the owner holds the lock on this page that ends with its program, also when exec replaces it."""
REGISTERED: Final = 0x300 // 8
"""Another number after each new ring; a producer stores one that nobody stored before."""
WAKE: Final = 0x200 // 8
"""One of AWAKE, ASLEEP, STOPPED: what a producer looks at after each publish."""
CONTROL_BASES_AT: Final = 0x800
"""To the end of the page: the directories in which the owner looks for rings, each with a zero byte behind it."""
RUN: Final = 1
DRAINING: Final = 2
ENDED: Final = 3
AWAKE: Final = 0
ASLEEP: Final = 1
STOPPED: Final = 2


def padded(length: int) -> int:
    """Bytes that a record with a payload of *length* bytes takes in the ring."""
    return (RECORD_BYTES + length + ALIGN - 1) & -ALIGN
