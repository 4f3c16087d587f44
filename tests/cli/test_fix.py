"""``validate --fix``: shows a diff, asks, and changes the words that are wrong, nothing else."""

from __future__ import annotations

from difflib import ndiff
from pathlib import Path

import pytest
import yaml

from provisioner.cli import output
from provisioner.errors import ExitCode, Fixable, Severity, Where
from provisioner.project.edits import edited
from tests.conftest import Emulator, Run, invoke

CHAT = """\
# The assistant; this comment stays.
name: chat   # so does this one

config:
  served_models:            # old
    - name:  hosted
      external_model:
        task: "LLM/v1/Chat"   # shouted
        provider: Databricks-Model-Serving
        name: 'databricks-meta-llama-3-1-70b-instruct'
        databricks_model_serving_config:
          databricks_api_token: "{{ secrets/${var.scope}/token }}"
          databricks_workspace_url: https://other.cloud.databricks.com
  traffic_config:
    routes:
      - {served_model_name: hosted, traffic_percentage: 100}


permissions: [{level: can_query, group: users}]
ai_gateway: {rate_limits: [{calls: 5, renewal_perod: minute, key: user}]} # mistyped
"""
FIXED = (
    CHAT.replace("served_models:", "served_entities:")
    .replace("LLM/v1/Chat", "llm/v1/chat")
    .replace("Databricks-Model-Serving", "databricks-model-serving")
    .replace("3-1-70b", "3-3-70b")
    .replace("{{ secrets/${var.scope}/token }}", "{{secrets/${var.scope}/token}}")
    .replace("served_model_name", "served_entity_name")
    .replace("can_query", "CAN_QUERY")
    .replace("renewal_perod", "renewal_period")
)
OWN = """\
name: churn\r
config:\r
  served_models:\r
    - model_name: main.ml.churn\r
      model_version: "3"\r
      workload_size: small  # of them\r
      scale_to_zero_enabled: true\r
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in {
        "endpoints/chat.yaml": CHAT,
        "endpoints/own.yaml": OWN,
        "environments/dev.yaml": "project: shop\nvariables: {scope: llm}\n",
        "environments/prod.yaml": "extends: dev\nprotected: true\nvariables: {scope: prod}\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    return tmp_path


PASTED = {
    "name": "pasted",
    "config": {
        "served_entities": [
            {
                "name": "v1",
                "entity_name": "main.ml.churn_classifier",
                "entity_version": "3",
                "workload_size": "Small",
                "scale_to_zero_enabled": True,
            }
        ],
        "traffic_config": {"routes": [{"served_model_name": "v1", "traffic_percentage": 100}]},
    },
}
_PROBLEM = (Severity.ERROR, "code", "summary", "")


def validate(root: Path, *more: str) -> Run:
    return invoke(["--project", str(root), "validate", *more])


def test_fix_changes_wrong_words_and_nothing_else(root: Path) -> None:
    before = validate(root)
    assert before.code == ExitCode.INVALID
    (root / "endpoints/chat.yaml").chmod(0o640)
    fixed = validate(root, "--fix", "--yes")
    assert "+    - entity_name: main.ml.churn" in fixed.err
    assert "wrote 2 files" in fixed.err
    assert (root / "endpoints/chat.yaml").read_text() == FIXED
    assert (root / "endpoints/chat.yaml").stat().st_mode & 0o777 == 0o640
    own = (root / "endpoints/own.yaml").read_bytes().decode()
    assert own == (
        OWN.replace("served_models", "served_entities")
        .replace("model_name", "entity_name")
        .replace("model_version", "entity_version")
        .replace("small", "Small")
    )
    assert sorted(path.name for path in (root / "endpoints").iterdir()) == ["chat.yaml", "own.yaml"]
    after = validate(root, "-e", "dev")
    assert (after.code, after.err) == (ExitCode.OK, "")
    assert "nothing to fix" in validate(root, "-e", "dev", "--fix").err


def test_fix_writes_nothing_without_a_yes(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*.yaml")}
    refused = validate(root, "--fix")
    assert refused.code == ExitCode.REFUSED
    assert "--- endpoints/chat.yaml" in refused.err
    assert {path: path.read_bytes() for path in root.rglob("*.yaml")} == before


@pytest.mark.parametrize("answer", ["y", "n"])
def test_fix_asks_at_a_terminal(root: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(output, "can_ask", lambda: True)
    asked: list[str] = []

    def confirm(question: str, **_: object) -> bool:
        asked.append(question)
        return answer == "y"

    monkeypatch.setattr("click.confirm", confirm)
    run = validate(root, "--fix")
    assert asked == ["Write 2 files?"]
    assert ((root / "endpoints/chat.yaml").read_text() == FIXED) is (answer == "y")
    assert run.code == (ExitCode.OK if answer == "y" else ExitCode.INVALID)


def test_what_comes_from_elsewhere_stays(tmp_path: Path) -> None:
    for name, text in {
        "endpoints/a.yaml": "name: a\npermissions: [{level: '${var.level}', group: users}]\n",
        "endpoints/b.yaml": "name: b\npermissions: [{level: &l can_query, group: users}]\n",
        "endpoints/c.yaml": 'name: c\npermissions: [{group: users, level: "can\\x5fquery"}]\n',
        "environments/dev.yaml": "project: shop\nvariables: {level: can_query}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    run = validate(tmp_path, "--fix", "--yes")
    assert run.code == ExitCode.INVALID
    assert run.err.startswith("nothing to fix")
    assert run.err.count("bad-value") == 3


def fixing(text: str, line: int, column: int, old: str, new: str) -> str:
    problem = Fixable(*_PROBLEM, Where("f.yaml", line, column), old, new)
    return edited(text.encode(), [problem], "f.yaml").decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: old", "a: new"),
        ("a: old # old", "a: new # old"),
        ("a: 'old'", "a: 'new'"),
        ('a: "old"', 'a: "new"'),
        ("a: older", "a: older"),
        ("a: old er", "a: old er"),
        ("a: old#er", "a: old#er"),
        ("a: xold", "a: xold"),
        ("a: {b: old}", "a: {b: old}"),  # another place
        ("a: |\n  old", "a: |\n  old"),
    ],
)
def test_only_the_word_at_the_place_is_replaced(before: str, after: str) -> None:
    assert fixing(before, 1, 4, "old", "new") == after


def test_places_are_those_of_characters() -> None:
    assert fixing("\ufeffa: old", 1, 4, "old", "new") == "\ufeffa: new"
    assert fixing("# ä\u2028é: old", 2, 4, "old", "new") == "# ä\u2028é: new"
    assert fixing("a: old", 7, 1, "old", "new") == "a: old"
    assert fixing("a: old", 1, 99, "old", "new") == "a: old"


def test_what_needs_quotes_gets_them() -> None:
    assert fixing("a: old", 1, 4, "old", "{{secrets/a/b}}") == 'a: "{{secrets/a/b}}"'


def test_two_proposals_for_one_word_are_none() -> None:
    where = Where("f.yaml", 1, 4)
    fixes = [Fixable(*_PROBLEM, where, "old", new) for new in ("new", "newer")]
    assert edited(b"a: old", fixes, "f.yaml") == b"a: old"


def test_a_fix_that_breaks_the_file_is_dropped() -> None:
    assert fixing("old: 1\nnew: 2\n", 1, 1, "old", "new") == "old: 1\nnew: 2\n"


def test_a_key_that_could_be_two_is_left_to_the_person(tmp_path: Path) -> None:
    text = """\
