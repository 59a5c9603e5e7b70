"""Deliberate faults in mplog, put in by replacing single functions, to show that the harness would see them.

Every process of a broken program applies the fault at import, before it configures anything.
"""

from __future__ import annotations

from collections.abc import Callable


def leave_out_done_mark() -> None:
    """Commit batches without the store that marks them done."""
    raise NotImplementedError


def store_tail_first() -> None:
    """Publish records before their bytes are there."""
    raise NotImplementedError


MUTANTS: dict[str, Callable[[], None]] = {"done": leave_out_done_mark, "tail": store_tail_first}
