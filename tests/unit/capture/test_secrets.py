"""Secrets in tracebacks: which names look like one, and what of a text is masked. beyond.md, row 12."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mplog._capture.secrets import MASK, is_secret, mask
from mplog._capture.values import values_in

SECRET = """
password passwd pwd PASSWORD Password db_password dbPassword dbpassword password2 old_passwords passphrase
secret SECRET_KEY client_secret clientSecret clientsecret secrets token tokens access_token accessToken authtoken
__token _token token_1 csrftoken key KEY keys api_key apiKey API_KEY APIKey apikey api_key_2 private_key secretKey
authorization Authorization HTTP_AUTHORIZATION auth cookie cookies Set-Cookie X-Api-Key x-auth-token set_cookie
credentials aws_credentials credential creds jwt bearer
""".split()  # noqa: SIM905 - read like this

HARMLESS = """
monkey keyboard keyword keypad turkey hockey donkey tokenize tokenizer tokenization secretary passenger passport
compass bypass passed passes author authors authority cookiecutter cooking name user value data x _ a1 items
""".split()  # noqa: SIM905 - read like this


@pytest.mark.parametrize("name", SECRET)
def test_names_that_look_secret(name: str) -> None:
    """One of their words is."""
    assert is_secret(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_names_that_do_not(name: str) -> None:
    """A word that only contains one, or none at all."""
    assert not is_secret(name)


@dataclass
class Account:
    """A value that shows its fields."""

    user: str
    password: Any


S = "hunter2"

SHOWING = [
    {"password": S},
    {"a": 1, "api_key": S, "b": 2},
    {"headers": {"Authorization": f"Bearer {S}", "Accept": "*"}},
    {"passwords": [S, (S, S)], "n": 1},
    {"token": b"hunter2"},
    {"token": {"inner": S}},
    {"token": {S}},
    [{"password": S}, ("x", {"secret": [S]})],
    Account("me", S),
    Account("me", f"it's {S}"),
    Account("me", f"both \" and ' {S}"),
    Account("me", [S]),
    SimpleNamespace(client_secret=S, port=1),
    f"https://example.org/?token={S}&page=2",
    f"user=me password={S} host=here",
    f'{{"password": "{S}", "user": "me"}}',
    f"{{'password': '{S}'}}",
    f"Cookie: {S}",
    f"Authorization: Bearer {S}",
    f"Authorization: {S}",
    f"X-Api-Key={S};",
    f"password:{S}",
]


@pytest.mark.parametrize("value", SHOWING, ids=range(len(SHOWING)))
def test_inside_of_values(value: object) -> None:
    """Keys and attributes of what is shown: their values are masked, the rest stays."""
    text = mask(repr(value), prose=isinstance(value, str))
    assert S not in text
    assert MASK in text
    shown = [shown for _, shown in values_in("f(value)", {"value": value}, {})]
    assert S not in shown[0]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("{'password': 'x', 'user': 'me'}", f"{{'password': {MASK}, 'user': 'me'}}"),
        ("Account(user='me', password='x')", f"Account(user='me', password={MASK})"),
        ("<Client token=abc name=me>", f"<Client token={MASK} name=me>"),
        ("{'keys': [1, {2: (3,)}], 'n': 1}", f"{{'keys': {MASK}, 'n': 1}}"),
        ("Account(user='password', n=1)", "Account(user='password', n=1)"),
        ("password=None, token=False", "password=None, token=False"),
        ("password == 'x'", "password == 'x'"),
        ("['password', 'x']", "['password', 'x']"),
        ("password=", "password="),
        ("token='unfinished", f"token={MASK}"),
        ("token=[1, 'unfinished", f"token={MASK}"),
        ("nothing at all", "nothing at all"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    """Exactly the value."""
    assert mask(text) == masked


def test_words_of_texts() -> None:
    """In a text, `key` may stand before a colon; in what shows an object, it is a name."""
    assert mask("'press any key: now'", prose=True) == "'press any key: now'"
    assert mask("Client(key='x')") == f"Client(key={MASK})"


class TestNames:
    def test_each_way_to_a_value(self) -> None:
        """Variables, attributes, globals; the value of a harmless name stays."""
        account = Account("me", S)
        line = "login(account.password, password, api_key, user, account.user)"
        found = values_in(line, {"account": account, "password": S, "user": "me"}, {"api_key": [S]})
        texts = {line[column:].split(",")[0].split(".")[0].rstrip(")"): text for column, text in found}
        assert texts["password"] == texts["api_key"] == MASK
        assert texts["user"] == "'me'"
        assert S not in "".join(text for _, text in found)

    def test_what_holds_no_data_is_shown(self) -> None:
        """A missing password is what one looks for; a function is no secret."""

        def get_token() -> None:
            """Nothing."""

        found = values_in(
            "password, token, get_token, key", {"password": None, "token": False, "get_token": get_token, "key": re}, {}
        )
        assert [text for _, text in found] == ["None", "False", repr(get_token), repr(re)]

    def test_a_repr_cut_in_the_middle(self) -> None:
        """A secret that begins before the cut and ends behind it does not show."""
        value = {"a" * 100: 1, "password": S * 10_000}
        (shown,) = values_in("value", {"value": value}, {})
        assert "hunter" not in shown.text


@given(st.text(alphabet="ab'\"=:\\ ,()[]{}<>password token\n", max_size=60))
def test_any_text(text: str) -> None:
    """Never fails, never grows without end, and is the same when it is done again."""
    masked = mask(text)
    assert len(masked) <= len(text) * (len(MASK) + 1)
    if "password" not in text and "token" not in text and "pass" not in text:
        assert masked == text
