"""No eight characters of a secret stay together, in whatever form a message has them."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.redaction import HIDDEN, SLICE, Redactor

SECRET = 'sk-Aa1/Bb2+Cc3 "quoted"\\ Ee5~Ff6\nsecond line Gg7'
FORMS = {
    "plain": SECRET,
    "one line": " ".join(SECRET.split()),
    "JSON": json.dumps(SECRET),
    "percent": quote(SECRET, safe=""),
    "form": quote_plus(SECRET),
    "base64": b64encode(SECRET.encode()).decode(),
    "base64 url": urlsafe_b64encode(SECRET.encode()).decode(),
    "base64 within": b64encode(b"user:" + SECRET.encode() + b"!").decode(),
    "base64 within, further": b64encode(b"ab" + SECRET.encode()).decode(),
    "a part": SECRET[5:20],
}


def shared(left: str, right: str) -> list[str]:
    """Slices that two texts have in common."""
    slices = (left[at : at + SLICE] for at in range(len(left) - SLICE + 1))
    return [part for part in slices if part in right]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_is_hidden_and_the_message_stays(form: str) -> None:
    found = Redactor([SECRET])(f"cannot use key {form}: refused")
    assert found.startswith("cannot use key ")
    assert found.endswith(": refused")
    assert HIDDEN in found
    assert not shared(found, form)


secrets = st.text(min_size=SLICE, max_size=60).filter(lambda text: "\0" not in text)


@given(secrets, st.text(max_size=20), st.text(max_size=20), st.data())
def test_no_slice_is_left(value: str, before: str, after: str, data: st.DataObject) -> None:
    form = data.draw(
        st.sampled_from(
            [value, json.dumps(value), quote(value), b64encode(value.encode()).decode()]
        )
    )
    found = Redactor([value])(before + form + after)
    for part in shared(found.replace(HIDDEN, "\0"), form):
        pytest.fail(part)


@given(st.text(), st.lists(st.text(max_size=3)))
def test_what_is_no_secret_stays(text: str, values: list[str]) -> None:
    assert Redactor(values)(text) == text


def test_short_values_are_hidden_whole() -> None:
    assert Redactor(["pa55"])("the key pa55 is short") == f"the key {HIDDEN} is short"


def test_values_may_be_long_and_many() -> None:
    redact = Redactor([f"{n:04}" * 32_000 for n in range(8)])
    assert redact("0001" * 3 + " at " + "0007" * 4) == f"{HIDDEN} at {HIDDEN}"
    assert redact("nothing to hide here " * 500) == "nothing to hide here " * 500
