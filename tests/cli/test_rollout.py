"""Rollouts at the command line: kinds of models, what stands beside them, options, words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from provisioner.apply.caller import Caller

from ..conftest import (
    ENDPOINTS,
    PERMISSIONS,
    Cli,
    Emulator,
    Project,
    anthropic,
    custom,
    external,
    serving,
    throughput,
    units,
)

CONFIG = f"PUT {ENDPOINTS}/e/config"
_ROLLOUT = {"steps": [10, 50], "hold": 60}
_SHARES = [0, 10, 50, 100, 100]
_VERDICT = "Plan: 0 to create, 1 to update, 0 to replace, 0 to retire, 0 to adopt, 0 unchanged."


@pytest.fixture(autouse=True)
def _hurried(signed_in: pytest.MonkeyPatch) -> None:
    """Time passes as somebody waits."""
    passed = [0.0]

    def pause(_caller: Caller, seconds: float) -> None:
        passed[0] += seconds

    signed_in.setattr(Caller, "pause", pause)
    signed_in.setattr(Caller, "now", lambda _caller: passed[0])


def _old(project: Project, cli: Cli, entity: dict[str, Any], **more: Any) -> None:
    project.endpoint("e", serving(entity), **more)
    cli.apply()


def _shares(emulator: Emulator, name: str) -> list[int]:
    """The share of a served entity in every configuration that was sent."""
    bodies = [entry["body"] for entry in emulator.writes() if entry["path"].endswith("/config")]
    found = []
    for body in bodies:
        config = body.get("config", body)
        routes = (config.get("traffic_config") or {}).get("routes") or ()
        shares = {r["served_entity_name"]: r["traffic_percentage"] for r in routes}
        assert not shares or sum(shares.values()) == 100
        found.append(shares.get(name, 100))
    return found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(external("gpt-4o", "old"), external("gpt-4o-mini", "new"), id="external"),
        pytest.param(external("gpt-4o", "old"), anthropic("new"), id="another provider"),
        pytest.param(throughput("old"), throughput("new", 1960, entity_version="2"), id="tokens"),
        pytest.param(
            custom("old", workload_size="Large", workload_type="GPU_SMALL"),
            custom("new", "2", environment_vars={"A": "1"}),
            id="custom",
        ),
    ],
)
def test_kinds(
    project: Project, cli: Cli, emulator: Emulator, old: dict[str, Any], new: dict[str, Any]
) -> None:
    """What serves is sent back as it is, and the new one as it is declared."""
    _old(project, cli, old)
    before = emulator.endpoint("e")["config"]["served_entities"][0]
    emulator.forget()
    project.endpoint("e", serving(new), rollout=_ROLLOUT)
    cli.apply()
    assert emulator.calls() == [CONFIG] * 5
    assert _shares(emulator, "new") == _SHARES
    for entry in emulator.writes()[:-1]:
        sent = {entity["name"]: entity for entity in entry["body"]["served_entities"]}
        assert sent["new"] == new
        assert sent["old"] == old
        assert all(before[key] == value for key, value in old.items())
    assert cli.settled()


def test_an_old_key_in_plaintext_is_still_needed(
    project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch
) -> None:
    """It is in no answer, and the service wants it again; nothing prints it."""
    plain = {"openai_api_key": None, "openai_api_key_plaintext": "${env:OLD_KEY}"}
    signed_in.setenv("OLD_KEY", "sk-canary-of-old")
    _old(project, cli, external("gpt-4o", "old", **plain))
    project.endpoint("e", serving(external("gpt-4o-mini", "new")), rollout=_ROLLOUT)
    signed_in.delenv("OLD_KEY")
    run = cli.apply(expect=4)
    assert "OLD_KEY is not set" in " ".join(run.err.split())
    signed_in.setenv("OLD_KEY", "sk-canary-of-old")
    planned = cli.plan()
    assert "${env:OLD_KEY}" in planned.out
    emulator.forget()
    run = cli.apply()
    assert _shares(emulator, "new") == _SHARES
    assert "canary" not in run.out + run.err + planned.out
    keys = [
        entity["external_model"]["openai_config"].get("openai_api_key_plaintext")
        for entity in emulator.writes()[0]["body"]["served_entities"]
    ]
    assert sorted(filter(None, keys)) == ["sk-canary-of-old"]


def test_what_stands_beside_it(project: Project, cli: Cli, emulator: Emulator) -> None:
    """Tightened before the traffic moves, loosened after all of it did."""
    users = {"group": "users", "level": "CAN_QUERY"}
    limits = [{"key": "user", "calls": 10, "renewal_period": "minute"}]
    _old(project, cli, external(name="old"), ai_gateway={"rate_limits": limits})
    limits = [
        {"key": "user", "calls": 100, "renewal_period": "minute"},
        {"key": "endpoint", "calls": 50, "renewal_period": "minute"},
    ]
    project.endpoint(
        "e",
        serving(external("gpt-4o-mini", "new")),
        rollout=_ROLLOUT,
        tags={"team": "a"},
        ai_gateway={"rate_limits": limits},
        permissions=[users],
    )
    emulator.forget()
    cli.apply()
    gateway = f"PUT {ENDPOINTS}/e/ai-gateway"
    assert emulator.calls() == [
        f"PATCH {ENDPOINTS}/e/tags",
        gateway,
        *[CONFIG] * 5,
        gateway,
        f"PATCH {PERMISSIONS}/{{id}}",
    ]
    assert cli.settled()


def test_entities_in_their_order(project: Project, cli: Cli, emulator: Emulator) -> None:
    """A fallback goes through served entities in order; the new one comes last until the end."""
    fallback = {"fallback_config": {"enabled": True}}
    both = serving(external(name="b"), external("gpt-4", "a"), b=90, a=10)
    project.endpoint("e", both, ai_gateway=fallback)
    cli.apply()
    after = serving(anthropic("c"), external(name="b"), c=50, b=50)
    project.endpoint("e", after, ai_gateway=fallback, rollout={"steps": [20], "hold": 1})
    emulator.forget()
    cli.apply()
    names = [[e["name"] for e in call["body"]["served_entities"]] for call in emulator.writes()]
    assert names == [["b", "a", "c"]] * 3 + [["c", "b"]]
    assert cli.settled()


def test_model_units(project: Project, cli: Cli, emulator: Emulator) -> None:
    """They have calls of their own."""
    _old(project, cli, units("old"))
    new = units("new", 100)
    project.endpoint("e", serving(new), rollout=_ROLLOUT)
    emulator.forget()
    cli.apply()
    assert emulator.calls() == [f"PUT {ENDPOINTS}/pt/e/config"] * 5
    assert _shares(emulator, "new") == _SHARES
    assert cli.settled()


def test_taken_over(project: Project, cli: Cli, emulator: Emulator) -> None:
    """An endpoint that nobody managed: what serves is kept as it is found."""
    emulator.call(
        "POST", ENDPOINTS, {"name": "e", **serving(custom("old", workload_size="Medium"))}
    )
    adopted = {"adopt": True}
    project.endpoint("e", serving(custom("new", "2")), rollout=_ROLLOUT, lifecycle=adopted)
    emulator.forget()
    run = cli.apply()
    assert "estimated" not in run.out
    assert _shares(emulator, "new") == _SHARES
    for entry in emulator.writes()[1:-1]:
        [old] = [one for one in entry["body"]["served_entities"] if one["name"] == "old"]
        assert old["workload_size"] == "Medium"
    assert cli.settled()


def test_made_anew(project: Project, cli: Cli, emulator: Emulator) -> None:
    """There is no traffic between the old endpoint and the new one."""
    _old(project, cli, custom("old"))
    anew = {"on_immutable_change": "replace"}
    new = serving(custom("new", "2"))
    project.endpoint("e", new, rollout=_ROLLOUT, lifecycle=anew, route_optimized=True)
    run = cli.apply("--allow-replace", "e")
    assert "no rollout: a new endpoint has no traffic to move" in run.out
    assert CONFIG not in emulator.calls()


@pytest.mark.parametrize("reviewed", [False, True])
def test_no_rollout(project: Project, cli: Cli, emulator: Emulator, reviewed: bool) -> None:
    _old(project, cli, custom("old"))
    project.endpoint("e", serving(custom("new", "2")), rollout=_ROLLOUT)
    emulator.forget()
    if reviewed:
        file = project.root / "plan.json"
        run = cli("plan", "-e", "dev", "--no-rollout", "--out", file, expect=0)
        assert "without its rollout" in run.out
        cli("apply", "-e", "dev", "--no-rollout", file, expect=64)
        cli("apply", "-e", "dev", "--as-declared", file, expect=0)
    else:
        run = cli.apply("--no-rollout")
        assert "without its rollout" in run.out
    assert emulator.calls() == [CONFIG]


def test_no_rollout_where_it_is_protected(project: Project, cli: Cli, emulator: Emulator) -> None:
    _old(project, cli, custom("old"))
    project.environment(protected=True)
    project.endpoint("e", serving(custom("new", "2")), rollout=_ROLLOUT)
    file = project.root / "plan.json"
    cli("plan", "-e", "dev", "--no-rollout", "--out", file, expect=0)
    emulator.forget()
    run = cli("apply", "-e", "dev", file, expect=5)
    assert "needs-permit" in run.err
    assert "--allow-no-rollout e" in run.err
    cli("apply", "-e", "dev", file, "--allow-no-rollout", "other", expect=5)
    assert emulator.calls() == []
    cli("apply", "-e", "dev", file, "--allow-no-rollout", "e", expect=0)
    assert emulator.calls() == [CONFIG]


def test_somebody_has_to_watch(project: Project, cli: Cli, emulator: Emulator) -> None:
    _old(project, cli, custom("old"))
    project.endpoint("e", serving(custom("new", "2")), rollout=_ROLLOUT)
    emulator.forget()
    run = cli.apply("--no-wait", expect=5)
    assert "somebody has to watch" in run.err
    assert emulator.calls() == []


def test_a_version_in_place(project: Project, cli: Cli, emulator: Emulator) -> None:
    _old(project, cli, custom("churn"))
    path = project.endpoint("e", serving(custom("churn", "2")), rollout=_ROLLOUT)
    line = path.read_text().splitlines().index("    entity_version: '2'") + 1
    emulator.forget()
    run = cli.apply(expect=5)
    assert f"endpoints/e.yaml:{line}:" in run.out
    assert "rollout-in-place" in run.out
    assert emulator.calls() == []
    cli.apply("--no-rollout")
    assert emulator.calls() == [CONFIG]


def test_an_endpoint_without_metrics_has_no_limits(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    """That is found before any traffic moves."""
    _old(project, cli, external(name="old"))
    rollout = {**_ROLLOUT, "max_error_share": 0.1}
    project.endpoint("e", serving(external("gpt-4o-mini", "new")), rollout=rollout)
    emulator.fault("GET", f"{ENDPOINTS}/e/metrics", status=404, error_code="NOT_FOUND")
    emulator.forget()
    run = cli.apply(expect=1)
    assert "it has no metrics" in " ".join(run.out.split())
    assert emulator.calls() == []


def test_taken_back_by_the_declaration(project: Project, cli: Cli, emulator: Emulator) -> None:
    """In the middle of a rollout the earlier declaration is one call away."""
    _old(project, cli, custom("old"))
    project.endpoint("e", serving(custom("new", "2")), rollout=_ROLLOUT)
    emulator.fault("PUT", f"{ENDPOINTS}/e/config", skip=2, status=400, error_code="BAD_REQUEST")
    cli.apply(expect=8)
    emulator.admin("DELETE", "faults")
    assert cli.plan().entry("e")["rollout"]["opening"]["share"] == 10
    project.endpoint("e", serving(custom("old")), rollout=_ROLLOUT)
    emulator.forget()
    cli.apply()
    assert emulator.calls() == [CONFIG]
    assert cli.settled()


def test_rollback_in_the_middle(project: Project, cli: Cli, emulator: Emulator) -> None:
    """It returns to what was applied before the rollout, and not to what was before that."""
    _old(project, cli, custom("oldest"))
    _old(project, cli, custom("old", "2"))
    project.endpoint("e", serving(custom("new", "3")), rollout=_ROLLOUT)
    emulator.fault("PUT", f"{ENDPOINTS}/e/config", skip=2, status=400, error_code="BAD_REQUEST")
    cli.apply(expect=8)
    emulator.admin("DELETE", "faults")
    emulator.forget()
    cli("rollback", "-e", "dev", "e", "--auto-approve", expect=0)
    assert emulator.calls() == [CONFIG]
    names = [entity["name"] for entity in emulator.endpoint("e")["config"]["served_entities"]]
    assert names == ["old"]
    cli("rollback", "-e", "dev", "e", "--auto-approve", expect=0)
    names = [entity["name"] for entity in emulator.endpoint("e")["config"]["served_entities"]]
    assert names == ["oldest"]


def test_the_example_of_this_repository(project: Project, cli: Cli) -> None:
    """What its staging environment does to it: more for the candidate."""
    written = (Path(__file__).parents[2] / "endpoints" / "ticket-triage.yaml").read_text("utf-8")
    project.environment(variables={"ticket_tokens_per_second": 980})
    project.endpoint("ticket-triage", written)
    cli.apply()
    project.endpoint("ticket-triage", re.sub(r": (90|10)}", ": 50}", written))
    entry = cli.plan().entry("ticket-triage")
    gates = [step["gate"] for step in entry["steps"]]
    assert [gate["routes"]["candidate"] for gate in gates] == [20, 50]
    assert [gate["hold_seconds"] for gate in gates] == [900, 900]
    assert entry["rollout"]["entities"] == ["candidate"]


def test_words_of_a_plan_and_of_a_breach(project: Project, cli: Cli, emulator: Emulator) -> None:
    _old(project, cli, custom("old", scale_to_zero_enabled=False))
    limits = {"min_requests": 5, "max_error_share": 0.01, "probe_every": 30}
    new = custom("new", "2", scale_to_zero_enabled=False)
    project.endpoint("e", serving(new), rollout={**_ROLLOUT, **limits})
    out = cli("plan", "-e", "dev", expect=0).out
    for line in (
        "      rollout of new: about 17 min",
        "        0 %  new comes: must be ready and answer its checks (about 10 min)",
        "       10 %  new 10 %, old 90 %: held 1 min (about 2 min)",
        "       50 %  new 50 %, old 50 %: held 1 min (about 2 min)",
        "      100 %  new 100 %, old 0 %: held 1 min (about 2 min)",
        "      100 %  old goes: must be ready (about 1 min)",
        "      each step: at least 5 requests, up to 1 % server errors, checks every 30",
        "      a breach returns to old 100 %, new 0 %",
    ):
        assert line in out.splitlines() or f"{line} s" in out, line
    assert [line for line in out.splitlines() if len(line) > 80] == [_VERDICT]
    rule = {"endpoint": "e", "entity": "new", "condition": "error"}
    emulator.admin("PUT", "conditions", rule)
    run = cli.apply(expect=6)
    emulator.admin("DELETE", "conditions")
    text = " ".join(run.out.split())
    assert "rolled back update e cannot roll out e: at 0 %: check `answers` of new" in text
    assert "the earlier routes are in force: old 100 %, new 0 %" in text
    assert "Applied: 0 done, 1 rolled back, 0 unchanged." in text
    assert [line for line in run.out.splitlines() if len(line) > 80] == [_VERDICT]
