"""The right word that is nearest to a wrong one, for error texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LONGEST = 50
"""Characters of a word; a longer one is no misspelt one."""


def nearest(word: object, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> str:
    """ " Did you mean 'rotation'?", to be put behind a text; empty where nothing is near.

    Args:
        aliases: right words for what is often written instead, in lower case.
    """
    found = nearest_word(word, known, aliases)
    return "" if found is None else f" Did you mean '{found}'?"


def nearest_word(word: object, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> str | None:
    """The one of the *known* words, or of those behind *aliases*, that was meant by *word*, whatever its case."""
    if not isinstance(word, str) or len(word) > LONGEST:
        return None
    import difflib  # here, where something is wrong already: it is slow to import

    right = {**{each.lower(): each for each in known}, **(aliases or {})}
    given = word.strip().lower()
    if given in right:
        return right[given]
    match = difflib.get_close_matches(given, right, 1, 0.66)
    return right[match[0]] if match else None
