"""Secrets: which names look like one, and how the values of such names are kept out of tracebacks."""

from __future__ import annotations

import re
import types

MASK = "'********'"
"""What stands for the value of a name that looks secret."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_WORDS = frozenset(
    (
        *("password", "passwords", "passwd", "passwds", "passphrase", "passphrases", "passcode", "pass", "pwd", "pwds"),
        *("secret", "secrets", "token", "tokens", "key", "keys", "apikey", "apikeys", "secretkey", "privatekey"),
        *("accesskey", "authkey", "masterkey", "signingkey", "encryptionkey", "auth", "authorization", "bearer"),
        *("credential", "credentials", "cred", "creds", "cookie", "cookies", "jwt"),
    )
)
"""A name is secret when one of its words is here: `db_password`, `apiKey`, `X-Auth-Token`, but not `monkey`."""

_INSIDE = ("password", "passwd", "passphrase")
"""Parts that make a word secret wherever they stand in it."""

_ENDS = ("token", "secret", "apikey", "cookie")
"""Ends that make a word secret: `authtoken`, `clientsecret`."""

_COMMON = frozenset(("key", "keys", "pass"))
"""Words that are secret as names, but common in texts."""

_NO_DATA = (
    bool,
    type(None),
    type,
    property,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    classmethod,
    staticmethod,
)

# A name before what may be its value: `name=`, `'name': `, `"name": `.
_NAMED = re.compile(r"""(?<![\w-])(?:(["'])([\w-]{1,64})\\?\1\s?:|([\w-]{1,64})\s?[=:](?!=))\s?""")
_STRING = re.compile(r"""[A-Za-z]{0,2}(?:'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?)""", re.DOTALL)
_SCHEME = re.compile(r"(?:Bearer|Basic|Digest|Token)\s+", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether *name* looks as if its value must not be shown."""
    for word in _WORD.findall(name):
        word = word.lower()
        if word in _WORDS or word.endswith(_ENDS) or any(part in word for part in _INSIDE):
            return True
    return False


def holds_data(value: object) -> bool:
    """Whether the `repr` of *value* could show a secret: that of a function, a class or None cannot."""
    return not isinstance(value, _NO_DATA)


def mask(text: str, *, prose: bool = False) -> str:
    """The `repr` *text* without the values of secret names that stand in it, as keys or as attributes.

    Args:
        prose: whether it is the `repr` of a text, where words like `key` may stand before a colon for no reason.
    """
    pieces: list[str] = []
    done = position = 0
    while True:
        found = _NAMED.search(text, position)
        if found is None:
            break
        position = found.end()
        name = found[2] or found[3]
        if not is_secret(name) or (prose and name.lower() in _COMMON):
            # The next name may begin right behind a quote that this one took for its own.
            position = max(found.start() + 1, found.end() - 1)
            continue
        end = _end_of_value(text, position)
        shown = text[position:end]
        if not shown or shown in ("None", "True", "False"):
            continue
        pieces += (text[done:position], MASK)
        done = position = end
    if not pieces:
        return text
    return "".join((*pieces, text[done:]))


def _end_of_value(text: str, start: int) -> int:
    """Where the value ends that begins at *start*: a string, brackets with all that is in them, or a word."""
    scheme = _SCHEME.match(text, start)
    if scheme is not None:
        start = scheme.end()
    depth = 0
    at = start
    while at < len(text):
        character = text[at]
        if character in "'\"" or (character.isalpha() and at == start):
            string = _STRING.match(text, at)
            if string is not None and (depth or at == start):
                at = string.end()
                if not depth:
                    return at
                continue
            if character in "'\"":
                return at
        if character in "([{<":
            depth += 1
        elif character in ")]}>":
            if not depth:
                return at
            depth -= 1
            if not depth:
                return at + 1
        elif not depth and character in ",;& \n\\":
            return at
        at += 1
    return at
