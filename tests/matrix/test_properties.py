"""Whatever is declared: rollback leads back, and what is only governed stays somebody else's."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ..conftest import ENDPOINTS, Cli, Emulator, Project, custom, external, serving
from .conftest import GOVERNED, meaning, unequal

Json = dict[str, Any]
_QUICK = settings(
    max_examples=4,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_LONG = settings(_QUICK, max_examples=30)

_calls = st.sampled_from([0, 1, 50])
_words = st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=3)
_limits = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["user", "endpoint"]),
            "calls": _calls,
            "renewal_period": st.just("minute"),
        }
    ),
    max_size=2,
    unique_by=lambda limit: str(limit["key"]),
)
_gateways = st.fixed_dictionaries(
    {"rate_limits": _limits},
    optional={
        "usage_tracking_config": st.fixed_dictionaries({"enabled": st.booleans()}),
        "guardrails": st.fixed_dictionaries(
            {"input": st.fixed_dictionaries({"safety": st.booleans(), "invalid_keywords": _words})}
        ),
    },
)
_tags = st.dictionaries(st.sampled_from(["team", "tier"]), st.sampled_from(["", "x", "y"]))
_mails = st.fixed_dictionaries(
    {"on_update_failure": st.lists(st.just("a@example.com"), max_size=1)}
)
_rows = st.lists(
    st.builds(
        lambda group, level: {"group": group, "level": level},
        st.sampled_from(["users", "ml-engineers"]),
        st.sampled_from(["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]),
    ),
    max_size=2,
    unique_by=lambda row: row["group"],
)
_exact = st.builds(lambda rows: {"mode": "exact", "rows": rows}, _rows)
_blocks: dict[str, st.SearchStrategy[Any]] = {
    "ai_gateway": _gateways,
    "email_notifications": _mails,
    "permissions": _exact,
}


@st.composite
def _histories(draw: st.DrawFn) -> list[Json]:
    """Declarations of one endpoint, one after the other; the blocks that it has stay the same."""
    kind = draw(st.sampled_from(["custom", "external"]))
    blocks = draw(st.sets(st.sampled_from(sorted(_blocks))))
    return [
        _serving(draw, kind)
        | {"tags": draw(_tags)}
        | {block: draw(_blocks[block]) for block in sorted(blocks)}
        for _ in range(draw(st.integers(2, 3)))
    ]


def _serving(draw: st.DrawFn, kind: str) -> Json:
    if kind == "custom":
        variables = draw(st.dictionaries(st.sampled_from(["A", "B"]), st.just("1")))
        version = draw(st.sampled_from(["1", "2"]))
        return serving(custom(version=version, environment_vars=variables))
    share = draw(st.sampled_from([0, 30, 100]))
    model = draw(st.sampled_from(["gpt-4", "gpt-4o"]))
    return serving(external(model, "one"), external("gpt-4o", "two"), one=share, two=100 - share)


def _rolls_back(project: Project, cli: Cli, emulator: Emulator, history: list[Json]) -> None:
    emulator.reset()
    states: list[tuple[str, Any]] = []
    for declared in history:
        project.endpoint("e", declared)
        cli.apply()
        state = _state(emulator)
        if not states or states[-1][0] != json.dumps(declared, sort_keys=True):
            states.append((json.dumps(declared, sort_keys=True), state))
    if len(states) < 2:
        return
    cli("rollback", "-e", "dev", "e", "--auto-approve", expect=0)
    assert not list(unequal(_state(emulator), states[-2][1]))
    cli.apply()
    assert not list(unequal(_state(emulator), states[-1][1]))
    assert cli.settled()


def _state(emulator: Emulator) -> Any:
    found = meaning(emulator.export())
    return {"endpoint": _said(found["endpoints"]["e"]), "permissions": found["permissions"]["e"]}


def _said(value: Any) -> Any:
    """Without what says nothing: empty blocks and lists, and switches that are off."""
    if not isinstance(value, dict):
        return value
    said = {key: _said(item) for key, item in value.items()}
    return {key: item for key, item in said.items() if item is not False and item not in ([], {})}


@_QUICK
@given(history=_histories())
def test_rollback_leads_back(
    project: Project, cli: Cli, emulator: Emulator, history: list[Json]
) -> None:
    _rolls_back(project, cli, emulator, history)


@pytest.mark.exhaustive
@_LONG
@given(history=_histories())
def test_rollback_leads_back_whatever_the_history(
    project: Project, cli: Cli, emulator: Emulator, history: list[Json]
) -> None:
    _rolls_back(project, cli, emulator, history)


@pytest.mark.parametrize("block", sorted(_blocks))
def test_rollback_takes_back_a_block_that_was_added(
    project: Project, cli: Cli, emulator: Emulator, block: str
) -> None:
    values: Json = {
        "ai_gateway": {"rate_limits": [{"key": "user", "calls": 1, "renewal_period": "minute"}]},
        "email_notifications": {"on_update_failure": ["a@example.com"]},
        "permissions": [{"group": "users", "level": "CAN_QUERY"}],
    }
    project.endpoint("e", serving(external()))
    cli.apply()
    before = _state(emulator)
    project.endpoint("e", serving(external()), **{block: values[block]})
    cli.apply()
    assert _state(emulator) != before
    cli("rollback", "-e", "dev", "e", "--auto-approve", expect=0)
    assert not list(unequal(_state(emulator), before))


_governing = st.fixed_dictionaries(
    {}, optional={"ai_gateway": _gateways, "tags": _tags, "permissions": _exact}
)
_operations = st.lists(
    st.one_of(
        st.tuples(st.just("declare"), _governing),
        st.tuples(st.just("remove"), st.none()),
        st.tuples(st.just("release"), st.booleans()),
        st.tuples(st.just("rollback"), st.none()),
        st.tuples(st.just("lose the record"), st.none()),
    ),
    min_size=1,
    max_size=5,
)
_PERMITS = ("--allow-retire", "*", "--allow-replace", "*", "--adopt", "*")


def _stays_theirs(
    project: Project, cli: Cli, emulator: Emulator, name: str, operations: list[tuple[str, Any]]
) -> None:
    emulator.reset()
    emulator.call("POST", ENDPOINTS, {"name": "theirs", **serving(external())}, token="token-alice")
    before = _served(emulator, name)
    path = project.root / "endpoints" / "governed.yaml"
    path.unlink(missing_ok=True)
    for operation, value in operations:
        if operation == "declare":
            path.write_text(json.dumps({"governs": name, **value}))
        elif operation == "remove":
            path.unlink(missing_ok=True)
        elif operation == "release":
            cli("release", "-e", "dev", name, *(["--restore"] if value else []), "--auto-approve")
        elif operation == "rollback":
            cli("rollback", "-e", "dev", name, "--auto-approve")
        else:
            emulator.seed(files={"/Shared/.provisioner/shop/dev.json": None})
        run = cli("apply", "-e", "dev", "--auto-approve", *_PERMITS)
        assert run.code in {0, 1, 3, 4, 5, 8}, run.out + run.err
    forbidden = [
        call
        for call in emulator.calls()
        if call.startswith(("POST", "DELETE")) or call.endswith("/config")
    ]
    assert forbidden == []
    assert _served(emulator, name) == before
    shutil.rmtree(project.root / ".provisioner", ignore_errors=True)


def _served(emulator: Emulator, name: str) -> Any:
    found = emulator.endpoint(name)
    return found.get("id"), found["config"]


@_QUICK
@given(name=st.sampled_from([GOVERNED, "theirs"]), operations=_operations)
def test_a_governed_endpoint_stays_theirs(
    project: Project,
    cli: Cli,
    emulator: Emulator,
    name: str,
    operations: list[tuple[str, Any]],
) -> None:
    _stays_theirs(project, cli, emulator, name, operations)


@pytest.mark.exhaustive
@_LONG
@given(name=st.sampled_from([GOVERNED, "theirs"]), operations=_operations)
def test_a_governed_endpoint_stays_theirs_whatever_is_done(
    project: Project,
    cli: Cli,
    emulator: Emulator,
    name: str,
    operations: list[tuple[str, Any]],
) -> None:
    _stays_theirs(project, cli, emulator, name, operations)
