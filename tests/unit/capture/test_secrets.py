"""Secrets in tracebacks: which names look like one, and what of a text is masked. beyond.md, row 12."""

from __future__ import annotations

import itertools
import re
import time
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
pw db_pw userPw pin PIN user_pin otp otp_code totp session_id sessionId Session-ID sessionid JSESSIONID sid connect.sid
signature X-Hub-Signature csrf csrf_token xsrf hmac pem psk cvv ssn card_number cardNumber security_code passwort
""".split()  # noqa: SIM905 - read like this

HARMLESS = """
monkey keyboard keyword keypad turkey hockey donkey tokenize tokenizer tokenization secretary passenger passport
compass bypass passed passes author authors authority cookiecutter cooking name user value data x _ a1 items
spin spinner opinion ping pinned mapping pwm power side inside resident session sessions session_count
id_session identity number card cards phone_number code country_code status_code signal sign designed otpor tempo
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
    {b"authorization": b"Bearer hunter2"},
    [(b"accept", b"*"), (b"authorization", b"Bearer hunter2"), (b"cookie", b"hunter2")],
    [[b"host", b"x"], [b"x-api-key", b"hunter2"]],
    [("user", "me"), ("password", S), ("n", 1)],
    ("token", S),
    ("token", b"hunter2"),
    ("pin", [S, {S: 1}]),
    {"password": S}.items(),
    ["prog", "--password", S, "--verbose"],
    ["prog", f"--password={S}"],
    [b"prog", b"--token", b"hunter2"],
    f"postgres://me:{S}@host:5432/db",
    {"dsn": f"redis://:{S}@host/0", "n": 1},
    [f"https://me:{S}@host/path?x=1"],
    f"amqp://me:{S}@a,amqp://me:{S}@b".encode(),
    f"https://me:p@{S}@host/",
    f"https://{S * 4}@host/repository.git",
    f"https://host/?key={S}&page=2",
    f"https://host/?x=1&signature={S}",
]


@pytest.mark.parametrize("value", SHOWING, ids=range(len(SHOWING)))
def test_inside_of_values(value: object) -> None:
    """Keys and attributes of what is shown: their values are masked, the rest stays."""
    text = mask(repr(value), prose=isinstance(value, str))
    assert S not in text
    assert MASK.strip("'") in text
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
        ("('user', 'password')", "('user', 'password')"),
        ("('password', 'user', 'mail')", "('password', 'user', 'mail')"),
        ("f('password', 'user', n=1)", "f('password', 'user', n=1)"),
        ("[('password', 'x'), ('n', 1)]", f"[('password', {MASK}), ('n', 1)]"),
        ("[('password', <class 'str'>)]", "[('password', <class 'str'>)]"),
        ("[('password', None)]", "[('password', None)]"),
        ("('key', 'value')", "('key', 'value')"),
        ("[('pass', 1), ('keys', 2)]", "[('pass', 1), ('keys', 2)]"),
        ("['--token', '--verbose']", "['--token', '--verbose']"),
        ("['--token', 'x', '--verbose']", f"['--token', {MASK}, '--verbose']"),
        ("[b'cookie', b'x']", f"[b'cookie', {MASK}]"),
        ("[b'cookie', b'x', b'y']", "[b'cookie', b'x', b'y']"),
        ("'https://me:x@host:80/a@b'", "'https://me:********@host:80/a@b'"),
        ("'http://host:8080/a@b?c=d@e'", "'http://host:8080/a@b?c=d@e'"),
        ("'ssh://git@host/x'", "'ssh://git@host/x'"),
        ("'http://me:@host'", "'http://me:@host'"),
        ("'mail me@host: now'", "'mail me@host: now'"),
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
    assert mask("'pin: 3, signature: none'", prose=True) == "'pin: 3, signature: none'"
    assert mask("Client(pin=3)") == f"Client(pin={MASK})"


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


@pytest.mark.parametrize("piece", ["('token', ", "[b'token', ", "token=[", "'token', ", "'--token', (", "://", "://a:"])
@pytest.mark.parametrize("end", ["", ", 1)" * 1000, "]" * 10_000])
def test_many_names_take_no_time(piece: str, end: str) -> None:
    """Nested as deeply as may be, they are looked at a few times each."""
    text = (piece * 10_000)[: 10_000 - len(end)] + end
    began = time.thread_time()
    mask(text)
    assert time.thread_time() - began < 0.5


@given(st.text(alphabet="ab'\"=:\\ ,()[]{}<>password token\n", max_size=60))
def test_any_text(text: str) -> None:
    """Never fails, never grows without end, and is the same when it is done again."""
    masked = mask(text)
    assert len(masked) <= len(text) * (len(MASK) + 1)
    if not any(is_secret(text[start:end]) for start, end in itertools.combinations(range(len(text) + 1), 2)):
        assert masked == text
