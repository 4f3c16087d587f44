"""``drift --accept``: live values in the lines that declare them, and nothing else changed."""

from __future__ import annotations

from collections.abc import Callable
from difflib import ndiff
from typing import Any

import pytest

from provisioner.errors import ExitCode

from ..conftest import ENDPOINTS, PERMISSIONS, Cli, Emulator, Project, Run

CHAT = """\
# The assistant; this comment stays.
name: chat   # so does this one
tags:
  team: "search"   # who pays
  stage: test
traffic: {gpt: 90, claude: 10}   # mostly gpt

config:
  served_entities:
    - name: gpt
      external_model:
        provider: openai
        name: 'gpt-4o'   # moves
        task: llm/v1/chat
        openai_config:
          openai_api_key: "{{secrets/llm/openai_api_key}}"
    # the other one
    - name: claude
      external_model:
        provider: anthropic
        name: claude-sonnet-4-5
        task: llm/v1/chat
        anthropic_config: {anthropic_api_key: "{{secrets/llm/anthropic_api_key}}"}


ai_gateway:
  usage_tracking_config: {enabled: true}
  rate_limits:   # per person
    - key: user
      renewal_period: minute   # not per hour
      calls: 20
    - {key: endpoint, renewal_period: minute, calls: 600}
  guardrails:
    input:
      safety: true
      pii: {behavior: BLOCK}
      invalid_keywords: [secret, internal]
email_notifications:
  on_update_failure:
    - alice@example.com   # owner
    - bob@example.com

permissions:
  mode: exact
  rows:
    - {group: users, level: CAN_QUERY}
    - group: ml-engineers   # they build it
      level: CAN_MANAGE
"""


class Hand:
    """Somebody who changes things in the workspace, past the tool."""

    def __init__(self, emulator: Emulator, name: str = "chat") -> None:
        self.emulator, self.name = emulator, name

    def tags(self, add: dict[str, str] | None = None, delete: tuple[str, ...] = ()) -> None:
        added = [{"key": key, "value": value} for key, value in (add or {}).items()]
        body = {"add_tags": added, "delete_tags": list(delete)}
        self.emulator.call("PATCH", f"{ENDPOINTS}/{self.name}/tags", body)

    def gateway(self, change: Callable[[dict[str, Any]], None]) -> None:
        block = self.emulator.endpoint(self.name).get("ai_gateway", {})
        change(block)
        self.emulator.call("PUT", f"{ENDPOINTS}/{self.name}/ai-gateway", block)

    def config(self, change: Callable[[dict[str, Any]], None]) -> None:
        block = self.emulator.endpoint(self.name)["config"]
        kept = {key: block[key] for key in ("served_entities", "traffic_config")}
        for entity in kept["served_entities"]:
            for key in ("state", "creator", "creation_timestamp", "type"):
                entity.pop(key, None)
        change(kept)
        self.emulator.call("PUT", f"{ENDPOINTS}/{self.name}/config", kept)

    def notify(self, **lists: list[str]) -> None:
        self.emulator.call("PATCH", f"{ENDPOINTS}/{self.name}/notifications", {
            "email_notifications": lists
        })  # fmt: skip

    def grant(self, **rows: str) -> None:
        path = f"{PERMISSIONS}/{self.emulator.endpoint(self.name)['id']}"
        rows = {"user@example.com": "CAN_MANAGE", **rows}
        entries = [
            {"user_name" if "@" in who else "group_name": who, "permission_level": level}
            for who, level in rows.items()
        ]
        self.emulator.call("PUT", path, {"access_control_list": entries})


@pytest.fixture
def hand(project: Project, cli: Cli, emulator: Emulator) -> Hand:
    """The assistant, applied."""
    project.endpoint("chat", CHAT)
    cli.apply()
    assert cli.settled()
    return Hand(emulator)


def accept(cli: Cli, *more: str, expect: int = 0) -> Run:
    return cli("drift", "-e", "dev", "--accept", "chat", "--yes", *more, expect=expect)


def lines(before: str, after: str) -> list[str]:
    """Changed lines, without the blanks in front."""
    found = ndiff(before.splitlines(), after.splitlines())
    return [f"{line[0]} {line[2:].strip()}" for line in found if line[0] in "+-"]