name: llama
config:
  served_entities:
    - entity_name: system.ai.llama_v3_3_70b_instruct
      entity_version: 1
      mix_provisioned_throughput: 970
descripton: one
description: two
"""
    for name, content in (
        ("endpoints/llama.yaml", text),
        ("environments/dev.yaml", "project: shop\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    run = invoke(["--project", str(tmp_path), "validate", "--fix", "--yes"])
    assert run.code == ExitCode.INVALID
    assert (tmp_path / "endpoints/llama.yaml").read_text() == text
    assert "did you mean" in run.err


def test_the_difference_is_words_only() -> None:
    changed = [line for line in ndiff(CHAT.splitlines(), FIXED.splitlines()) if line[0] in "+-"]
    assert len(changed) == 16


ADDED = {"tile_endpoint_metadata": {"tile_id": "1"}, "capabilities": {"function_calling": True}}


def test_an_answer_of_the_service_can_be_pasted(tmp_path: Path, emulator: Emulator) -> None:
    """GET holds both spellings of all, and much that only the service can write."""
    emulator.call("POST", "/api/2.0/serving-endpoints", PASTED)
    answer = emulator.endpoint("pasted")
    assert {"served_models", "served_entities"} <= {*answer["config"]}
    for folder in ("endpoints", "environments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "environments/dev.yaml").write_text("project: shop\n")
    file = tmp_path / "endpoints/pasted.yaml"
    answer = {**answer, **ADDED}
    file.write_text(yaml.safe_dump(answer, sort_keys=False))
    first = validate(tmp_path)
    assert first.code == ExitCode.INVALID
    assert "conflicting-keys" not in first.err
    assert "creator: unknown" not in first.err
    fixed = validate(tmp_path, "--fix", "--yes")
    assert (fixed.code, "error" in fixed.err) == (ExitCode.OK, False), fixed.err
    left = yaml.safe_load(file.read_text())
    assert {*left} <= {"name", "config", "tags", "route_optimized", "description"}
    assert "served_models" not in left["config"]
    assert {"creator", "state", "type"}.isdisjoint(left["config"]["served_entities"][0])


def test_what_is_said_twice_is_taken_out_once(tmp_path: Path) -> None:
    text = """\
