"""What passes requests on to an endpoint of the same workspace is planned when that is there."""

from __future__ import annotations

from typing import Any

import pytest

from ..conftest import ENDPOINTS, Cli, Emulator, Project, Run, external, serving


def passing_on(project: Project, name: str, url: str = "") -> dict[str, Any]:
    config = {
        "databricks_workspace_url": url or project.host + "/",
        "databricks_api_token": "{{secrets/llm/databricks_token}}",
    }
    model = {
        "provider": "databricks-model-serving",
        "name": name,
        "task": "llm/v1/chat",
        "databricks_model_serving_config": config,
    }
    return serving({"name": "m", "external_model": model})


def told(run: Run) -> list[Any]:
    return [one for one in run.json["problems"] if one["code"] == "target-missing"]


@pytest.mark.parametrize("name", ["databricks-meta-llama-3-3-70b-instruct", "theirs", "chat"])
def test_a_target_that_is_there_or_will_be(
    project: Project, cli: Cli, emulator: Emulator, name: str
) -> None:
    emulator.call("POST", ENDPOINTS, {"name": "theirs", **serving(external())})
    project.endpoint("chat", serving(external()))
    project.endpoint("front", passing_on(project, name))
    assert told(cli.plan()) == []


def test_a_target_that_is_not_there(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    project.endpoint("front", passing_on(project, "chta"))
    [found] = told(cli.plan())
    assert found["severity"] == "warning"
    assert found["summary"] == "front: this workspace has no endpoint chta to pass on to"
    assert found["hint"] == "did you mean `chat`?"
    assert found["where"]["file"] == "endpoints/front.yaml"
    project.endpoint("front", passing_on(project, "chta", "https://other.example.com"))
    assert told(cli.plan()) == []  # another workspace, which is not asked
    project.endpoint("front", passing_on(project, "chat"))
    [found] = told(cli.plan("--only", "front"))
    assert found["hint"] == "or you may not see it"
    cli.apply()
    emulator.forget()
    # What is retired in the same plan is not there any more; an endpoint at rest says nothing.
    project.remove("chat")
    assert told(cli.plan()) == []
    project.endpoint("front", passing_on(project, "chat"), tags={"team": "a"})
    assert len(told(cli.plan())) == 1