def chat(project: Project) -> str:
    return (project.root / "endpoints/chat.yaml").read_text()


def _limits(limits: list[dict[str, Any]]) -> Callable[[dict[str, Any]], None]:
    return lambda block: block.update(rate_limits=limits)


USER = {"key": "user", "renewal_period": "minute", "calls": 20}
ALL = {"key": "endpoint", "renewal_period": "minute", "calls": 600}


def _split(**shares: int) -> Callable[[dict[str, Any]], None]:
    routes = [{"served_entity_name": k, "traffic_percentage": v} for k, v in shares.items()]
    return lambda config: config.update(traffic_config={"routes": routes})


def _only_gpt(config: dict[str, Any]) -> None:
    config["served_entities"] = [e for e in config["served_entities"] if e["name"] == "gpt"]
    _split(gpt=100)(config)


def _third(config: dict[str, Any]) -> None:
    model = {"provider": "openai", "name": "gpt-4o-mini", "task": "llm/v1/chat"}
    key = {"openai_api_key": "{{secrets/llm/openai_api_key}}"}
    config["served_entities"].append(
        {"name": "mini", "external_model": {**model, "openai_config": key}}
    )
    _split(gpt=80, claude=10, mini=10)(config)


def _newer(config: dict[str, Any]) -> None:
    gpt = next(entity for entity in config["served_entities"] if entity["name"] == "gpt")
    gpt["external_model"]["name"] = "gpt-4o-mini"


def _guard(block: dict[str, Any]) -> None:
    block["guardrails"]["input"] |= {"safety": False, "invalid_keywords": ["internal", "draft"]}
    del block["guardrails"]["input"]["pii"]


USER_GROUP = {"renewal_period": "minute", "calls": 7}
CASES: dict[str, tuple[Callable[[Hand], None], list[str]]] = {
    "a tag changed": (
        lambda hand: hand.tags({"team": "ads"}),
        ['- team: "search"   # who pays', '+ team: "ads"   # who pays'],
    ),
    "a tag removed": (lambda hand: hand.tags(delete=("stage",)), ["- stage: test"]),
    "both tags removed": (
        lambda hand: hand.tags(delete=("stage", "team")),
        ["- tags:", "+ tags: {}", '- team: "search"   # who pays', "- stage: test"],
    ),
    "a limit changed": (
        lambda hand: hand.gateway(_limits([USER | {"calls": 500}, ALL | {"calls": 0}])),
        [
            "- calls: 20",
            "+ calls: 500",
            "- - {key: endpoint, renewal_period: minute, calls: 600}",
            "+ - {key: endpoint, renewal_period: minute, calls: 0}",
        ],
    ),
    "a limit removed": (
        lambda hand: hand.gateway(_limits([ALL])),
        ["- - key: user", "- renewal_period: minute   # not per hour", "- calls: 20"],
    ),
    "all limits removed": (
        lambda hand: hand.gateway(_limits([])),
        [
            "- rate_limits:   # per person",
            "+ rate_limits: []   # per person",
            "- - key: user",
            "- renewal_period: minute   # not per hour",
            "- calls: 20",
            "- - {key: endpoint, renewal_period: minute, calls: 600}",
        ],
    ),
    "a limit added": (
        lambda hand: hand.gateway(
            _limits([USER, ALL, {"key": "user_group", "principal": "users", **USER_GROUP}])
        ),
        ["+ - key: user_group", "+ principal: users", "+ renewal_period: minute", "+ calls: 7"],
    ),
    "nested gateway fields": (
        lambda hand: hand.gateway(_guard),
        [
            "- safety: true",
            "+ safety: false",
            "- pii: {behavior: BLOCK}",
            "- invalid_keywords: [secret, internal]",
            "+ invalid_keywords: [internal, draft]",
        ],
    ),
    "the split": (
        lambda hand: hand.config(_split(gpt=50, claude=50)),
        [
            "- traffic: {gpt: 90, claude: 10}   # mostly gpt",
            "+ traffic: {gpt: 50, claude: 50}   # mostly gpt",
        ],
    ),
    "the model of an entity": (
        lambda hand: hand.config(_newer),
        ["- name: 'gpt-4o'   # moves", "+ name: 'gpt-4o-mini'   # moves"],
    ),
    "an entity removed": (
        lambda hand: hand.config(_only_gpt),
        [
            "- traffic: {gpt: 90, claude: 10}   # mostly gpt",
            "+ traffic: {gpt: 100}   # mostly gpt",
            "- - name: claude",
            "- external_model:",
            "- provider: anthropic",
            "- name: claude-sonnet-4-5",
            "- task: llm/v1/chat",
            '- anthropic_config: {anthropic_api_key: "{{secrets/llm/anthropic_api_key}}"}',
        ],
    ),
    "an entity added": (
        lambda hand: hand.config(_third),
        [
            "- traffic: {gpt: 90, claude: 10}   # mostly gpt",
            "+ traffic: {gpt: 80, claude: 10, mini: 10}   # mostly gpt",
            "+ - name: mini",
            "+ external_model:",
            "+ provider: openai",
            "+ name: gpt-4o-mini",
            "+ task: llm/v1/chat",
            "+ openai_config:",
            '+ openai_api_key: "{{secrets/llm/openai_api_key}}"',
        ],
    ),
    "addresses": (
        lambda hand: hand.notify(on_update_failure=["bob@example.com", "carol@example.com"]),
        ["- - alice@example.com   # owner", "+ - carol@example.com"],
    ),
    "a level": (
        lambda hand: hand.grant(**{"users": "CAN_VIEW", "ml-engineers": "CAN_MANAGE"}),
        [
            "- - {group: users, level: CAN_QUERY}",
            "+ - {group: users, level: CAN_VIEW}",
        ],
    ),
    "a row removed": (
        lambda hand: hand.grant(users="CAN_QUERY"),
        ["- - group: ml-engineers   # they build it", "- level: CAN_MANAGE"],
    ),
    "a row added": (
        lambda hand: hand.grant(
            **{"users": "CAN_QUERY", "ml-engineers": "CAN_MANAGE", "bob@example.com": "CAN_VIEW"}
        ),
        ["+ - user: bob@example.com", "+ level: CAN_VIEW"],
    ),
}


