"""The APIs around serving: permissions, secrets, Unity Catalog, directory, files."""

import base64
from typing import Any

from .conftest import ENDPOINTS, Api, custom, external, throughput

PERMISSIONS = "/api/2.0/permissions/serving-endpoints"
SECRETS = "/api/2.0/secrets"
UC = "/api/2.1/unity-catalog"
WORKSPACE = "/api/2.0/workspace"
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")


def rows(answer: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    names = ("user_name", "group_name", "service_principal_name")
    return {
        next(row[name] for name in names if name in row): (
            row["all_permissions"][0]["permission_level"],
            row["all_permissions"][0]["inherited"],
        )
        for row in answer["access_control_list"]
    }


def acl(**levels: str) -> dict[str, Any]:
    entries = [
        {"group_name": n.replace("_", "-"), "permission_level": v} for n, v in levels.items()
    ]
    return {"access_control_list": entries}


def test_creator_and_admins_manage(api: Api) -> None:
    endpoint_id = api.create("bot", external())["id"]
    answer = api.ok("GET", f"{PERMISSIONS}/{endpoint_id}")
    assert answer["object_type"] == "serving-endpoint"
    assert rows(answer) == {
        "user@example.com": ("CAN_MANAGE", False),
        "admins": ("CAN_MANAGE", True),
    }


def test_put_replaces_and_patch_merges_permissions(api: Api) -> None:
    path = f"{PERMISSIONS}/{api.create('bot', external())['id']}"
    answer = api.ok("PUT", path, acl(ml_engineers="CAN_QUERY"))
    assert set(rows(answer)) == {"ml-engineers", "admins"}
    answer = api.ok("PATCH", path, acl(ml_engineers="CAN_VIEW", support_agents="CAN_QUERY"))
    assert rows(answer) == rows(api.ok("GET", path)) == {
        "ml-engineers": ("CAN_VIEW", False),
        "support-agents": ("CAN_QUERY", False),
        "admins": ("CAN_MANAGE", True),
    }  # fmt: skip


def test_user_names_are_compared_without_case(api: Api) -> None:
    path = f"{PERMISSIONS}/{api.create('bot', external())['id']}"
    entry = {"user_name": "USER@example.com", "permission_level": "CAN_MANAGE"}
    assert set(rows(api.ok("PATCH", path, {"access_control_list": [entry]}))) == {
        "user@example.com",
        "admins",
    }


def test_bad_permissions(api: Api) -> None:
    path = f"{PERMISSIONS}/{api.create('bot', external())['id']}"
    assert api.refused("PUT", path, acl(nobody="CAN_VIEW")) == MISSING
    assert api.message == "Principal: GroupName(nobody) does not exist"
    assert api.refused("PUT", path, acl(users="CAN_DANCE"))[0] == 400
    assert api.refused("PUT", path, acl(admins="CAN_VIEW"))[0] == 400
    assert api.refused("GET", f"{PERMISSIONS}/ghost") == MISSING
    levels = api.ok("GET", f"{path}/permissionLevels")["permission_levels"]
    assert [level["permission_level"] for level in levels] == [
        "CAN_VIEW",
        "CAN_QUERY",
        "CAN_MANAGE",
    ]


def test_permissions_are_enforced(api: Api) -> None:
    endpoint_id = api.create("bot", external())["id"]
    with (bob := Api(api.url, "token-bob")).session:
        assert bob.refused("GET", f"{ENDPOINTS}/bot")[0] == 403
        assert "bot" not in [e["name"] for e in bob.ok("GET", ENDPOINTS)["endpoints"]]
        api.ok("PATCH", f"{PERMISSIONS}/{endpoint_id}", acl(support_agents="CAN_QUERY"))
        assert bob.endpoint("bot")["permission_level"] == "CAN_QUERY"
        assert bob.refused("DELETE", f"{ENDPOINTS}/bot")[0] == 403
        assert bob.refused("PATCH", f"{PERMISSIONS}/{endpoint_id}", acl())[0] == 403


def test_secrets(api: Api) -> None:
    api.ok("POST", f"{SECRETS}/scopes/create", {"scope": "s"})
    assert api.refused("POST", f"{SECRETS}/scopes/create", {"scope": "s"}) == (
        409,
        "RESOURCE_ALREADY_EXISTS",
    )
    assert [s["name"] for s in api.ok("GET", f"{SECRETS}/scopes/list")["scopes"]] == ["llm", "s"]
    api.ok("POST", f"{SECRETS}/put", {"scope": "s", "key": "k", "string_value": "v"})
    [secret] = api.ok("GET", f"{SECRETS}/list?scope=s")["secrets"]
    assert set(secret) == {"key", "last_updated_timestamp"}
    assert api.refused("POST", f"{SECRETS}/put", {"scope": "s", "key": "a/b"})[0] == 400
    api.ok("POST", f"{SECRETS}/delete", {"scope": "s", "key": "k"})
    assert api.refused("POST", f"{SECRETS}/delete", {"scope": "s", "key": "k"}) == MISSING
    api.ok("POST", f"{SECRETS}/scopes/delete", {"scope": "s"})
    assert api.refused("GET", f"{SECRETS}/list?scope=s") == MISSING


def test_secret_acls(api: Api) -> None:
    rule = {"scope": "llm", "principal": "ml-engineers", "permission": "WRITE"}
    api.ok("POST", f"{SECRETS}/acls/put", rule)
    query = "scope=llm&principal=ml-engineers"
    assert api.ok("GET", f"{SECRETS}/acls/get?{query}")["permission"] == "WRITE"
    assert len(api.ok("GET", f"{SECRETS}/acls/list?scope=llm")["items"]) == 3
    api.ok("POST", f"{SECRETS}/acls/delete", rule)
    assert api.refused("GET", f"{SECRETS}/acls/get?{query}") == MISSING


def test_models_and_versions(api: Api) -> None:
    path = f"{UC}/models/main.ml.churn_classifier"
    assert api.ok("GET", path)["aliases"] == [
        {"alias_name": "challenger", "version_num": 3},
        {"alias_name": "champion", "version_num": 2},
    ]
    page = api.ok("GET", f"{path}/versions?max_results=2")
    assert [v["version"] for v in page["model_versions"]] == [3, 2]
    page = api.ok("GET", f"{path}/versions?max_results=2&page_token={page['next_page_token']}")
    assert [v["version"] for v in page["model_versions"]] == [1]
    assert "next_page_token" not in page
    assert api.ok("GET", f"{path}/versions/3")["status"] == "READY"
    assert api.ok("GET", f"{path}/aliases/champion")["version"] == 2
    assert api.refused("GET", f"{path}/aliases/nobody") == MISSING
    assert api.refused("GET", f"{path}/versions/9") == MISSING
    assert api.refused("GET", f"{UC}/models/main.ml.ghost") == MISSING


def test_registering_a_model(api: Api) -> None:
    body = {"catalog_name": "main", "schema_name": "ml", "name": "fresh"}
    api.ok("POST", f"{UC}/models", body)
    assert api.refused("POST", f"{UC}/models", body)[1] == "RESOURCE_ALREADY_EXISTS"
    assert api.refused("POST", f"{UC}/models", body | {"schema_name": "no"}) == MISSING
    path = f"{UC}/models/main.ml.fresh"
    assert api.ok("POST", f"{path}/versions", {})["version"] == 1
    api.ok("PUT", f"{path}/aliases/champion", {"version_num": 1})
    api.create("fresh", custom(entity_name="main.ml.fresh"))
    api.ok("DELETE", f"{path}/aliases/champion")
    found = api.ok("GET", f"{UC}/models?catalog_name=main&schema_name=ml")["registered_models"]
    assert [m["name"] for m in found] == ["churn_classifier", "fresh"]
    api.ok("DELETE", path)


def test_schemas_catalogs_and_workspace_models(api: Api) -> None:
    assert api.ok("GET", f"{UC}/schemas/main.serving_logs")["name"] == "serving_logs"
    assert api.refused("GET", f"{UC}/schemas/main.nope") == MISSING
    assert api.ok("GET", f"{UC}/catalogs/main")["name"] == "main"
    mlflow = "/api/2.0/mlflow"
    api.ok("GET", f"{mlflow}/databricks/registered-models/get?name=legacy_churn")
    api.ok("GET", f"{mlflow}/model-versions/get?name=legacy_churn&version=1")
    assert api.refused("GET", f"{mlflow}/model-versions/get?name=x&version=1") == MISSING
    api.create("legacy", custom(entity_name="legacy_churn"))


def test_directory(api: Api) -> None:
    scim = "/api/2.0/preview/scim/v2"
    answer = api.ok("GET", f"{scim}/Users", params={"filter": 'userName eq "ALICE@example.com"'})
    [alice] = answer["Resources"]
    assert alice["displayName"] == "Alice"
    assert api.ok("GET", f"{scim}/Users/{alice['id']}") == alice
    answer = api.ok("GET", f"{scim}/Groups", params={"filter": "displayName eq nobody"})
    assert answer["Resources"] == []
    answer = api.ok("GET", f"{scim}/ServicePrincipals", params={"startIndex": 2})
    assert (answer["totalResults"], answer["Resources"]) == (1, [])


def test_files(api: Api) -> None:
    folder, path = "/Workspace/Shared/.provisioner/shop", "/Shared/.provisioner/shop/prod.json"
    imports = f"/api/2.0/workspace-files/import-file/Workspace{path}"
    session = api.session

    def put(overwrite: str, content: bytes) -> int:
        url = f"{api.url}{imports}?overwrite={overwrite}"
        return session.post(url, data=content, timeout=10).status_code

    assert put("true", b"x") == 404
    api.ok("POST", f"{WORKSPACE}/mkdirs", {"path": folder})
    api.ok("POST", f"{WORKSPACE}/mkdirs", {"path": folder})
    assert [put("false", b"\x00\xff"), put("false", b"y"), put("true", b"\x00z")] == [200, 409, 200]
    query = {"path": path, "direct_download": "true"}
    raw = session.get(f"{api.url}{WORKSPACE}/export", params=query, timeout=10)
    assert raw.content == b"\x00z"
    answer = api.ok("GET", f"{WORKSPACE}/export", params={"path": path})
    assert base64.b64decode(answer["content"]) == b"\x00z"
    status = api.ok("GET", f"{WORKSPACE}/get-status", params={"path": f"/Workspace{path}"})
    assert (status["object_type"], status["size"]) == ("FILE", 2)
    listing = api.ok("GET", f"{WORKSPACE}/list", params={"path": folder})
    assert [row["path"] for row in listing["objects"]] == [f"{folder}/prod.json"]
    full = api.refused("POST", f"{WORKSPACE}/delete", {"path": folder})
    assert full == (400, "DIRECTORY_NOT_EMPTY")
    api.ok("POST", f"{WORKSPACE}/delete", {"path": folder, "recursive": True})
    assert api.refused("GET", f"{WORKSPACE}/get-status", params={"path": path}) == MISSING


def test_files_as_base64(api: Api) -> None:
    body = {"path": "/Shared/note.txt", "content": base64.b64encode(b"hi").decode()}
    api.ok("POST", f"{WORKSPACE}/import", body)
    assert api.refused("POST", f"{WORKSPACE}/import", body) == (409, "RESOURCE_ALREADY_EXISTS")
    assert api.refused("POST", f"{WORKSPACE}/import", body | {"content": "!"})[0] == 400
    listing = api.ok("GET", f"{WORKSPACE}/list", params={"path": "/Shared/note.txt"})
    assert [row["object_type"] for row in listing["objects"]] == ["FILE"]
    taken = {"path": "/Shared/note.txt/inside"}
    assert api.refused("POST", f"{WORKSPACE}/mkdirs", taken)[0] == 409
    folder = api.refused("GET", f"{WORKSPACE}/export", params={"path": "/Shared"})
    assert folder == (400, "BAD_REQUEST")
    assert api.refused("GET", f"{WORKSPACE}/get-status", params={"path": ""})[0] == 400


def test_reports(api: Api) -> None:
    api.create("churn", custom())
    path = f"{ENDPOINTS}/churn"
    api.endpoint("churn")
    entity = f"{path}/served-models/churn_classifier-1"
    assert "Build succeeded" in api.ok("GET", f"{entity}/build-logs")["logs"]
    assert api.ok("GET", f"{entity}/logs")["logs"]
    assert api.refused("GET", f"{path}/served-models/ghost/logs") == MISSING
    metrics = api.call("GET", f"{path}/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert metrics.text.endswith("# EOF\n")
    assert (
        "/served-models/churn_classifier-1/invocations" in api.call("GET", f"{path}/openapi").text
    )


def test_throughput_step(api: Api) -> None:
    path = f"{ENDPOINTS}/get-model-optimization-info"
    answer = api.ok("GET", f"{path}/main.support.ticket_llama/2")
    assert answer == {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 980}
    assert api.ok("GET", f"{path}/main.ml.churn_classifier/1") == {"optimizable": False}
    assert api.refused("GET", f"{path}/main.ml.churn_classifier/9") == MISSING
    api.create("tickets", throughput(entity_name="main.support.ticket_llama"))


def test_legacy_rate_limits(api: Api) -> None:
    api.create("bot", external())
    limits = {"rate_limits": [{"calls": 5, "renewal_period": "minute"}]}
    assert api.ok("PUT", f"{ENDPOINTS}/bot/rate-limits", limits) == limits
    assert "rate_limits" not in api.endpoint("bot")
