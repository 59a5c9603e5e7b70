"""Slots: a promise is visible whole or not at all, and the last kept one is never disturbed by the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from mplog._sinks.file import slot as slots
from mplog._sinks.file.slot import Part, Promise

FIRST = Promise(1, 2, 100, 50, (Part(b"a" * 16, 0, 64), Part(b"b" * 16, 128, 256)))
SECOND = Promise(1, 2, 150, 25, (Part(b"a" * 16, 64, 96),))


def test_promise_is_undone_until_it_is_done(tmp_path: Path) -> None:
    """An intent is there for others until the one store that keeps it."""
    mine = slots.create(str(tmp_path / "1.slot"), b"s" * 16, 7)
    theirs = slots.open_existing(str(tmp_path / "1.slot"))

    assert theirs.undone() is None
    mine.intend(FIRST)
    assert FIRST == theirs.undone()
    assert theirs.last_done() is None
    mine.done()
    assert theirs.undone() is None
    assert FIRST == theirs.last_done()
    assert (b"s" * 16, 7) == (theirs.session, theirs.route)
    mine.close()
    theirs.close()


def test_next_promise_leaves_the_last_kept_one(tmp_path: Path) -> None:
    """While a batch is promised and not done, the batch before it is still known."""
    slot = slots.create(str(tmp_path / "1.slot"), b"s" * 16, 7)
    slot.intend(FIRST)
    slot.done()
    slot.intend(SECOND)

    assert FIRST == slot.last_done()
    assert SECOND == slot.undone()
    slot.take_back()
    assert slot.undone() is None
    assert FIRST == slot.last_done()
    slot.close()


@pytest.mark.parametrize("at", [0, 8, 16, 24, 40, 60, 70])
def test_damaged_promise_is_no_promise(tmp_path: Path, at: int) -> None:
    """A bank whose bytes were changed is not believed."""
    path = tmp_path / "1.slot"
    slot = slots.create(str(path), b"s" * 16, 7)
    slot.intend(FIRST)
    slot.close()
    content = bytearray(path.read_bytes())
    content[slots.BANK_AT + slots.BANK_BYTES + at] ^= 1
    path.write_bytes(content)

    again = slots.open_existing(str(path))
    assert again.is_undone()
    assert again.undone() is None
    again.close()


def test_promise_can_be_made_smaller(tmp_path: Path) -> None:
    """A part of an open promise can take its place, and be kept; the last kept one stays until then."""
    slot = slots.create(str(tmp_path / "1.slot"), b"s" * 16, 7)
    slot.intend(FIRST)
    slot.done()
    slot.intend(SECOND)
    smaller = Promise(1, 2, 150, 10, (Part(b"a" * 16, 64, 80),))

    slot.shrink(smaller)
    assert smaller == slot.undone()
    assert FIRST == slot.last_done()
    slot.done()
    assert smaller == slot.last_done()
    slot.close()


def test_something_else_is_no_slot(tmp_path: Path) -> None:
    """A file of another size or content is refused."""
    path = tmp_path / "1.slot"
    path.write_bytes(b"x" * 10)
    with pytest.raises(ValueError, match="no slot"):
        slots.open_existing(str(path))
    path.write_bytes(b"x" * slots.SLOT_BYTES)
    with pytest.raises(ValueError, match="magic"):
        slots.open_existing(str(path))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A planted link in place of a slot is an error and not a way out."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "1.slot").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match=r"1\.slot"):
        slots.open_existing(str(tmp_path / "1.slot"))
    assert (tmp_path / "victim").read_bytes() == b"precious"