name: churn
traffic:   # short
  v1: 60
  v2: 40
config:
  served_entities:
    - {name: v1, entity_name: main.ml.churn, model_name: main.ml.churn, entity_version: "1",
       model_version: 1, scale_to_zero_enabled: true}
    - {name: v2, entity_name: main.ml.churn, entity_version: 2, scale_to_zero_enabled: true}
  served_models:
    - {name: v2, model_name: main.ml.churn, model_version: "2"}
    - {name: v1, model_name: main.ml.churn, model_version: "1"}
  traffic_config:
    routes:
      - {served_entity_name: v2, served_model_name: v2, traffic_percentage: 40}
      - {served_entity_name: v1, traffic_percentage: 60}
"""
    for folder in ("endpoints", "environments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "environments/dev.yaml").write_text("project: shop\n")
    (tmp_path / "endpoints/churn.yaml").write_text(text)
    before = validate(tmp_path)
    assert (before.code, before.err.count("warning[said-twice]")) == (ExitCode.OK, 4)
    validate(tmp_path, "--fix", "--yes")
    assert (
        (tmp_path / "endpoints/churn.yaml").read_text()
        == """\
name: churn
config:
  served_entities:
    - {name: v1, entity_name: main.ml.churn, entity_version: "1",
       scale_to_zero_enabled: true}
    - {name: v2, entity_name: main.ml.churn, entity_version: 2, scale_to_zero_enabled: true}
  traffic_config:
    routes:
      - {served_entity_name: v2, served_model_name: v2, traffic_percentage: 40}
      - {served_entity_name: v1, traffic_percentage: 60}
"""
    )
    assert validate(tmp_path).err == ""


def test_what_another_environment_needs_is_not_taken_out(tmp_path: Path) -> None:
    for name, text in {
        "endpoints/churn.yaml": (
            'name: churn\ntraffic: {v1: "${var.share}"}\nconfig:\n  traffic_config:\n'
            "    routes: [{served_entity_name: v1, traffic_percentage: 100}]\n  served_entities:\n"
            "    - {name: v1, entity_name: main.ml.churn, entity_version: 1,"
            " scale_to_zero_enabled: true}\n"
        ),
        "environments/dev.yaml": "project: shop\nvariables: {share: 100}\n",
        "environments/prod.yaml": "project: shop\nvariables: {share: 90}\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    run = validate(tmp_path, "--fix", "--yes")
    assert run.code == ExitCode.INVALID
    assert "conflicting-keys" in run.err
    assert "nothing to fix" in run.err


def test_the_verdict_counts_all_and_says_what_can_be_mended(tmp_path: Path) -> None:
    rows = "permissions: [{level: can_query, group: users}, {level: CAN_VIEW, group: admins}]\n"
    files = {
        "endpoints/a.yaml": f"name: a\nnew: 5\n{rows}",
        "environments/dev.yaml": "project: shop\n",
        "environments/prod.yaml": "project: shop\nexclude: [a]\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    shown = validate(tmp_path).out.splitlines()
    assert shown == ["dev: 2 errors, 1 warning; --fix can mend 1", "prod: 0 endpoints valid"]
    assert validate(tmp_path, "--fix", "--yes", "-e", "dev").out == "dev: 1 error, 1 warning\n"
    (tmp_path / "endpoints/a.yaml").write_text(f"name: a\n{rows.replace('can', 'CAN')}")
    assert validate(tmp_path, "-e", "dev").out == "dev: 1 error, 1 warning; --fix can mend 1\n"


def test_fix_takes_out_what_is_said_twice_before_it_changes_a_word_of_it(root: Path) -> None:
    entity = "entity_version: '1', workload_size: small, scale_to_zero_enabled: true}"
    text = f"- {{name: c, entity_name: main.ml.churn, {entity}"
    once = f"  served_entities:\n    {text}\n"
    (root / "endpoints/own.yaml").write_text(
        f"name: own  # ours\nconfig:\n  served_models:\n    {text}\n{once}"
    )
    validate(root, "--fix", "--yes")
    assert (root / "endpoints/own.yaml").read_text() == (
        f"name: own  # ours\nconfig:\n{once}".replace("small", "Small")
    )
