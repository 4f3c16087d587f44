"""Who calls: principals, and the tokens that stand for them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Literal

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import unauthenticated

ISSUED = "oauth-"
"""How the tokens begin that the token endpoint gives out."""
FOR_QUERIES = f"{ISSUED}query-"
"""How those begin that were asked for with authorization details."""
EMBEDDED = "embedded-"
"""How the token begins of a command that runs the workspace itself; it stands for OAuth."""


@dataclass(frozen=True)
class Principal:
    """A user or a service principal."""

    kind: Literal["user", "service_principal"]
    name: str
    """User name, or application id of a service principal."""
    id: str
    display_name: str
    groups: tuple[str, ...]
    active: bool = True
    """Whether the principal may still sign in."""

    @property
    def is_admin(self) -> bool:
        """Whether the principal administers the workspace."""
        return "admins" in self.groups


def find_principal(workspace: Json, name: str) -> Principal | None:
    """A user by name, or a service principal by application id; case is ignored."""
    identity = workspace["identity"]
    for user_name, user in identity["users"].items():
        if user_name.lower() == name.lower():
            groups, active = tuple(user["groups"]), user.get("active", True)
            return Principal("user", user_name, user["id"], user["display_name"], groups, active)
    for application_id, sp in identity["service_principals"].items():
        if application_id.lower() == name.lower():
            groups, active = tuple(sp["groups"]), sp.get("active", True)
            return Principal(
                "service_principal", application_id, sp["id"], sp["display_name"], groups, active
            )
    return None


def authenticate(workspace: Json, authorization: str) -> Principal:
    """The caller behind an Authorization header.

    Any token that is not refused and not mapped belongs to the default user, except for those
    that look as if they had been issued here.
    """
    identity = workspace["identity"]
    token = token_of(authorization)
    if not token or token in identity["refused_tokens"]:
        raise unauthenticated()
    unknown = "" if token.startswith(ISSUED) else identity["default_user"]
    principal = find_principal(workspace, identity["tokens"].get(token, unknown))
    if principal is None or not principal.active:
        raise unauthenticated()
    return principal


def token_of(authorization: str) -> str:
    """The token of an Authorization header, "" where there is none."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() == "basic":
        user, password = decode_basic(credentials)
        return password if user == "token" else ""
    return ""


def decode_basic(credentials: str) -> tuple[str, str]:
    """User and password of a Basic header, empty where it cannot be read."""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
