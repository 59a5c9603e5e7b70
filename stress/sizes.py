"""Sizes as texts, read here once more: what checks a limit must not share a mistake with what keeps it."""

from __future__ import annotations

import re

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def size_limit(rotation: str | None) -> int | None:
    """Return the bytes that a rotation text such as ``"200 KB"`` stands for, None when it is not a size."""
    match = re.fullmatch(r"([\d.]+)\s*([KMG]?i?B)", rotation or "", re.IGNORECASE)
    return int(float(match[1]) * _UNITS[match[2].upper()]) if match else None
