"""Secrets: which names look like one, and how the values of such names are kept out of tracebacks."""

from __future__ import annotations

import inspect
import re
import types

MASK = "'********'"
"""What stands for the value of a name that looks secret."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_WORDS = frozenset(
    (
        *("password", "passwords", "passwd", "passwds", "passphrase", "passphrases", "passcode", "pass", "pwd", "pwds"),
        "passwort",
        *("secret", "secrets", "token", "tokens", "key", "keys", "apikey", "apikeys", "secretkey", "privatekey"),
        *("accesskey", "authkey", "masterkey", "signingkey", "encryptionkey", "auth", "authorization", "bearer"),
        *("credential", "credentials", "cred", "creds", "cookie", "cookies", "jwt"),
        *("pw", "pin", "pins", "pincode", "otp", "totp", "psk", "pem", "hmac", "signature", "signatures"),
        *("csrf", "xsrf", "sid", "sessid", "sessionid", "jsessionid", "phpsessid", "cvv", "cvc", "ssn"),
    )
)
"""A name is secret when one of its words is here: `db_password`, `apiKey`, `X-Auth-Token`, but not `monkey`."""

_TOGETHER = frozenset(
    (("session", "id"), ("session", "ids"), ("card", "number"), ("security", "code"), ("verification", "code"))
)
"""Two words that are secret one behind the other: `session_id`, `cardNumber`."""

_INSIDE = ("password", "passwd", "passphrase")
"""Parts that make a word secret wherever they stand in it."""

_ENDS = ("token", "secret", "apikey", "cookie")
"""Ends that make a word secret: `authtoken`, `clientsecret`."""

_COMMON = frozenset(("key", "keys", "pass"))
"""Words that are secret as names, but common in pairs and texts."""

_COMMON_IN_TEXTS = _COMMON | {"pin", "pins", "sid", "signature", "signatures"}

_LONG = 20
"""Characters from which on a user in a URL, without a password, is taken for a token."""

_MOST_DOUBTS = 20
"""Times that what stands behind a name is looked at and found to be no value; then each is taken for one."""

_STARS = MASK.strip("'")

_NO_DATA = (
    inspect.Signature,
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

# A name before what may be its value: `name=`, `'name': `, `b"name": `; `'name', ` in pairs and command lines.
_NAMED = re.compile(r"""(?<![\w-])(?:([bB]?)(["'])([\w-]{1,64})\\?\2\s?([:,])|([\w-]{1,64})\s?[=:](?!=))\s?""")
_USER = re.compile(r"""(?<=://)([^\s/?#'"<>@:]*)(:[^\s/?#'"<>]*)?@""")
_STRING = re.compile(r"""[A-Za-z]{0,2}(?:'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?)""", re.DOTALL)
_SCHEME = re.compile(r"(?:Bearer|Basic|Digest|Token)\s+", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether *name* looks as if its value must not be shown."""
    before = ""
    for word in _WORD.findall(name):
        word = word.lower()
        if word in _WORDS or word.endswith(_ENDS) or any(part in word for part in _INSIDE):
            return True
        if (before, word) in _TOGETHER:
            return True
        before = word
    return False


def holds_data(value: object) -> bool:
    """Whether the `repr` of *value* could show a secret: that of a function, a class or None cannot."""
    return not isinstance(value, _NO_DATA)


def mask(text: str, *, prose: bool = False) -> str:
    """The `repr` *text* without the values of secret names that stand in it, as keys, as attributes or in pairs, and
    without the passwords of URLs.

    Args:
        prose: whether it is the `repr` of a text, where words like `key` may stand before a colon for no reason.
    """
    pieces: list[str] = []
    done = position = 0
    doubts = _MOST_DOUBTS
    while True:
        found = _NAMED.search(text, position)
        if found is None:
            break
        position = found.end()
        name = found[3] or found[5]
        in_row = found[4] == ","
        before = text[found.start() - 1 : found.start()]
        common = _COMMON_IN_TEXTS if prose and before not in ("?", "&") else _COMMON if in_row else ()
        if not is_secret(name) or name.lower() in common or (in_row and not _begins_pair(name, before, found[1])):
            # The next name may begin right behind a quote that this one took for its own.
            position = max(found.start() + 1, found.end() - 1)
            continue
        end = _end_of_value(text, position)
        shown = text[position:end]
        if not shown or shown in ("None", "True", "False"):
            continue
        if in_row and doubts and not _ends_pair(name, shown, text[end : end + 1]):
            doubts -= 1
            position = found.end() - 1
            continue
        pieces += (text[done:position], MASK)
        done = position = end
    if pieces:
        text = "".join((*pieces, text[done:]))
    return _USER.sub(_without_password, text) if "://" in text else text


def _begins_pair(name: str, before: str, prefix: str) -> bool:
    """Whether what stands behind *name* and a comma may be its value, and not just the next one of several things.

    It is the next argument behind an option, and the other one of two in a tuple, or in a list of bytes, as headers may
    be one. Names of columns stand in lists of texts.
    """
    return name.startswith("-") or before == "(" or (before == "[" and prefix != "")


def _ends_pair(name: str, shown: str, after: str) -> bool:
    """Whether it is: *shown* is what stands there, and *after* the character behind it."""
    if name.startswith("-"):
        return shown.lstrip("bB'\"")[:1] != "-"
    return after in (")", "]", "") and not shown.startswith("<class ")


def _without_password(user: re.Match[str]) -> str:
    name, password = user.groups()
    if password is not None:
        return f"{name}:{_STARS}@" if len(password) > 1 else user[0]
    return f"{_STARS}@" if len(name) >= _LONG else user[0]


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
