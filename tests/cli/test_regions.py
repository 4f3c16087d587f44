"""The region of a workspace: asked once where it decides something, and judged by the facts."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import Cli, Emulator, Project, Run, external, serving, throughput

SUMMARY = "/api/2.1/unity-catalog/metastore_summary"
BGE = "databricks-bge-large-en"
GOVERNED = f"governs: {BGE}\ntags: {{team: search}}\n"


def told(run: Run) -> list[tuple[str, str]]:
    """What is said, but that the endpoint behind an endpoint is not there, which is so, too."""
    return [
        (found["severity"], found["code"])
        for found in run.json["problems"]
        if found["code"] != "target-missing"
    ]


def one(run: Run, code: str) -> Any:
    [found] = [problem for problem in run.json["problems"] if problem["code"] == code]
    return found


def asked(emulator: Emulator) -> int:
    return sum(entry["path"] == SUMMARY for entry in emulator.requests())


def through(workspace: str, name: str = BGE, task: str = "embeddings") -> dict[str, Any]:
    """An external model that is an endpoint of a workspace."""
    model = {
        "provider": "databricks-model-serving",
        "name": name,
        "task": f"llm/v1/{task}",
        "databricks_model_serving_config": {
            "databricks_workspace_url": workspace,
            "databricks_api_token": "{{secrets/llm/databricks_token}}",
        },
    }
    return serving({"name": "bge", "external_model": model})


def test_a_model_of_other_regions_only_fails_the_plan(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("bge", GOVERNED)
    project.endpoint("own", through(emulator.url))
    project.endpoint("theirs", through("https://other.example.com"))
    assert told(cli.plan()) == []
    emulator.seed(cloud="AZURE", region="westeurope")
    emulator.forget()
    plan = cli.plan()
    found = [problem for problem in plan.json["problems"] if problem["code"] == "limited-region"]
    assert [(one["severity"], one["where"]["file"]) for one in found] == [
        ("error", "endpoints/bge.yaml"),
        ("error", "endpoints/own.yaml"),
    ]
    assert found[0]["summary"] == (
        f"{BGE} is offered in the United States only, as of 2026-06-18; "
        "this workspace is in westeurope"
    )
    assert asked(emulator) == 1
    cli.apply(expect=5)
    assert emulator.writes() == []


def test_what_it_weighs_is_the_environments_choice(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.seed(region="eu-central-1")
    project.endpoint("own", through(emulator.url))
    project.environment(rules={"limited-region": "warning"})
    assert told(cli.plan()) == [("warning", "limited-region")]
    emulator.seed(region="us-east-2")
    assert told(cli.plan()) == []
    project.endpoint("theirs", through("https://other.example.com"))
    assert one(cli.plan(), "limited-region")["where"]["file"] == "endpoints/theirs.yaml"
    project.remove("theirs")
    emulator.seed(region="eu-central-1")
    off = {"level": "off", "reason": "our account team says so", "endpoints": ["ow*"]}
    project.environment(rules={"limited-region": off})
    assert told(cli.plan()) == []
    project.environment(rules={"limited-region": {**off, "endpoints": ["another"]}})
    assert told(cli.plan()) == [("error", "limited-region")]


def test_a_team_knows_better(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.seed(region="eu-central-1")
    project.endpoint("own", through(emulator.url))
    override = project.root / "catalog.override.yaml"
    entry = f"pay_per_token:\n- endpoint: {BGE}\n  checked: '2026-11-24'\n  regions: "
    override.write_text(f"{entry}[us, eu-central-1]\n")
    assert told(cli.plan()) == []
    shown = cli("catalog", "models", "bge-large", expect=0).out
    assert "in the United States and eu-central-1 only" in " ".join(shown.split())
    override.write_text(f"{entry}[us, uss]\n")
    refused = cli("validate", "-e", "dev", expect=4)
    assert "catalog.override.yaml:4:17: error[catalog-override]" in refused.err
    assert "`uss` is no geography" in refused.err


def test_provisioned_throughput_where_it_is_not_offered(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("llama", serving(throughput()))
    project.endpoint("small", serving(throughput("small")))
    assert told(cli.plan()) == []
    emulator.seed(cloud="AZURE", region="japaneast")
    assert told(cli.plan()) == [("notice", "cross-geo")] * 2
    project.environment(rules={"cross-geo": "error"})
    cli.apply(expect=5)
    project.environment()
    emulator.seed(region="qatarcentral")
    assert told(cli.plan()) == [("warning", "unsupported-region")] * 2
    emulator.forget()
    failed = cli.apply(expect=1)
    said = " ".join(failed.out.split())
    assert "Provisioned throughput is not supported in region qatarcentral." in said
    emulator.seed(cloud="AWS", region="ap-new-9")
    assert told(cli.plan()) == []
    cli.apply()
    project.endpoint("llama", serving(throughput(top=1960)))
    emulator.seed(cloud="AZURE", region="qatarcentral")
    assert told(cli.plan()) == [], "it is there, whatever the tables say"


def test_requests_that_leave_the_geography(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("claude", through(emulator.url, "databricks-claude-haiku-4-5", "chat"))
    for region, expected in {
        "eu-west-3": [],
        "ca-central-1": [("notice", "cross-geo")],
        "ap-south-1": [("notice", "cross-geo")],
        "af-south-1": [("warning", "unsupported-region")],
        "ap-new-9": [],
    }.items():
        emulator.seed(region=region)
        assert told(cli.plan()) == expected, region
    emulator.seed(region="ca-central-1")
    project.environment(rules={"cross-geo": "error"})
    cli.apply(expect=5)


def test_a_workspace_without_serving_says_so(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    emulator.seed(cloud="AZURE", region="usgovva")
    project.endpoint("e", serving(external()))
    refused = cli("plan", "-e", "dev", expect=1)
    said = " ".join(refused.err.split())
    assert "Model serving is not enabled for your shard." in said
    assert "the workspace's region may not have it: `provisioner catalog regions`" in said


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "error_code": "PERMISSION_DENIED"},
        {"status": 404, "error_code": "METASTORE_DOES_NOT_EXIST"},
        {"status": 404, "error_code": "RESOURCE_DOES_NOT_EXIST"},
        {"status": 500, "error_code": "INTERNAL_ERROR", "message": "a bug"},
        {"status": 501, "error_code": "NOT_IMPLEMENTED"},
        {"status": 200, "message": "not an answer"},
    ],
    ids=lambda fault: f"{fault['status']}-{fault.get('error_code')}",
)
def test_a_region_that_is_not_told_is_said_once(
    project: Project, cli: Cli, emulator: Emulator, fault: dict[str, Any]
) -> None:
    emulator.seed(region="eu-central-1")
    emulator.fault("GET", SUMMARY, **fault)
    project.endpoint("own", through(emulator.url))
    for name in ("a", "b"):
        project.endpoint(name, serving(throughput()))
    assert told(cli.plan()) == [("notice", "not-checked")]
    assert one(cli.plan(), "not-checked")["summary"] == (
        "not to be known from here: whether provisioned throughput is offered in this region; "
        f"whether this region has {BGE} (offered in the United States only, as of 2026-06-18)"
    )
    cli.apply()


def test_a_workspace_without_a_metastore(project: Project, cli: Cli, emulator: Emulator) -> None:
    emulator.seed(unity_catalog={"metastore": False})
    project.endpoint("own", through(emulator.url))
    assert told(cli.plan()) == [("notice", "not-checked")]
    project.environment(workspace={"host": emulator.url, "region": "us-west-2"})
    assert told(cli.plan()) == []


def test_a_pin_is_judged_offline_and_held_against_the_workspace(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.environment(workspace={"host": emulator.url, "region": "eu-central-1"})
    project.endpoint("bge", GOVERNED)
    assert "error[limited-region]" in cli("validate", "-e", "dev", expect=4).err
    assert emulator.requests() == []
    project.remove("bge")
    project.endpoint("e", serving(external()))
    found = one(cli.plan(), "wrong-region")
    assert found["summary"] == (
        "the workspace is in us-east-1, and the environment names eu-central-1"
    )
    assert found["where"]["file"] == "environments/dev.yaml"
    cli.apply(expect=5)
    assert emulator.writes() == []
    emulator.seed(region="eu-central-1")
    assert told(cli.plan()) == []
    cli.apply()


def test_it_is_asked_only_where_it_decides_something(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("e", serving(external()))
    project.endpoint("llama", serving(throughput()))
    cli.plan("--only", "e")
    cli.plan("--no-preflight")
    assert asked(emulator) == 0
    cli.apply()
    assert asked(emulator) == 1
    emulator.forget()
    project.endpoint("llama", serving(throughput()), tags={"team": "a"})
    assert told(cli.plan()) == []
    cli("drift", "-e", "dev")
    assert asked(emulator) == 0


def test_the_embedded_workspace_is_where_the_environment_says(project: Project, cli: Cli) -> None:
    project.environment(workspace={"emulator": "embedded", "region": "westeurope"})
    project.endpoint("e", serving(external()))
    cli.apply()
    exported = cli("emulator", "export", expect=0).json
    assert (exported["cloud"], exported["region"]) == ("AZURE", "westeurope")
