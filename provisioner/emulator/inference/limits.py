"""Rate limits of the gateway: a window of one minute that moves with the emulator's clock.

That the window moves, and the text, were observed in 2026. Which limit counts for whom follows
the documents of the gateway: one's own before that of one's groups, before that of all users;
of several groups the most generous; and that of the endpoint always.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import ApiError
from provisioner.emulator.identity import Principal
from provisioner.emulator.inference.ledger import Ledger, Spent

MINUTE_MS = 60_000

Window = tuple[str, ...]


def admit(ledger: Ledger, endpoint: Json, caller: Principal, now_ms: int) -> list[Window]:
    """Let a request in and count it, or refuse it; answers where its tokens are to be counted."""
    limits = list(_limits(endpoint))
    name = endpoint["name"]
    whole = [limit for limit in limits if limit["key"] == "endpoint"]
    for limit in whole:
        _check(ledger, name, limit, (name, "endpoint"), now_ms)
    _check_caller(ledger, name, limits, caller, now_ms)
    if not limits:
        return []
    windows: list[Window] = [(name, "endpoint"), (name, caller.name)]
    windows += [(name, "group", group) for group in caller.groups]
    for window in windows:
        ledger.spent.setdefault(window, deque()).append(Spent(now_ms, 1, 0))
    return windows


def charge(ledger: Ledger, windows: list[Window], tokens: int, now_ms: int) -> None:
    """Count the tokens of an answer."""
    for window in windows:
        ledger.spent[window].append(Spent(now_ms, 0, tokens))


def _limits(endpoint: Json) -> Iterator[Json]:
    yield from endpoint.get("ai_gateway", {}).get("rate_limits", ())
    for old in endpoint.get("write_only", {}).get("rate_limits", ()):
        yield {"key": "endpoint"} | old


def _check_caller(
    ledger: Ledger, name: str, limits: list[Json], caller: Principal, now_ms: int
) -> None:
    mine = (name, caller.name)
    kind = "user" if caller.kind == "user" else "service_principal"
    own = [x for x in limits if x["key"] == kind and x.get("principal") == caller.name]
    groups = [x for x in limits if x["key"] == "user_group" and x["principal"] in caller.groups]
    default = [x for x in limits if x["key"] == "user" and not x.get("principal")]
    if own:
        _check(ledger, name, own[0], mine, now_ms)
    elif groups:
        refusals = [
            _refusal(ledger, name, x, (name, "group", x["principal"]), now_ms) for x in groups
        ]
        if all(refusals):
            raise refusals[0] or AssertionError
    elif default:
        _check(ledger, name, default[0], mine, now_ms)


def _check(ledger: Ledger, name: str, limit: Json, window: Window, now_ms: int) -> None:
    if refusal := _refusal(ledger, name, limit, window, now_ms):
        raise refusal


def _refusal(
    ledger: Ledger, name: str, limit: Json, window: Window, now_ms: int
) -> ApiError | None:
    spent = ledger.spent.setdefault(window, deque())
    while spent and spent[0].at_ms <= now_ms - MINUTE_MS:
        spent.popleft()
    calls, tokens = sum(one.calls for one in spent), sum(one.tokens for one in spent)
    who = limit["key"].replace("_", " ")
    for field, used, words in (
        ("calls", calls, "Requests-per-minute (RPM)"),
        ("tokens", tokens, "Tokens-per-minute (TPM)"),
    ):
        if field in limit and used >= int(limit[field]):
            text = f"User defined rate limit(s) exceeded for '{name}'. {words} rate limit exceeded"
            return ApiError(429, "REQUEST_LIMIT_EXCEEDED", f"{text} for {who}.")
    return None
