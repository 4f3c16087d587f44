"""What is looked up before a plan is made: versions, capacity and principals."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.errors import Problem, Severity
from provisioner.plan import Desired
from provisioner.plan.lookups import Facts, Throughput, capacity_to_ask, checked
from provisioner.plan.principals import principals_to_find
from provisioner.plan.versions import Lack, Missing, versions_to_find, with_versions
from provisioner.wire.answers import Live

from ..conftest import Cli, Emulator, Project, custom, external, serving, throughput

Json = dict[str, Any]
_MODEL = "main.ml.churn_classifier"
_LLAMA = "main.support.ticket_llama"


def _entity(version: str = "1", model: str = _MODEL, **more: Any) -> Json:
    return {"entity_name": model, "entity_version": version, **more}


def _desired(*entities: Json, rows: Json | None = None, if_missing: str = "fail") -> Desired:
    document: Json = {
        "name": "e",
        "config": {"served_entities": {f"s{n}": entity for n, entity in enumerate(entities)}},
    }
    if rows is not None:
        document["permissions"] = rows
    return Desired(name="e", kind="custom_model", document=document, if_missing=if_missing)


def _live(document: Json) -> Live:
    return Live(
        name="e",
        id="1",
        document=document,
        owner="",
        protected=False,
        hosted=False,
        ready=True,
        update="NOT_UPDATING",
        version=1,
        pending_version=0,
    )


# Versions.


@pytest.mark.parametrize(
    ("version", "served", "asked"),
    [
        ("3", None, True),
        ("3", "2", True),
        ("3", "3", False),
        ("@champion", "3", True),
        (None, None, True),
    ],
)
def test_versions_are_looked_up_unless_they_serve(
    version: str | None, served: str | None, asked: bool
) -> None:
    wanted = [_desired({"entity_name": _MODEL, **({"entity_version": version} if version else {})})]
    live = {"e": _live({"config": {"served_entities": {"s0": _entity(served)}}})} if served else {}
    assert versions_to_find(wanted, live) == ({(_MODEL, version or "")} if asked else set())


def test_external_models_have_no_version_to_look_up() -> None:
    assert versions_to_find([_desired({"external_model": {"name": "gpt-4o"}})], {}) == set()


def test_an_alias_is_asked_once_and_pinned_everywhere() -> None:
    wanted = [_desired(_entity("@champion")), _desired(_entity("2"), _entity("@champion"))]
    assert versions_to_find(wanted, {}) >= {(_MODEL, "@champion")}
    pinned, problems = with_versions(wanted, {(_MODEL, "@champion"): "7"})
    assert problems == []
    found = [
        [entity["entity_version"] for entity in want.document["config"]["served_entities"].values()]
        for want in pinned
    ]
    assert found == [["7"], ["2", "7"]]
    assert pinned[1].notes == {"config.served_entities[s1].entity_version": "@champion"}
    assert not any(want.pending for want in pinned)
    assert wanted[0].document["config"]["served_entities"]["s0"]["entity_version"] == "@champion"


@pytest.mark.parametrize(
    ("if_missing", "severity"),
    [("fail", Severity.ERROR), ("skip", Severity.WARNING), ("wait", Severity.WARNING)],
)
@pytest.mark.parametrize("version", ["@champion", "9"])
def test_a_missing_version(if_missing: str, severity: Severity, version: str) -> None:
    wanted = [_desired(_entity(version), if_missing=if_missing), _desired(_entity("1"))]
    pinned, problems = with_versions(wanted, {(_MODEL, version): Missing(Lack.VERSION)})
    [problem] = problems
    assert (problem.code, problem.severity) == ("model-missing", severity)
    assert _MODEL in problem.summary
    assert version in problem.summary
    assert [bool(want.pending) for want in pinned] == [True, False]


def test_a_pending_endpoint_is_asked_nothing_more() -> None:
    entity = _entity("9", _LLAMA, max_provisioned_throughput=7)
    wanted = [_desired(entity, rows={"group:nobody": "CAN_VIEW"}, if_missing="skip")]
    pinned, _ = with_versions(wanted, {(_LLAMA, "9"): Missing(Lack.VERSION)})
    assert capacity_to_ask(pinned, {}, {}) == set()
    assert principals_to_find(pinned, {}) == set()
    facts = Facts(throughput={(_LLAMA, "9"): Throughput(optimizable=True, step=980)})
    assert checked(pinned, facts) == (pinned, [])


# Capacity.


def _sized(low: int, high: int, version: str = "1") -> Json:
    bounds = {"min_provisioned_throughput": low, "max_provisioned_throughput": high}
    return _entity(version, _LLAMA, **bounds)


@pytest.mark.parametrize(
    ("live", "asked"),
    [
        (None, True),
        (_sized(0, 980), False),
        (_sized(0, 1960), True),
        (_sized(980, 980), True),
        (_sized(0, 980, "2"), True),
    ],
)
def test_capacity_is_asked_for_what_is_new_or_changes(live: Json | None, asked: bool) -> None:
    there = {} if live is None else {"e": _live({"config": {"served_entities": {"s0": live}}})}
    found = capacity_to_ask([_desired(_sized(0, 980))], there, {})
    assert found == ({(_LLAMA, "1")} if asked else set())


def test_capacity_is_not_asked_for_what_has_none() -> None:
    assert capacity_to_ask([_desired(_entity())], {}, {}) == set()


def _judged(entity: Json, sold: Throughput | None) -> list[Problem]:
    facts = Facts(throughput={} if sold is None else {(_LLAMA, "1"): sold})
    return checked([_desired(entity)], facts)[1]


@pytest.mark.parametrize(("low", "high"), [(0, 980), (980, 1960), (1960, 9800)])
def test_whole_steps_are_right(low: int, high: int) -> None:
    assert _judged(_sized(low, high), Throughput(optimizable=True, step=980)) == []


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [
        (0, 979, ["max_provisioned_throughput"]),
        (1, 980, ["min_provisioned_throughput"]),
        (981, 1961, ["min_provisioned_throughput", "max_provisioned_throughput"]),
    ],
)
def test_other_sizes_are_told_the_nearest(low: int, high: int, bounds: list[str]) -> None:
    problems = _judged(_sized(low, high), Throughput(optimizable=True, step=980))
    assert [problem.code for problem in problems] == ["capacity-step"] * len(bounds)
    assert all(bound in problem.summary for bound, problem in zip(bounds, problems, strict=True))
    for value, problem in zip([low, high] if len(bounds) > 1 else [], problems, strict=False):
        below = value // 980 * 980
        assert f"{below} and {below + 980}" in problem.hint


def test_the_wrong_unit_is_told_the_right_one() -> None:
    [problem] = _judged(_sized(0, 980), Throughput(optimizable=False, step=1))
    assert problem.code == "capacity-unit"
    assert "provisioned_model_units" in problem.hint


def test_what_cannot_be_asked_is_not_judged() -> None:
    assert _judged(_sized(0, 981), None) == []


# Principals.


def test_only_new_rows_are_looked_up() -> None:
    want = _desired(rows={"group:users": "CAN_VIEW", "group:ops": "CAN_VIEW"})
    live = {"e": _live({"permissions": {"group:users": "CAN_QUERY"}})}
    assert principals_to_find([want], live) == {"group:ops"}
    assert principals_to_find([want], {}) == {"group:ops", "group:users"}


def test_the_spelling_of_the_service_is_used() -> None:
    want = _desired(rows={"service_principal:deployer": "CAN_MANAGE", "group:users": "CAN_VIEW"})
    facts = Facts(
        principals={
            "service_principal:deployer": ("service_principal:11111111",),
            "group:users": ("group:users",),
        }
    )
    [found], problems = checked([want], facts)
    assert problems == []
    assert found.document["permissions"] == {
        "service_principal:11111111": "CAN_MANAGE",
        "group:users": "CAN_VIEW",
    }


def test_unknown_and_ambiguous_ones_are_errors() -> None:
    want = _desired(
        rows={
            "group:ml-enginers": "CAN_VIEW",
            "user:nobody@example.com": "CAN_VIEW",
            "service_principal:bot": "CAN_QUERY",
        }
    )
    facts = Facts(
        principals={
            "group:ml-enginers": (),
            "user:nobody@example.com": (),
            "service_principal:bot": ("service_principal:1", "service_principal:2"),
        },
        groups=("admins", "ml-engineers", "users"),
    )
    _, problems = checked([want], facts)
    assert [(problem.code, problem.is_error) for problem in problems] == [
        ("unknown-principal", True),
        ("unknown-principal", True),
        ("ambiguous-principal", True),
    ]
    assert problems[0].hint == "did you mean ml-engineers?"
    assert "did you mean" not in problems[1].hint
    assert "service_principal:1, service_principal:2" in problems[2].summary


def test_who_may_not_look_is_not_told_anything() -> None:
    want = _desired(rows={"group:secret": "CAN_VIEW"})
    assert checked([want], Facts()) == ([want], [])


# The same against the emulated workspace.


def test_an_alias_from_plan_to_wire(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(custom(version="@champion")))
    cli.apply()
    assert emulator.endpoint("e")["config"]["served_entities"][0]["entity_version"] == "2"
    assert cli.settled()
    aliases = {"aliases": {"champion": 3}}
    emulator.seed(unity_catalog={"models": {_MODEL: aliases}})
    run = cli.plan()
    [change] = run.entry("e")["changes"]
    assert (change["before"], change["after"]) == ("2", "3")
    assert change["note"] == "@champion"
    assert "@champion" in cli("plan", "-e", "dev", expect=0).out
    cli.apply()
    assert cli.settled()


def test_a_saved_plan_keeps_the_number(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("e", serving(custom(version="@champion")))
    saved = project.root / "plan.json"
    cli("plan", "-e", "dev", "--out", saved, expect=0)
    emulator.seed(unity_catalog={"models": {_MODEL: {"aliases": {"champion": 3}}}})
    cli("apply", "-e", "dev", saved, expect=0)
    assert emulator.endpoint("e")["config"]["served_entities"][0]["entity_version"] == "2"


@pytest.mark.parametrize("version", ["@nobody", "9"])
def test_a_missing_model_fails_the_plan_or_is_skipped(
    project: Project, cli: Cli, emulator: Emulator, version: str
) -> None:
    project.endpoint("other", serving(external()))
    missing = serving(custom(version=version))
    project.endpoint("e", missing, lifecycle={"if_missing": "skip"})
    run = cli.apply()
    assert "model-missing" in run.err + run.out
    assert emulator.names() == ["other"]
    project.endpoint("e", missing)
    emulator.forget()
    cli.apply(expect=5)
    assert emulator.writes() == []
    assert emulator.names() == ["other"]
    versions = {"versions": {"9": {"status": "READY"}}, "aliases": {"nobody": 9}}
    emulator.seed(unity_catalog={"models": {_MODEL: versions}})
    cli.apply()
    assert emulator.names() == ["e", "other"]


def test_a_version_that_is_not_ready_is_missing(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    versions = {"versions": {"8": {"status": "PENDING_REGISTRATION"}}}
    emulator.seed(unity_catalog={"models": {_MODEL: versions}})
    project.endpoint("e", serving(custom(version="8")), lifecycle={"if_missing": "skip"})
    cli.apply()
    assert emulator.names() == []
    versions["versions"]["8"]["status"] = "READY"
    emulator.seed(unity_catalog={"models": {_MODEL: versions}})
    cli.apply()
    assert emulator.names() == ["e"]


def test_a_skipped_endpoint_that_exists_stays_as_it_is(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(custom()))
    cli.apply()
    emulator.forget()
    project.endpoint("e", serving(custom(version="9")), lifecycle={"if_missing": "skip"})
    cli.apply()
    assert emulator.writes() == []
    assert emulator.names() == ["e"]


def test_throughput_in_steps_of_the_workspace(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(throughput(top=1000)))
    run = cli.apply(expect=5)
    assert "capacity-step" in run.out + run.err
    assert "980 and 1960" in run.out + run.err
    assert emulator.writes() == []
    emulator.seed(unity_catalog={"models": {_LLAMA: {"throughput_chunk_size": 500}}})
    cli.apply()
    assert cli.settled()


def test_tokens_for_a_model_sold_in_units(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.seed(unity_catalog={"models": {_LLAMA: {"throughput_chunk_size": 0}}})
    project.endpoint("e", serving(throughput()))
    run = cli.apply(expect=5)
    assert "capacity-unit" in run.out + run.err
    assert "provisioned_model_units" in run.out + run.err
    assert emulator.writes() == []


def test_principals_in_any_spelling(project: Project, cli: Cli, emulator: Emulator) -> None:
    rows = [
        {"user": "Alice@Example.com", "level": "CAN_QUERY"},
        {"service_principal": "deployer", "level": "CAN_MANAGE"},
        {"group": "Users", "level": "CAN_VIEW"},
    ]
    project.endpoint("e", serving(external()), permissions=rows)
    cli.apply()
    found = emulator.rows("e")
    assert found["alice@example.com"] == "CAN_QUERY"
    assert found["11111111-2222-4333-8444-555555555555"] == "CAN_MANAGE"
    assert found["users"] == "CAN_VIEW"
    assert cli.settled(), cli.plan().out
    emulator.forget()
    cli.apply()
    assert emulator.writes() == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"group": "ml-enginers"}, "did you mean ml-engineers?"),
        ({"user": "nobody@example.com"}, "there is no user nobody@example.com"),
        ({"service_principal": "nobody"}, "there is no service principal nobody"),
        ({"service_principal": "twin"}, "is ambiguous"),
    ],
)
def test_unknown_principals_stop_the_plan(
    project: Project, cli: Cli, emulator: Emulator, row: dict[str, str], said: str
) -> None:
    twin = {"display_name": "twin", "groups": [], "client_secret": "x"}
    ids = [f"{n}2222222-2222-4333-8444-555555555555" for n in (1, 2)]
    twins = {key: {**twin, "id": str(n)} for n, key in enumerate(ids)}
    emulator.seed(identity={"service_principals": twins})
    project.endpoint("e", serving(external()), permissions=[{**row, "level": "CAN_VIEW"}])
    run = cli.apply(expect=5)
    assert said in run.out + run.err
    assert emulator.writes() == []
