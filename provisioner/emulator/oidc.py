"""Discovery documents and the token endpoint: machine-to-machine and token exchange."""

from __future__ import annotations

from urllib.parse import parse_qs

from provisioner.emulator.answers import Answer, Json
from provisioner.emulator.calls import Call, Route
from provisioner.emulator.identity import EMBEDDED, FOR_QUERIES, ISSUED, decode_basic

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - a grant's name


def databricks_config(call: Call) -> Json:
    """Where tokens are issued; OAuth clients cannot start without it (databricks-sdk 0.156)."""
    return {
        "oidc_endpoint": f"{call.base_url}/oidc",
        "workspace_id": call.workspace["workspace_id"],
        "cloud": call.workspace["cloud"],
    }


def authorization_server(call: Call) -> Json:
    """The endpoints of the token service."""
    return {
        "issuer": f"{call.base_url}/oidc",
        "authorization_endpoint": f"{call.base_url}/oidc/v1/authorize",
        "token_endpoint": f"{call.base_url}/oidc/v1/token",
        "grant_types_supported": ["client_credentials", TOKEN_EXCHANGE],
        "scopes_supported": ["all-apis"],
    }


def token(call: Call) -> Answer:
    """Issue a token for a service principal; it does not expire here."""
    form = {key: values[0] for key, values in parse_qs(call.raw.decode()).items()}
    if form.get("grant_type") == JWT_BEARER:
        return _exchange_for_queries(call, form)
    client_id, secret = _client(call, form)
    service_principals = call.workspace["identity"]["service_principals"]
    if client_id not in service_principals:
        return _refused(401, "invalid_client", "Client authentication failed")
    match form.get("grant_type"):
        case "client_credentials":
            if secret != service_principals[client_id]["client_secret"]:
                return _refused(401, "invalid_client", "Client authentication failed")
        case str(grant) if grant == TOKEN_EXCHANGE:
            # Federation policies are not modelled: every subject token is believed.
            if not form.get("subject_token"):
                return _refused(400, "invalid_request", "subject_token is missing")
        case grant:
            return _refused(400, "unsupported_grant_type", f"grant_type {grant} is not supported")
    return _issue(call, form, client_id)


def _exchange_for_queries(call: Call, form: dict[str, str]) -> Answer:
    """A token of the workspace for one that may ask an endpoint (databricks-sdk, data_plane)."""
    identity, assertion = call.workspace["identity"], form.get("assertion", "")
    holder = identity["tokens"].get(assertion)
    if assertion.startswith(EMBEDDED):
        holder = identity["default_user"]
    if holder is None:
        return _refused(400, "invalid_grant", "the assertion is no token of this workspace")
    if not form.get("authorization_details"):
        return _refused(400, "invalid_request", "authorization_details is missing")
    return _issue(call, form, holder)


def _issue(call: Call, form: dict[str, str], holder: str) -> Answer:
    prefix = FOR_QUERIES if form.get("authorization_details") else ISSUED
    issued = f"{prefix}{call.world.new_id()}"
    call.workspace["identity"]["tokens"][issued] = holder
    scope = form.get("scope", "all-apis")
    return Answer(
        {"access_token": issued, "token_type": "Bearer", "expires_in": 3600, "scope": scope}
    )


def _client(call: Call, form: dict[str, str]) -> tuple[str, str]:
    scheme, _, credentials = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return decode_basic(credentials)
    return form.get("client_id", ""), form.get("client_secret", "")


def _refused(status: int, error: str, description: str) -> Answer:
    return Answer({"error": error, "error_description": description}, status)


ROUTES = (
    Route("GET", "/.well-known/databricks-config", databricks_config, public=True),
    Route("GET", "/oidc/.well-known/oauth-authorization-server", authorization_server, public=True),
    Route("POST", "/oidc/v1/token", token, public=True),
)
