"""Where the emulated workspace is, and what it refuses there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.emulator import running

from .conftest import ENDPOINTS, Api, config

SUMMARY = "/api/2.1/unity-catalog/metastore_summary"
BGE = "databricks-bge-large-en"
LLAMA = {
    "entity_name": "system.ai.llama-4-maverick",
    "entity_version": "1",
    "provisioned_model_units": 50,
}


def seed(api: Api, **document: Any) -> None:
    api.admin("POST", "seed", document)


def test_the_metastore_tells_the_region(api: Api) -> None:
    told = api.ok("GET", SUMMARY)
    assert (told["cloud"], told["region"]) == ("aws", "us-east-1")
    assert told["global_metastore_id"] == f"aws:us-east-1:{told['metastore_id']}"
    assert Api(api.url, "token-alice").ok("GET", SUMMARY) == told
    seed(api, cloud="AZURE", region="westeurope")
    moved = api.ok("GET", SUMMARY)
    assert moved["global_metastore_id"].startswith("azure:westeurope:")
    assert moved["metastore_id"] != told["metastore_id"]
    seed(api, unity_catalog={"metastore": False})
    assert api.refused("GET", SUMMARY) == (404, "METASTORE_DOES_NOT_EXIST")


def test_models_of_other_regions_are_not_there(api: Api) -> None:
    names = {one["name"] for one in api.ok("GET", ENDPOINTS)["endpoints"]}
    seed(api, region="eu-central-1")
    elsewhere = {one["name"] for one in api.ok("GET", ENDPOINTS)["endpoints"]}
    assert names - elsewhere == {BGE}
    assert api.refused("GET", f"{ENDPOINTS}/{BGE}") == (404, "RESOURCE_DOES_NOT_EXIST")
    question = {"input": ["a"]}
    asked = api.refused("POST", f"/serving-endpoints/{BGE}/invocations", question)
    assert asked == (404, "RESOURCE_DOES_NOT_EXIST")
    seed(api, region="me-central-1")
    assert api.ok("GET", ENDPOINTS) == {}
    seed(api, region="ap-new-9")
    assert {one["name"] for one in api.ok("GET", ENDPOINTS)["endpoints"]} == names


def test_what_a_region_lacks_is_refused(api: Api) -> None:
    body = {"name": "e", "config": config(LLAMA)}
    seed(api, cloud="AZURE", region="qatarcentral")
    assert api.refused("POST", f"{ENDPOINTS}/pt", body) == (400, "INVALID_PARAMETER_VALUE")
    assert "region qatarcentral" in api.message
    assert "e" not in api.admin("GET", "export")["endpoints"]
    seed(api, region="usgovva")
    assert api.refused("GET", ENDPOINTS) == (404, "FEATURE_DISABLED")
    assert api.refused("POST", f"{ENDPOINTS}/pt", body) == (404, "FEATURE_DISABLED")
    assert api.ok("GET", "/api/2.0/preview/scim/v2/Me")["userName"]
    seed(api, region="japaneast")
    api.ok("POST", f"{ENDPOINTS}/pt", body)


def test_a_workspace_that_was_started_in_a_region_is_reset_to_it() -> None:
    with running(region="europe-west3") as url:
        api = Api(url)
        for _ in range(2):
            exported = api.admin("GET", "export")
            assert (exported["cloud"], exported["region"]) == ("GCP", "europe-west3")
            seed(api, cloud="AWS", region="us-east-1")
            api.admin("POST", "reset")


@pytest.mark.parametrize(("region", "found"), [("", "us-east-1"), ("us-west-2", "us-west-2")])
def test_states_of_earlier_versions_are_read(tmp_path: Path, region: str, found: str) -> None:
    state = tmp_path / "state.json"
    with running(state) as url:
        seed(Api(url), files={"/mine": {"object_type": "DIRECTORY", "object_id": 7}})
    document = json.loads(state.read_text())
    del document["region"], document["unity_catalog"]["metastore"]
    state.write_text(json.dumps(document))
    with running(state, region=region) as url:
        api = Api(url)
        assert api.ok("GET", SUMMARY)["region"] == found
        assert "/mine" in api.admin("GET", "export")["files"]
        api.admin("POST", "seed", document)
        assert api.ok("GET", SUMMARY)["region"] == "us-east-1"
