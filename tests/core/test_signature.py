"""Did Meta send these bytes? The expected digests of the first table are written out."""

import hmac
import json

import pytest

from app.core.signature import verify

SECRET = "a secret of the tests"
BODY = b'{"object":"whatsapp_business_account","text":"Gr\\u00fc\\u00dfe \\ud83d\\ude00"}'


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


# The first is published with GitHub's webhooks, the second is test case 2 of RFC 4231.
VECTORS = {
    "github": (
        "It's a Secret to Everybody",
        b"Hello, World!",
        "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ),
    "rfc4231": (
        "Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
}


@pytest.mark.parametrize(("secret", "body", "digest"), VECTORS.values(), ids=VECTORS)
def test_a_published_vector_is_verified(secret: str, body: bytes, digest: str) -> None:
    assert verify(body, f"sha256={digest}", app_secrets=[secret])


def test_the_bytes_count_and_not_the_json() -> None:
    reencoded = json.dumps(json.loads(BODY), ensure_ascii=False).encode()
    assert verify(BODY, sign(BODY), app_secrets=[SECRET])
    assert not verify(reencoded, sign(BODY), app_secrets=[SECRET])
    assert not verify(BODY.replace(b",", b", "), sign(BODY), app_secrets=[SECRET])
    assert not verify(BODY[:-1], sign(BODY), app_secrets=[SECRET])


@pytest.mark.parametrize("secret", ["old", "new"])
def test_during_a_change_of_secrets_both_are_accepted(secret: str) -> None:
    assert verify(BODY, sign(BODY, secret), app_secrets=["old", "new"])


def test_a_secret_that_is_not_ours_is_refused() -> None:
    assert not verify(BODY, sign(BODY, "theirs"), app_secrets=["old", "new"])
    assert not verify(BODY, sign(BODY), app_secrets=[])


def test_an_empty_secret_verifies_nothing() -> None:
    assert not verify(BODY, sign(BODY, ""), app_secrets=["", SECRET])


def test_an_empty_body_has_a_signature_too() -> None:
    assert verify(b"", sign(b""), app_secrets=[SECRET])


WRONG_HEADERS = {
    "missing": None,
    "empty": "",
    "no prefix": sign(BODY).removeprefix("sha256="),
    "prefix alone": "sha256=",
    "another prefix": sign(BODY).replace("sha256", "sha1"),
    "prefix in upper case": sign(BODY).replace("sha256", "SHA256"),
    "hex in upper case": "sha256=" + sign(BODY).removeprefix("sha256=").upper(),
    "too short": sign(BODY)[:-1],
    "too long": sign(BODY) + "0",
    "space before": " " + sign(BODY),
    "newline after": sign(BODY) + "\n",
    "two signatures": sign(BODY) + "," + sign(BODY),
    "not hex": "sha256=" + "g" * 64,
    "not ASCII": "sha256=" + "ä" * 64,
    "full-width digits": sign(BODY).translate({ord("0") + i: 0xFF10 + i for i in range(10)}),
    "lone surrogate": "sha256=\ud83d",
    "NUL": sign(BODY) + "\0",
}


@pytest.mark.parametrize("header", WRONG_HEADERS.values(), ids=WRONG_HEADERS)
def test_a_header_that_meta_would_not_write_is_refused(header: str | None) -> None:
    assert not verify(BODY, header, app_secrets=[SECRET])
