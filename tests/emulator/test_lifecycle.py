"""How updates begin, go on and end."""

from typing import Any

from provisioner.emulator import running

from ..conftest import until
from .conftest import ENDPOINTS, Api, config, custom, external, throughput


def state(answer: dict[str, Any]) -> tuple[str, str]:
    return answer["state"]["ready"], answer["state"]["config_update"]


def test_create_takes_its_time(slow: Api) -> None:
    assert state(slow.create("churn", custom())) == ("NOT_READY", "IN_PROGRESS")
    slow.advance(599)
    answer = slow.endpoint("churn")
    assert "config" not in answer
    [entity] = answer["pending_config"]["served_entities"]
    assert entity["state"]["deployment"] == "DEPLOYMENT_CREATING"
    slow.advance(1)
    answer = slow.endpoint("churn")
    assert state(answer) == ("READY", "NOT_UPDATING")
    assert "pending_config" not in answer
    [entity] = answer["config"]["served_entities"]
    assert entity["state"]["deployment"] == "DEPLOYMENT_READY"


def test_durations_follow_the_kind(slow: Api) -> None:
    slow.create("bot", external())
    slow.create("churn", custom())
    slow.create("llama", throughput())
    for seconds, ready in ((5, {"bot"}), (595, {"churn"}), (300, {"llama"})):
        slow.advance(seconds)
        for name in ready:
            assert state(slow.endpoint(name))[0] == "READY"
    assert slow.endpoint("llama")["last_updated_timestamp"] > 0


def test_name_only_endpoint_is_never_ready(slow: Api) -> None:
    answer = slow.ok("POST", ENDPOINTS, {"name": "bare"})
    assert state(answer) == ("NOT_READY", "NOT_UPDATING")
    assert not {"config", "pending_config"} & set(answer)


def test_old_config_serves_during_an_update(slow: Api) -> None:
    slow.create("churn", custom("1", name="m"))
    slow.advance(600)
    answer = slow.ok("PUT", f"{ENDPOINTS}/churn/config", config(custom("2", name="m")))
    assert state(answer) == ("READY", "IN_PROGRESS")
    assert answer["config"]["config_version"] == 1
    assert answer["pending_config"]["config_version"] == 2
    assert answer["config"]["served_entities"][0]["entity_version"] == "1"


def test_same_config_again_is_an_update(slow: Api) -> None:
    slow.create("churn", custom())
    slow.advance(600)
    slow.ok("PUT", f"{ENDPOINTS}/churn/config", config(custom()))
    slow.advance(5)
    assert slow.endpoint("churn")["config"]["config_version"] == 2


def test_config_and_telemetry_wait_for_an_update(slow: Api) -> None:
    slow.create("churn", custom())
    busy = (409, "RESOURCE_CONFLICT")
    assert slow.refused("PUT", f"{ENDPOINTS}/churn/config", config(custom())) == busy
    assert "currently updating" in slow.message
    path = f"{ENDPOINTS}/churn/telemetry-config"
    assert slow.refused("PATCH", path, {"telemetry_config": {}}) == busy


def test_other_parts_do_not_wait_for_an_update(slow: Api) -> None:
    slow.create("churn", custom())
    slow.ok("PATCH", f"{ENDPOINTS}/churn/tags", {"add_tags": [{"key": "a"}]})
    slow.ok("PUT", f"{ENDPOINTS}/churn/ai-gateway", {"usage_tracking_config": {"enabled": True}})
    mails = {"on_update_failure": ["x@example.com"]}
    answer = slow.ok("PATCH", f"{ENDPOINTS}/churn/notifications", {"email_notifications": mails})
    assert answer == {"name": "churn", "email_notifications": mails}
    assert slow.endpoint("churn")["email_notifications"] == mails


def test_failed_update_leaves_the_old_config_serving(slow: Api) -> None:
    slow.create("churn", custom("1", name="a"))
    slow.advance(600)
    slow.admin("POST", "builds", {
        "match": {"endpoint": "ch*", "entity": "b"}, "outcome": "failed",
        "message": "no GPUs", "logs": "pip exploded", "times": 1,
    })  # fmt: skip
    both = config(custom("1", name="a"), custom("2", name="b"), a=50, b=50)
    slow.ok("PUT", f"{ENDPOINTS}/churn/config", both)
    slow.advance(600)
    answer = slow.endpoint("churn")
    assert state(answer) == ("READY", "UPDATE_FAILED")
    assert answer["config"]["config_version"] == 1
    states = {e["name"]: e["state"] for e in answer["pending_config"]["served_entities"]}
    assert states["b"] == {
        "deployment": "DEPLOYMENT_FAILED",
        "deployment_state_message": "no GPUs",
    }
    assert states["a"]["deployment"] == "DEPLOYMENT_ABORTED"
    logs = slow.ok("GET", f"{ENDPOINTS}/churn/served-models/b/build-logs")
    assert logs == {"logs": "pip exploded"}
    slow.ok("PUT", f"{ENDPOINTS}/churn/config", both)
    slow.advance(600)
    answer = slow.endpoint("churn")
    assert state(answer) == ("READY", "NOT_UPDATING")
    assert answer["config"]["config_version"] == 3


