"""A saved plan that somebody edited is neither shown nor applied, also where its digest fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import (
    ENDPOINTS,
    PERMISSIONS,
    Cli,
    Emulator,
    Project,
    custom,
    external,
    forged,
    serving,
)

Edit = Callable[[dict[str, Any]], Any]
USERS = [{"group": "users", "level": "CAN_QUERY"}]


@pytest.fixture
def saved(project: Project, cli: Cli, emulator: Emulator, signed_in: pytest.MonkeyPatch) -> Path:
    """A plan with an endpoint for each action, on a workspace with one that it leaves alone."""
    signed_in.setenv("KEY", "a-canary-of-openai")
    signed_in.setenv("CI_TOKEN", "a-canary-of-the-pipeline")
    plain = external(openai_api_key=None, openai_api_key_plaintext="${env:KEY}")
    project.environment(record="record.json", policy={"max_retire": {"count": 5, "share": 1.0}})
    project.endpoint("upd", serving(plain), tags={"team": "a"}, permissions=USERS)
    project.endpoint("old", serving(custom()))
    project.endpoint("anew", serving(custom()), lifecycle={"on_immutable_change": "replace"})
    project.endpoint("same", serving(custom()))
    cli.apply()
    open_key = custom(environment_vars={"API_TOKEN": "open sesame"})
    emulator.call("PUT", f"{ENDPOINTS}/same/config", {"served_entities": [open_key]})
    emulator.call("POST", ENDPOINTS, {"name": "theirs", **serving(custom())})
    emulator.call("POST", ENDPOINTS, {"name": "chat", **serving(external())})
    project.remove("old")
    changed = external("gpt-4", openai_api_key=None, openai_api_key_plaintext="${env:KEY}")
    rows = [{"group": "users", "level": "CAN_VIEW"}]
    project.endpoint("upd", serving(changed), tags={"team": "b"}, permissions=rows)
    replaced = {"on_immutable_change": "replace"}
    project.endpoint("anew", serving(custom()), route_optimized=True, lifecycle=replaced)
    project.endpoint("same", serving(custom(version="2")))
    project.endpoint("new", serving(external()), permissions=USERS)
    project.endpoint("theirs", serving(custom()), tags={"mine": "now"})
    path = project.root / "plan.json"
    cli("plan", "-e", "dev", "--out", path, expect=0)
    emulator.forget()
    return path


def _entry(plan: dict[str, Any], name: str) -> Any:
    return next(entry for entry in plan["endpoints"] if entry["name"] == name)


def _step(plan: dict[str, Any], name: str, ending: str) -> Any:
    return next(s for s in _entry(plan, name)["steps"] if s["call"].endswith(ending))


def _call(name: str, ending: str, call: str) -> Edit:
    return lambda plan: _step(plan, name, ending).update(call=call)


def _more(name: str, call: str, body: Any = None) -> Edit:
    step = {"call": call, "body": body, "changes": []}
    return lambda plan: _entry(plan, name)["steps"].append(step)


def _foreign_id(plan: dict[str, Any]) -> None:
    step = next(s for s in _entry(plan, "upd")["steps"] if PERMISSIONS in s["call"])
    step["call"] = f"PATCH {PERMISSIONS}/{_entry(plan, 'theirs')['id']}"


def _key_elsewhere(plan: dict[str, Any]) -> None:
    """The value of the pipeline's token as a tag, which every user may read."""
    step = _step(plan, "upd", "/tags")
    step["fills"] = [{"at": ["add_tags", 0, "value"], "env": "CI_TOKEN"}]


def _other_key(plan: dict[str, Any]) -> None:
    _step(plan, "upd", "/config")["fills"][0]["env"] = "CI_TOKEN"


def _no_fills(plan: dict[str, Any]) -> None:
    """As a version wrote it that looked for placeholders in the bodies."""
    for entry in plan["endpoints"]:
        for step in entry["steps"]:
            step.pop("fills", None)


def _said_twice(plan: dict[str, Any]) -> None:
    tags = _step(plan, "upd", "/tags")["body"]["add_tags"]
    tags.insert(0, {"key": "team", "value": "which of them counts?"})


def _carried_elsewhere(plan: dict[str, Any]) -> None:
    step = _step(plan, "same", "/config")
    step["fills"] = [{"at": ["served_entities", 0, "entity_version"], "env": ""}]


EDITS: dict[str, Edit] = {
    "deletes another": _call("upd", "/tags", f"DELETE {ENDPOINTS}/chat"),
    "deletes its own": _call("upd", "/tags", f"DELETE {ENDPOINTS}/upd"),
    "changes another": _call("upd", "/config", f"PUT {ENDPOINTS}/chat/config"),
    "climbs": _call("upd", "/config", f"PUT {ENDPOINTS}/upd/../chat/config"),
    "retires another": _call("old", "/old", f"DELETE {ENDPOINTS}/chat"),
    "asks elsewhere": _call("upd", "/tags", "PATCH /api/2.0/secrets/put"),
    "the rights of another": _foreign_id,
    "creates another": lambda p: _entry(p, "new")["steps"][0]["body"].update(name="chat"),
    "replaces without making": lambda p: _entry(p, "anew")["steps"].pop(),
    "retires twice": _more("old", f"DELETE {ENDPOINTS}/old"),
    "retires and makes": _more("old", f"POST {ENDPOINTS}", {"name": "old"}),
    "retires without a permit": lambda p: _entry(p, "old").update(permit=""),
    "replaces without a permit": lambda p: _entry(p, "anew").update(permit=""),
    "is said to be harmless": lambda p: _entry(p, "old").update(action="none", permit=""),
    "is said to be an update": lambda p: _entry(p, "old").update(action="update", permit=""),
    "a name that is a path": lambda p: _entry(p, "new").update(name="../new"),
    "an endpoint twice": lambda p: p["endpoints"].append(_entry(p, "upd")),
    "counts": lambda p: p["summary"].update(retire=0),
    "a tag twice": _said_twice,
    "a body of another form": lambda p: _step(p, "upd", "/config")["body"].update(
        served_entities="none"
    ),
    "a step of no rollout": lambda p: _step(p, "upd", "/config").update(
        gate={"share": 0, "entities": [], "routes": {"gpt": 100}}
    ),
    "a secret elsewhere": _key_elsewhere,
    "another secret": _other_key,
    "no word of secrets": _no_fills,
    "a live value elsewhere": _carried_elsewhere,
}


