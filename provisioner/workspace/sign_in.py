"""Signing in once for many calls, and what to say when it does not work."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping

from requests import RequestException

from provisioner.catalog import catalog
from provisioner.errors import AuthenticationFailed, did_you_mean
from provisioner.redaction import Redactor
from provisioner.workspace.sdk import (
    Config,
    OAuthCredentialsProvider,
    OauthCredentialsStrategy,
    Token,
)

Headers = dict[str, str]

_SEVERAL = re.compile(r"more than one authorization method configured: (?P<ways>[\w -]+)")
_CHOICES = {
    "azure": "azure-client-secret",
    "google": "google-credentials",
    "oauth": "oauth-m2m",
}
"""What `auth_type` calls a way that the SDK names otherwise (databricks-sdk 0.156, config.py)."""
_NONE = "cannot configure default credentials"
_SENDABLE = re.compile(r"[\x20-\x7e]*")
"""What the value of a header may be (RFC 9110, 5.5), without the bytes that nobody agrees on."""
_LONGEST = 300
"""Characters of the service's own words that are repeated."""

_KEPT = 300.0
"""Seconds for which headers are used again; tokens live for an hour."""


def given(token: str) -> OauthCredentialsStrategy:
    """Signing in with a token that counts as one of OAuth, whoever gave it."""
    provider = OAuthCredentialsProvider(
        lambda: {"Authorization": f"Bearer {token}"}, lambda: Token(access_token=token)
    )
    return OauthCredentialsStrategy("given", lambda _config: provider)


def kept_for_a_while(
    authenticate: Callable[[], Headers], clock: Callable[[], float] = time.monotonic
) -> Callable[[], Headers]:
    """A function that signs requests like ``authenticate``, which it asks only now and then."""
    lock = threading.Lock()
    kept: Headers = {}
    until = 0.0

    def headers() -> Headers:
        nonlocal kept, until
        with lock:
            if clock() >= until:
                kept, until = authenticate(), clock() + _KEPT
            return dict(kept)

    return headers


def secrets_of(config: Config) -> Iterator[str]:
    """What signs in and must not be told, wherever the SDK found it."""
    for attribute in Config.attributes():
        if attribute.sensitive and (value := getattr(config, attribute.name)):
            yield str(value)


def no_password_in(host: str, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse an address that signs in by itself: it would stand in every plan.

    Without ``host`` the address is that of the environment, if it has one.

    Raises:
        AuthenticationFailed: it has a user or a password.
    """
    if "@" in (host or environment.get("DATABRICKS_HOST", "")):
        raise AuthenticationFailed(
            "cannot sign in: the address of the workspace holds a user or a password",
            "write it as https://HOST, and give credentials as the SDK takes them",
        )


def tried(authenticate: Callable[[], Headers], way: str, redact: Redactor) -> Callable[[], Headers]:
    """A function that signs requests like ``authenticate``, and whose failures are ours.

    The SDK raises whatever comes to hand when a token endpoint refuses (0.156, oauth.py).
    ``redact`` gets to know the tokens, and hides what a refusal repeats.
    """

    def headers() -> Headers:
        try:
            found = authenticate()
        except RequestException:
            raise
        except (ValueError, KeyError, OSError) as failure:
            said = " ".join(redact(str(failure)).split())[:_LONGEST]
            raise AuthenticationFailed(
                f"cannot sign in by {way}: {said or type(failure).__name__}",
                f"check the credentials for {way}, and that they are for this workspace",
            ) from failure
        redact.add(value.rpartition(" ")[2] for value in found.values())
        if not all(_SENDABLE.fullmatch(value) for value in found.values()):
            raise AuthenticationFailed(
                f"cannot sign in by {way}: the token holds a character that no header may have",
                "a line break at its end, most of the time: set it again without",
            )
        return found

    return headers


def not_configured(
    failure: str,
    profile: str = "",
    chosen: str = "",
    environment: Mapping[str, str] = os.environ,
) -> AuthenticationFailed:
    """Why the SDK found no way to sign in, or more than one, and what to do.

    ``profile`` and ``chosen``, the one way to sign in, are those of the environment's file.
    """
    text = " ".join(failure.split(". Config: ")[0].split())
    if several := _SEVERAL.search(text):
        return _undecided(several["ways"].split(" and "), environment)
    way = chosen or environment.get("DATABRICKS_AUTH_TYPE", "")
    if _NONE in text and way:
        return _chosen(way, profile, environment)
    if _NONE in text:
        return AuthenticationFailed(
            f"cannot sign in: there are no credentials{f' in profile {profile}' * bool(profile)}",
            "set DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET,"
            " or name a `profile` under `workspace`",
        )
    return AuthenticationFailed(
        f"cannot sign in: {text.removeprefix('default auth: ').removeprefix('validate: ')}",
        "check `profile` and `auth_type` under `workspace`, and which variables are set",
    )


def _chosen(way: str, profile: str, environment: Mapping[str, str]) -> AuthenticationFailed:
    """The one way that is asked for finds no credentials: which, and what would be others."""
    facts = catalog()
    known = facts.names_of("auth-types")
    if way not in known:
        hint = did_you_mean(way, known, f"it knows {', '.join(known)}")
        return AuthenticationFailed(f"cannot sign in: the SDK knows no `auth_type: {way}`", hint)
    where = f" in profile {profile}" if profile else ""
    needed = facts.variables_of(way)
    missing = [name for name in needed if not environment.get(name)]
    why = f"there are no credentials{where}"
    if missing and not profile:
        why = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
    others = [
        f"{', '.join(names)} for `{other}`"
        for other in known
        if other != way
        and (names := facts.variables_of(other))
        and all(environment.get(name) for name in names)
    ]
    there = f"; there is {' and '.join(others)}" if others else ""
    do = f"set {' and '.join(missing)}" if missing else f"look whether {way} works here"
    return AuthenticationFailed(
        f"cannot sign in by {way}: {why}", f"{do}, or choose another `auth_type`{there}"
    )


def _undecided(ways: list[str], environment: Mapping[str, str]) -> AuthenticationFailed:
    """Several ways, and no choice: both are named, with the variables that set them."""
    named = [f"{way} ({', '.join(_set_by(way, environment)) or 'a profile'})" for way in ways]
    choices = " or ".join(f"`auth_type: {_CHOICES.get(way, way)}`" for way in ways)
    return AuthenticationFailed(
        f"cannot sign in: {len(ways)} ways are set and none is chosen: {' and '.join(named)}",
        f"write {choices} under `workspace`, set DATABRICKS_AUTH_TYPE, or unset one of them",
    )


def _set_by(way: str, environment: Mapping[str, str]) -> list[str]:
    """The variables of the environment that belong to a way."""
    names = [
        name
        for attribute in Config.attributes()
        if attribute.auth == way
        for name in (attribute.env, *(attribute.env_aliases or ()))
    ]
    return sorted(name for name in names if name and environment.get(name))