def test_first_deployment_that_fails(api: Api) -> None:
    api.admin("POST", "builds", {"outcome": "failed"})
    api.create("churn", custom())
    answer = api.endpoint("churn")
    assert state(answer) == ("NOT_READY", "UPDATE_FAILED")
    assert "config" not in answer
    assert answer["pending_config"]["served_entities"][0]["state"]["deployment_state_message"]


def test_deployment_that_never_ends(api: Api) -> None:
    api.admin("POST", "builds", {"outcome": "never"})
    api.create("bot", external())
    assert state(api.endpoint("bot")) == ("NOT_READY", "IN_PROGRESS")
    assert api.call("DELETE", f"{ENDPOINTS}/bot").status_code == 200


def test_build_rule_sets_the_duration(slow: Api) -> None:
    slow.admin("POST", "builds", {"match": {"endpoint": "bot"}, "seconds": 60})
    slow.create("bot", external())
    slow.advance(59)
    assert state(slow.endpoint("bot"))[1] == "IN_PROGRESS"
    slow.advance(1)
    assert state(slow.endpoint("bot")) == ("READY", "NOT_UPDATING")


def test_missing_secret_fails_the_build(api: Api) -> None:
    api.create("bot", external(openai_api_key="{{secrets/llm/nothing}}"))
    answer = api.endpoint("bot")
    assert state(answer) == ("NOT_READY", "UPDATE_FAILED")
    message = answer["pending_config"]["served_entities"][0]["state"]["deployment_state_message"]
    assert message == "Secret does not exist: llm/nothing."


def test_name_is_free_at_once_and_the_id_is_new(api: Api) -> None:
    old = api.create("bot", external())["id"]
    assert api.call("DELETE", f"{ENDPOINTS}/bot").content == b""
    assert api.create("bot", external())["id"] != old
    api.ok("GET", f"/api/2.0/permissions/serving-endpoints/{old}")


def test_stop_and_start(api: Api) -> None:
    api.create("churn", custom())
    answer = api.ok("POST", f"{ENDPOINTS}/churn/config:stop")
    assert state(answer) == ("NOT_READY", "NOT_UPDATING")
    assert answer["state"]["suspend"] != "NOT_SUSPENDED"
    api.ok("POST", f"{ENDPOINTS}/churn/config:start")
    answer = api.endpoint("churn")
    assert state(answer) == ("READY", "NOT_UPDATING")
    assert answer["config"]["config_version"] == 2


def test_model_units(api: Api) -> None:
    entity: dict[str, Any] = {"entity_name": "system.ai.gpt-oss-120b", "entity_version": "1"}
    entity |= {"provisioned_model_units": 50, "burst_scaling_enabled": True}
    body = {"name": "oss", "config": config(entity)}
    assert api.refused("POST", ENDPOINTS, body)[0] == 400
    assert state(api.ok("POST", f"{ENDPOINTS}/pt", body)) == ("NOT_READY", "IN_PROGRESS")
    assert state(api.endpoint("oss")) == ("READY", "NOT_UPDATING")
    wrapped = {"config": config(entity | {"provisioned_model_units": 100})}
    assert api.refused("PUT", f"{ENDPOINTS}/oss/config", wrapped["config"])[0] == 400
    api.ok("PUT", f"{ENDPOINTS}/pt/oss/config", wrapped)
    [served] = api.endpoint("oss")["config"]["served_entities"]
    assert served["provisioned_model_units"] == 100
    assert "burst_scaling_enabled" not in served


def test_real_clock_settles_by_itself() -> None:
    with running(clock="real") as url, (api := Api(url)).session:
        api.create("bot", external())
        assert state(api.endpoint("bot"))[1] == "IN_PROGRESS"
        until(lambda: state(api.endpoint("bot")) == ("READY", "NOT_UPDATING"), "it is over")