def _refused(cli: Cli, emulator: Emulator, saved: Path) -> str:
    shown = cli("show", saved, expect=4)
    applied = cli("apply", "-e", "dev", saved, expect=4)
    assert "error[edited-plan]" in shown.err
    assert "error[edited-plan]" in applied.err
    assert shown.out == applied.out == ""
    assert "canary" not in shown.err + applied.err
    assert emulator.writes() == []
    return shown.err


@pytest.mark.usefixtures("project")
def test_an_edit_is_neither_shown_nor_applied(cli: Cli, emulator: Emulator, saved: Path) -> None:
    honest = saved.read_text("utf-8")
    for name, edit in EDITS.items():
        plan = json.loads(honest)
        edit(plan)
        saved.write_text(forged(plan, counts=name != "counts"), "utf-8")
        try:
            _refused(cli, emulator, saved)
        except AssertionError as failure:
            raise AssertionError(name) from failure


def _grant(plan: dict[str, Any]) -> None:
    step = next(s for s in _entry(plan, "upd")["steps"] if PERMISSIONS in s["call"])
    row = {"user_name": "eve@example.com", "permission_level": "CAN_MANAGE"}
    step["body"]["access_control_list"].append(row)


def _address(plan: dict[str, Any]) -> None:
    """The provider's key would go to somebody else's address."""
    [entity] = _step(plan, "upd", "/config")["body"]["served_entities"]
    entity["external_model"]["openai_config"]["openai_api_base"] = "https://eve.example.com"


def _harmless(plan: dict[str, Any]) -> None:
    entry = _entry(plan, "upd")
    entry["changes"] = [change for change in entry["changes"] if change["path"] == "tags[team]"]


def _another_value(plan: dict[str, Any]) -> None:
    for change in _entry(plan, "upd")["changes"]:
        if change["path"] == "tags[team]":
            change["after"] = "a harmless one"


def _left_out(plan: dict[str, Any]) -> None:
    [entity] = _step(plan, "same", "/config")["body"]["served_entities"]
    del entity["entity_name"]


def _theirs_is_retired(plan: dict[str, Any]) -> None:
    """Somebody else's endpoint, by a plan that shows it."""
    found = {**_entry(plan, "old"), "name": "theirs"}
    found |= {key: _entry(plan, "theirs")[key] for key in ("id", "live_fingerprint")}
    found["steps"][0]["call"] = f"DELETE {ENDPOINTS}/theirs"
    plan["endpoints"] = [found]


UNSHOWN: dict[str, Edit] = {
    "tags[sneaky]": lambda p: _step(p, "upd", "/tags")["body"]["add_tags"].append(
        {"key": "sneaky", "value": "x"}
    ),
    "permissions[user:eve@example.com]": _grant,
    "openai_config.openai_api_base": _address,
    "external_model.name": _harmless,
    "tags[team]": _another_value,
    "config.served_entities[churn].entity_name": _left_out,
    "this environment's to retire": _theirs_is_retired,
}


def test_calls_that_the_changes_do_not_tell_are_not_made(
    cli: Cli, emulator: Emulator, saved: Path
) -> None:
    honest = saved.read_text("utf-8")
    for said, edit in UNSHOWN.items():
        plan = json.loads(honest)
        edit(plan)
        saved.write_text(forged(plan), "utf-8")
        run = cli("apply", "-e", "dev", saved, expect=4)
        assert "error[edited-plan]" in run.err
        assert said in " ".join(run.err.split())
        assert "canary" not in run.err
        assert emulator.writes() == []


def test_an_edit_that_forgets_the_fingerprint_is_refused(
    cli: Cli, emulator: Emulator, saved: Path
) -> None:
    honest = saved.read_text("utf-8")
    for old, new in (("gpt-4", "gpt-5"), (f'"{json.loads(honest)["fingerprint"]}"', '"0"')):
        assert old in honest
        saved.write_text(honest.replace(old, new), "utf-8")
        assert "fingerprint" in _refused(cli, emulator, saved)


def test_a_plan_as_it_was_written_is_shown_and_applied(
    cli: Cli, emulator: Emulator, saved: Path
) -> None:
    cli("show", saved, expect=0)
    cli("apply", "-e", "dev", saved, expect=0)
    assert emulator.names() == ["anew", "chat", "new", "same", "theirs", "upd"]
    assert cli.settled()