FEW = ("both tags removed", "nested gateway fields", "an entity added", "a row removed")


@pytest.mark.parametrize(
    "case",
    [case if case in FEW else pytest.param(case, marks=pytest.mark.exhaustive) for case in CASES],
)
def test_only_what_differs_is_written(
    project: Project, cli: Cli, hand: Hand, emulator: Emulator, case: str
) -> None:
    change, expected = CASES[case]
    change(hand)
    emulator.forget()
    run = accept(cli)
    assert lines(CHAT, chat(project)) == expected
    assert "Drift: 1 in sync." in run.out
    assert {entry["method"] for entry in emulator.requests()} == {"GET"}
    assert cli.settled()
    assert not cli.apply().err.count("warning")
    emulator.forget()
    assert "nothing to accept" in accept(cli).err


# ------------------------------------------------------------ whose line it is


def test_what_an_overlay_says_is_written_there(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("chat", CHAT)
    environments = project.root / "environments"
    (environments / "_base.yaml").write_text(
        f"project: shop\nworkspace: {{host: '{project.host}'}}\n"
        "defaults:\n  tags: {cost-center: '1'}   # ours\n"
    )
    dev = "extends: _base\nname_prefix: dev-\noverrides:\n  chat:\n    ai_gateway:\n"
    dev += "      rate_limits:\n        - {key: user, calls: 30}   # more here\n"
    (environments / "dev.yaml").write_text(dev)
    (environments / "prod.yaml").write_text("extends: _base\n")
    cli.apply()
    hand = Hand(emulator, "dev-chat")
    hand.gateway(_limits([USER | {"calls": 500}, ALL | {"calls": 7}]))
    hand.tags({"cost-center": "2", "team": "ads"})
    run = cli("drift", "-e", "dev", "--accept", "*", "--yes", expect=0)
    assert lines(dev, (environments / "dev.yaml").read_text()) == [
        "- - {key: user, calls: 30}   # more here",
        "+ - {key: user, calls: 500}   # more here",
    ]
    assert "tags: {cost-center: '2'}   # ours" in (environments / "_base.yaml").read_text()
    assert lines(CHAT, chat(project)) == [
        '- team: "search"   # who pays',
        '+ team: "ads"   # who pays',
        "- - {key: endpoint, renewal_period: minute, calls: 600}",
        "+ - {key: endpoint, renewal_period: minute, calls: 7}",
    ]
    assert "the same lines declare it in prod: chat" in run.err
    assert cli.settled()


def test_what_other_environments_could_not_be_read_with_is_refused(
    project: Project, cli: Cli, hand: Hand
) -> None:
    limit = {"ai_gateway": {"rate_limits": [{"key": "user", "calls": 5}]}}
    project.environment("prod", overrides={"chat": limit})
    hand.gateway(_limits([ALL]))
    run = accept(cli, expect=ExitCode.REFUSED)
    assert "the lines are also those of prod, which would be wrong" in " ".join(run.err.split())
    assert chat(project) == CHAT


def test_all_of_what_may_be_written_is_written_at_once(
    project: Project, cli: Cli, hand: Hand
) -> None:
    hand.config(_third)
    hand.gateway(_guard)
    hand.tags({"team": "ads"}, ("stage",))
    hand.grant(**{"users": "CAN_VIEW", "bob@example.com": "CAN_QUERY"})
    hand.notify(on_update_failure=["carol@example.com"])
    before = [line.strip() for line in CHAT.splitlines() if line.strip().startswith("#")]
    run = accept(cli)
    assert "wrote 1 file" in run.err
    assert [
        line.strip() for line in chat(project).splitlines() if line.strip().startswith("#")
    ] == before
    assert cli.settled()


def test_a_change_after_that_is_drift_again(cli: Cli, hand: Hand) -> None:
    hand.tags({"team": "ads"})
    accept(cli)
    cli.apply()
    hand.tags({"team": "sales"})
    changes = cli("drift", "-e", "dev", "-o", "json", expect=2).changes("chat")
    assert changes["tags[team]"]["cause"] == "drift"
    assert changes["tags[team]"]["source"]["line"] == 4


def test_one_that_is_only_governed(project: Project, cli: Cli, emulator: Emulator) -> None:
    text = "governs: theirs\nai_gateway:\n  rate_limits:\n"
    text += "    - {key: user, renewal_period: minute, calls: 20}   # fair\n"
    emulator.call("POST", ENDPOINTS, {"name": "theirs"})
    project.endpoint("theirs", text)
    cli.apply()
    Hand(emulator, "theirs").gateway(_limits([USER | {"calls": 3}]))
    cli("drift", "-e", "dev", "--accept", "theirs", "--yes", expect=0)
    assert (project.root / "endpoints/theirs.yaml").read_text() == text.replace("20", "3")


def test_what_an_anchor_shares_is_written_only_if_all_of_it_changed(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    limits = "    - &one {key: user, renewal_period: minute, calls: 20}\n"
    limits += "    - {<<: *one, key: endpoint}\n"
    text = f"governs: theirs\nai_gateway:\n  rate_limits:\n{limits}"
    emulator.call("POST", ENDPOINTS, {"name": "theirs"})
    file = project.endpoint("theirs", text)
    cli.apply()
    hand = Hand(emulator, "theirs")
    hand.gateway(_limits([USER | {"calls": 3}, ALL | {"calls": 20}]))
    run = cli("drift", "-e", "dev", "--accept", "theirs", "--yes", expect=ExitCode.CHANGES)
    assert "ai_gateway.rate_limits[endpoint].calls would change with it" in run.err.replace(
        "\n    ", " "
    )
    assert file.read_text() == text
    hand.gateway(_limits([USER | {"calls": 3}, ALL | {"calls": 3}]))
    cli("drift", "-e", "dev", "--accept", "theirs", "--yes", expect=0)
    assert file.read_text() == text.replace("20", "3")


# ------------------------------------------------------------ choosing and agreeing


def test_single_fields(project: Project, cli: Cli, hand: Hand) -> None:
    hand.tags({"team": "ads", "stage": "live"})
    hand.gateway(_limits([USER | {"calls": 1}, ALL | {"calls": 2}]))
    run = accept(cli, "--path", "tags[team]", "--path", "*[user].*", expect=ExitCode.CHANGES)
    assert [line for line in lines(CHAT, chat(project)) if line[0] == "+"] == [
        '+ team: "ads"   # who pays',
        "+ calls: 1",
    ]
    assert "declared test, live live" in run.out
    assert "declared 600, live 2" in run.out


def test_nobody_is_asked_in_a_pipeline(
    project: Project, cli: Cli, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.tags({"team": "ads"})
    run = cli("drift", "-e", "dev", "--accept", "chat", expect=ExitCode.REFUSED)
    assert '+  team: "ads"   # who pays' in run.err
    assert chat(project) == CHAT
    monkeypatch.setattr("provisioner.cli.output.can_ask", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    run = cli("drift", "-e", "dev", "--accept", "chat", expect=ExitCode.CHANGES)
    assert "nothing was written" in run.err
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    cli("drift", "-e", "dev", "--accept", "ch*", expect=ExitCode.OK)
    assert "ads" in chat(project)


def test_wrong_use(project: Project, cli: Cli, hand: Hand) -> None:  # noqa: ARG001
    project.environment("prod")
    several = cli("drift", "-e", "dev,prod", "--accept", "chat", expect=ExitCode.USAGE)
    assert "--accept takes exactly one environment" in several.err
    assert "--path needs --accept" in cli("drift", "-e", "dev", "--path", "tags*", expect=64).err
    unknown = cli("drift", "-e", "dev", "--accept", "chit", expect=ExitCode.INVALID)
    assert "error[unknown-endpoint]: no declared endpoint matches chit" in unknown.err


# ------------------------------------------------------------ what is left to a person


CALLS = "chat: ai_gateway.rate_limits[user].calls is not accepted:"


def left(run: Run) -> list[str]:
    """What was not accepted and why, on one line each."""
    text = " ".join(run.err.split())
    parts = text.split("warning[not-accepted]: ")[1:]
    return [part.partition(" it is left to you")[0] for part in parts]


def test_variables_are_left(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", CHAT.replace("calls: 20", 'calls: "${var.calls}"'))
    project.environment(variables={"calls": 20})
    cli.apply()
    hand = Hand(emulator)
    hand.gateway(_limits([USER | {"calls": 500}, ALL | {"calls": 700}]))
    run = accept(cli, expect=ExitCode.CHANGES)
    assert left(run) == [f'{CALLS} `"${{var.calls}}"` stands there']
    assert "endpoints/chat.yaml:31:" in run.err
    assert "calls: 700" in chat(project)
    assert "calls: 500" not in chat(project)


def test_what_was_declared_since_is_left(project: Project, cli: Cli, hand: Hand) -> None:
    project.endpoint("chat", CHAT.replace("calls: 20", "calls: 40"))
    hand.tags({"team": "ads"})
    run = accept(cli, expect=ExitCode.CHANGES)
    assert left(run) == [f"{CALLS} it is declared otherwise since the last apply"]
    assert "calls: 40" in chat(project)
    assert 'team: "ads"' in chat(project)


def test_the_tool_s_own_tag_and_what_would_be_invalid_are_left(
    project: Project, cli: Cli, hand: Hand
) -> None:
    hand.tags(delete=("provisioner",))
    hand.gateway(_limits([{"key": "user", "renewal_period": "minute", "tokens": 9000}, ALL]))
    run = accept(cli, expect=ExitCode.CHANGES)
    assert sorted(left(run)) == [
        f"{CALLS} the project would be wrong: a rate limit needs `calls` or `tokens`",
        "chat: tags[provisioner] is not accepted: it is the tool's own tag, which apply puts back",
    ]
    assert chat(project) == CHAT


def test_one_that_is_gone_is_left(cli: Cli, hand: Hand, emulator: Emulator) -> None:
    emulator.call("DELETE", f"{ENDPOINTS}/{hand.name}")
    run = accept(cli, expect=ExitCode.CHANGES)
    assert left(run) == [
        "chat is not accepted: it is gone: remove its file, or apply makes it again"
    ]


def test_what_may_not_be_read_is_left(cli: Cli, hand: Hand, emulator: Emulator) -> None:
    hand.tags({"team": "ads"})
    denied = {"status": 403, "error_code": "PERMISSION_DENIED", "message": "not for you"}
    emulator.fault("GET", f"{PERMISSIONS}/.*", **denied)
    run = accept(cli, expect=ExitCode.AUTH)
    assert left(run) == ["chat is not accepted: cannot read the permissions of chat: not for you"]
    assert "wrote 1 file" in run.err


def test_an_alias_is_left_and_a_name_that_follows_the_version_is_kept(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    text = """\
    name: churn
    config:
      served_entities:
        - entity_name: main.ml.churn_classifier
          entity_version: "1"   # pinned
          workload_size: Small
          scale_to_zero_enabled: true
          environment_vars: {A: "1", B: "2"}
    """
    path = project.endpoint("churn", text)
    cli.apply()
    before = path.read_text()

    def change(config: dict[str, Any]) -> None:
        entity = config["served_entities"][0]
        entity |= {"entity_version": "2", "environment_vars": {"A": "x y", "C": "3"}}

    Hand(emulator, "churn").config(change)
    cli("drift", "-e", "dev", "--accept", "churn", "--yes", expect=0)
    assert lines(before, path.read_text()) == [
        '- entity_version: "1"   # pinned',
        '+ entity_version: "2"   # pinned',
        '- environment_vars: {A: "1", B: "2"}',
        '+ environment_vars: {A: "x y", C: "3"}',
        "+ name: churn_classifier-1",
    ]
    assert cli.settled()


def test_long_forms_other_line_ends_and_no_last_one(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    text = (
        "name: chat\r\nconfig:\r\n  served_models:\r\n  - name: gpt\r\n    external_model:\r\n"
        "      name: gpt-4o\r\n      provider: openai\r\n      task: llm/v1/chat\r\n"
        '      openai_config: {openai_api_key: "{{secrets/llm/openai_api_key}}"}\r\n'
        "tags:\r\n- key: team   # a\r\n  value: search\r\n- {value: test, key: stage}\r\n"
        "ai_gateway: null\r\n"
        "permissions:\r\n- level: CAN_QUERY\r\n  group: users"
    )
    path = project.root / "endpoints/chat.yaml"
    path.write_bytes(text.encode())
    cli.apply()
    hand = Hand(emulator)
    hand.tags({"stage": "live"}, delete=("team",))
    hand.gateway(_limits([ALL]))
    hand.grant(**{"ml-engineers": "CAN_VIEW"})
    cli("drift", "-e", "dev", "--accept", "chat", "--yes", expect=0)
    assert path.read_bytes().decode() == (
        text.replace("- key: team   # a\r\n  value: search\r\n", "")
        .replace("value: test", "value: live")
        .replace(
            "ai_gateway: null",
            "ai_gateway: {rate_limits: [{key: endpoint, renewal_period: minute, calls: 600}]}",
        )
        .replace("permissions:\r\n- level: CAN_QUERY\r\n  group: users", "permissions: []\r\n")
    )
    assert cli.settled()


def test_one_that_was_made_anew_outside(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", CHAT)
    cli.apply()
    hand = Hand(emulator)
    entities = emulator.endpoint("chat")["config"]["served_entities"]
    for entity in entities:
        for key in ("state", "creator", "creation_timestamp", "type"):
            entity.pop(key, None)
    tags = [{"key": "provisioner", "value": "shop/dev"}, {"key": "team", "value": "ads"}]
    routes = [{"served_entity_name": name, "traffic_percentage": 50} for name in ("gpt", "claude")]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    emulator.call("DELETE", f"{ENDPOINTS}/chat")
    emulator.call("POST", ENDPOINTS, {"name": "chat", "tags": tags, "config": config})
    hand.grant(users="CAN_QUERY")
    emulator.endpoint("chat")
    cli("drift", "-e", "dev", "--accept", "chat", "--yes")
    assert "traffic: {gpt: 50, claude: 50}   # mostly gpt" in chat(project)
    assert "guardrails" not in chat(project)
    assert cli.settled()
