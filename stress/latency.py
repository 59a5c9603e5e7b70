"""How long log calls took: a histogram for each thread under test, in shared memory, outside the library.

The bounds of the buckets are a quarter of a doubling apart, from nanoseconds to minutes, so that one cheap store after
a call keeps the whole distribution, and a process that is killed leaves its part behind.
"""

from __future__ import annotations

import mmap
from collections import Counter
from pathlib import Path
from types import TracebackType

BUCKETS = 160
_LONGEST, _MISSED = BUCKETS, BUCKETS + 1
_WORDS = BUCKETS + 2
"""Of each slot: its buckets, then the microseconds of its longest call, and how many of them it did not run."""
LONG_NS = 10_000_000
"""From here on it is worth knowing what a call has waited for."""
_UNKNOWN = 2**32 - 1
_WORD = 4
_QUARTERS = 4


def bucket_of(nanoseconds: int) -> int:
    """The bucket that a call of so many nanoseconds is counted in."""
    bits = nanoseconds.bit_length()
    if bits < 3:
        return nanoseconds
    return min(_QUARTERS * bits + (nanoseconds >> (bits - 3) & 3), BUCKETS - 1)


def lower_bound(bucket: int) -> int:
    """The shortest time, in nanoseconds, that is counted in *bucket*."""
    bits, quarter = divmod(bucket, _QUARTERS)
    return bucket if bits < 3 else (_QUARTERS + quarter) << (bits - 3)


def quantile(counts: Counter[int], share: float) -> float:
    """The time in milliseconds that *share* of the calls did not pass, as exact as buckets are; 0 without calls."""
    left = counts.total() * share
    for bucket in sorted(counts):
        left -= counts[bucket]
        if left <= 0:
            return lower_bound(bucket + 1) / 1e6
    return 0.0


class Latencies:
    """The mapped histograms. Each thread under test stores in its own slot only."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self._bytes = memoryview(self._map)
        self._words: memoryview[int] = self._bytes.cast("I")

    @classmethod
    def create(cls, path: Path, slots: int) -> Latencies:
        """Make the file with room for *slots* histograms, and map it."""
        path.write_bytes(bytes(slots * _WORDS * _WORD))
        return cls(path)

    def book(self, slot: int, nanoseconds: int) -> None:
        """Count one call of *slot*."""
        self._words[slot * _WORDS + bucket_of(nanoseconds)] += 1

    def explain(self, slot: int, nanoseconds: int, missed: int | None) -> None:
        """Note of a long call of *slot* for how many nanoseconds its thread did not run, unless one was longer."""
        first = slot * _WORDS
        if nanoseconds // 1000 > self._words[first + _LONGEST]:
            self._words[first + _MISSED] = _UNKNOWN if missed is None else missed // 1000
            self._words[first + _LONGEST] = min(nanoseconds // 1000, _UNKNOWN)

    def missed_ms(self) -> dict[int, float]:
        """The milliseconds for which the thread of a slot did not run in its longest call, where that is known."""
        found = {}
        for slot in range(len(self._words) // _WORDS):
            longest, missed = self._words[slot * _WORDS + _LONGEST], self._words[slot * _WORDS + _MISSED]
            if longest and missed != _UNKNOWN:
                found[slot] = missed / 1e3
        return found

    def counts(self) -> Counter[int]:
        """Calls by bucket, over all slots."""
        found: Counter[int] = Counter()
        for place, count in enumerate(self._words):
            if count and place % _WORDS < BUCKETS:
                found[place % _WORDS] += count
        return found

    def close(self) -> None:
        """Drop the mapping."""
        self._words.release()
        self._bytes.release()
        self._map.close()

    def __enter__(self) -> Latencies:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
