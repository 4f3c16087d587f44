"""Projects: found, read, laid over and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import Problem, ProjectInvalid, Where
from provisioner.project import Declared, Loaded, find_root, open_project
from provisioner.rules import check

ROOT = Path(__file__).parents[2]
DEV = "project: demo\nworkspace: {emulator: embedded}\n"
CHURN = """\
name: churn
config:
  served_entities:
    - name: model
      entity_name: main.ml.churn
      entity_version: 3
      workload_size: Small
      scale_to_zero_enabled: true
"""


def load(root: Path, files: dict[str, str], environment: str = "dev") -> Loaded:
    write(root, {"environments/dev.yaml": DEV, "endpoints/churn.yaml": CHURN, **files})
    return open_project(root).load(environment, check)


def write(root: Path, files: dict[str, str]) -> None:
    for name in ("endpoints", "environments"):
        (root / name).mkdir(exist_ok=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def only(loaded: Loaded) -> Declared:
    (endpoint,) = loaded.endpoints
    return endpoint


def problems(root: Path, files: dict[str, str]) -> tuple[Problem, ...]:
    with pytest.raises(ProjectInvalid) as invalid:
        load(root, files)
    return invalid.value.problems()


def served(endpoint: Declared) -> dict[str, Any]:
    entity: dict[str, Any] = endpoint.spec.api_data()["config"]["served_entities"][0]
    return entity


# ------------------------------------------------------------ finding and reading


def test_the_project_is_found_upward(tmp_path: Path) -> None:
    write(tmp_path, {"a/b/c.txt": ""})
    assert find_root(tmp_path / "a" / "b") == tmp_path.resolve()


def test_no_project_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "endpoints").mkdir()
    with pytest.raises(ProjectInvalid) as invalid:
        find_root(tmp_path)
    assert [problem.code for problem in invalid.value.problems()] == ["project-not-found"]


@pytest.mark.parametrize("environment", ["local", "dev", "staging", "prod"])
def test_the_repository_is_without_a_problem(environment: str) -> None:
    loaded = open_project(find_root(ROOT)).load(environment, check)
    assert loaded.problems == ()
    assert len(loaded.endpoints) >= 8


def test_the_repository_uses_every_kind() -> None:
    from provisioner.spec import Kind, kind_of

    loaded = open_project(ROOT).load("local", check)
    kinds = {kind_of(endpoint.spec) for endpoint in loaded.endpoints}
    assert kinds == set(Kind) - {Kind.NONE}


def test_bases_are_not_environments(tmp_path: Path) -> None:
    write(tmp_path, {"environments/_base.yaml": DEV, "environments/b.yml": "extends: _base"})
    project = open_project(tmp_path)
    assert project.environments == ("b",)
    with pytest.raises(ProjectInvalid):
        project.load("_base")


def test_an_unknown_environment_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, {"environments/staging.yaml": DEV})
    with pytest.raises(ProjectInvalid) as invalid:
        open_project(tmp_path).load("stagin")
    (problem,) = invalid.value.problems()
    assert (problem.code, problem.hint) == ("unknown-environment", "did you mean `staging`?")


def test_files_are_read_once(tmp_path: Path) -> None:
    load(tmp_path, {})
    project = open_project(tmp_path)
    (tmp_path / "endpoints" / "churn.yaml").unlink()
    assert project.load("dev") == project.load("dev")


def test_which_files_count(tmp_path: Path) -> None:
    files = {
        "endpoints/churn.yaml": "\ufeff" + CHURN,
        "endpoints/team/more.yml": f"---\n{CHURN.replace('churn', 'b', 1)}---\n---\n"
        + CHURN.replace("churn", "a", 1),
        "endpoints/.hidden.yaml": "{",
        "endpoints/.git/x.yaml": "{",
        "endpoints/README.md": "{",
        "endpoints/folder.yaml/x.txt": "{",
    }
    loaded = load(tmp_path, files)
    assert [endpoint.name for endpoint in loaded.endpoints] == ["a", "b", "churn"]
    assert loaded.problems == ()


def test_links_are_followed_and_broken_ones_are_problems(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere.yaml": CHURN.replace("churn", "linked", 1)})
    (tmp_path / "endpoints" / "link.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    assert len(load(tmp_path, {}).endpoints) == 2
    (tmp_path / "endpoints" / "broken.yaml").symlink_to(tmp_path / "nothing.yaml")
    (problem,) = problems(tmp_path, {})
    assert (problem.code, problem.where) == (
        "unreadable-file",
        Where("endpoints/broken.yaml", 1, 1),
    )


def test_anchors_and_merge_keys_work(tmp_path: Path) -> None:
    text = CHURN.replace("    - name: model", "    - &one\n      name: model")
    text += "    - {<<: *one, name: other, entity_version: 2}\ntraffic: {model: 90, other: 10}\n"
    endpoint = only(load(tmp_path, {"endpoints/churn.yaml": text}))
    first, second = endpoint.spec.served_entities
    assert (second.entity_name, second.entity_version) == (first.entity_name, "2")
    at = endpoint.where("config.served_entities[other].entity_name")
    assert at == endpoint.where("config.served_entities[model].entity_name")


def test_words_that_are_booleans_elsewhere_are_text(tmp_path: Path) -> None:
    text = CHURN + "tags: {country: no, on: off, zip: 01234, time: 12:30:45, day: 2024-01-01}\n"
    endpoint = only(load(tmp_path, {"endpoints/churn.yaml": text}))
    assert endpoint.spec.tags == {
        "country": "no",
        "on": "off",
        "zip": "01234",
        "time": "12:30:45",
        "day": "2024-01-01",
    }


# ------------------------------------------------------------ overlays


def test_layers_and_where_each_value_comes_from(tmp_path: Path) -> None:
    environment = (
        DEV
        + "name_prefix: dev-\n"
        + "defaults:\n  tags: {owner: ml, team: all}\n"
        + "overrides:\n  churn:\n    config:\n      served_entities:\n"
        + "        - {name: model, workload_size: Large}\n"
    )
    files = {
        "environments/dev.yaml": environment,
        "endpoints/churn.yaml": CHURN + "tags: {team: a}\n",
    }
    endpoint = only(load(tmp_path, files))
    assert (endpoint.name, endpoint.spec.name) == ("dev-churn", "dev-churn")
    assert endpoint.spec.tags == {"owner": "ml", "team": "a"}
    assert served(endpoint)["workload_size"] == "Large"
    assert endpoint.where("name") == Where("endpoints/churn.yaml", 1, 7)
    assert endpoint.where("tags[owner]") == Where("environments/dev.yaml", 5, 17)
    assert endpoint.where("tags[team]") == Where("endpoints/churn.yaml", 9, 14)
    size = endpoint.where("config.served_entities[model].workload_size")
    assert size == Where("environments/dev.yaml", 10, 40)


def test_null_in_an_override_clears(tmp_path: Path) -> None:
    environment = DEV + "overrides: {churn: {description: null, ai_gateway: null}}\n"
    text = CHURN + "description: x\nai_gateway: {rate_limits: []}\n"
    files = {"environments/dev.yaml": environment, "endpoints/churn.yaml": text}
    sent = only(load(tmp_path, files)).spec.api_data()
    assert (sent["description"], sent["ai_gateway"]) == (None, None)


def test_an_override_of_the_traffic_takes_either_spelling(tmp_path: Path) -> None:
    text = CHURN + "  traffic_config:\n    routes:\n"
    text += "      - {served_model_name: model, traffic_percentage: 90}\n"
    environment = DEV + "overrides: {churn: {traffic: {model: 100}}}\n"
    files = {"environments/dev.yaml": environment, "endpoints/churn.yaml": text}
    loaded = load(tmp_path, files)
    endpoint = only(loaded)
    assert endpoint.where("config.traffic_config.routes[model].traffic_percentage") == Where(
        "environments/dev.yaml", 3, 38
    )
    assert [problem.code for problem in loaded.problems] == ["deprecated-spelling"]


def test_an_extended_environment_is_laid_under(tmp_path: Path) -> None:
    files = {
        "environments/_a.yaml": "project: demo\npolicy: {max_model_units: 5}\nprotected: true\n",
        "environments/_b.yaml": "extends: _a\nvariables: {size: Medium}\nprotected: false\n",
        "environments/dev.yaml": "extends: _b\npolicy: {max_update_share: 1}\n",
        "endpoints/churn.yaml": CHURN.replace("Small", "${var.size}"),
    }
    loaded = load(tmp_path, files)
    assert (loaded.spec.project, loaded.spec.protected) == ("demo", False)
    assert loaded.spec.policy.max_model_units == 5
    assert loaded.spec.policy.max_update_share == 1
    assert served(only(loaded))["workload_size"] == "Medium"


@pytest.mark.parametrize(
    ("written", "result"),
    [
        ("include: [ch*]", {"churn"}),
        ("include: []", set()),
        ("exclude: [ch*]", {"other"}),
        ("include: ['*']\nexclude: [other]", {"churn"}),
        ("", {"churn", "other"}),
    ],
)
def test_include_and_exclude(tmp_path: Path, written: str, result: set[str]) -> None:
    files = {
        "environments/dev.yaml": f"{DEV}name_prefix: ''\n{written}\n",
        "endpoints/other.yaml": CHURN.replace("churn", "other", 1),
    }
    assert {endpoint.name for endpoint in load(tmp_path, files).endpoints} == result


def test_an_override_may_name_an_excluded_endpoint(tmp_path: Path) -> None:
    environment = DEV + "exclude: [churn]\noverrides: {churn: {description: x}}\n"
    assert load(tmp_path, {"environments/dev.yaml": environment}).endpoints == ()


# ------------------------------------------------------------ variables


def test_a_variable_alone_keeps_its_type_and_has_the_place_of_its_use(tmp_path: Path) -> None:
    environment = (
        DEV + "variables:\n  entities: [{name: model, scale_to_zero_enabled: '${var.z}'}]\n"
    )
    environment += "  z: true\n  tags: {a: b}\n"
    text = "name: churn\ntags: ${var.tags}\nconfig:\n  served_entities: ${var.entities}\n"
    write(tmp_path, {"environments/dev.yaml": environment, "endpoints/churn.yaml": text})
    endpoint = only(open_project(tmp_path).load("dev"))
    assert served(endpoint) == {"name": "model", "scale_to_zero_enabled": True}
    assert endpoint.where("tags[a]") == Where("endpoints/churn.yaml", 2, 7)
    assert endpoint.where("config.served_entities[model].name").line == 4


def test_a_variable_in_a_text_is_written_out(tmp_path: Path) -> None:
    environment = DEV + "variables: {n: 5, f: 1.5, b: true, t: '${var.n}x'}\n"
    text = CHURN + 'description: "${var.n} ${var.f} ${var.b} ${var.t} $${var.n} $x $${"\n'
    files = {"environments/dev.yaml": environment, "endpoints/churn.yaml": text}
    found = only(load(tmp_path, files)).spec.description
    assert found == "5 1.5 true 5x ${var.n} $x ${"


def test_the_workspace_may_use_variables(tmp_path: Path) -> None:
    environment = "project: demo\nvariables: {id: 12}\n"
    environment += (
        "workspace: {host: 'https://adb-${var.id}.example.com', workspace_id: '${var.id}'}\n"
    )
    loaded = load(tmp_path, {"environments/dev.yaml": environment})
    assert loaded.spec.workspace.host == "https://adb-12.example.com"
    assert loaded.spec.workspace.workspace_id == "12"


@pytest.mark.parametrize(
    "variables",
    [
        "\n".join(f"  v{i}: ${{var.v{i + 1}}}" for i in range(2000)) + "\n  v2000: 1",
        "\n".join(f"  v{i}: '${{var.v{i + 1}}}${{var.v{i + 1}}}'" for i in range(60))
        + "\n  v60: xxxxxxxxxx",
        "\n".join(f"  v{i}: ['${{var.v{i + 1}}}', '${{var.v{i + 1}}}']" for i in range(60))
        + "\n  v60: x",
        "\n".join(f"  v{i}: {'[' * 50}'${{var.v{i + 1}}}'{']' * 50}" for i in range(60))
        + "\n  v60: x",
    ],
    ids=["chain", "text-bomb", "list-bomb", "depth"],
)
def test_variables_that_explode_are_problems(tmp_path: Path, variables: str) -> None:
    files = {
        "environments/dev.yaml": f"{DEV}variables:\n{variables}\n",
        "endpoints/churn.yaml": CHURN + "description: ${var.v0}\n",
    }
    assert {problem.code for problem in problems(tmp_path, files)} <= {"too-deep", "too-large"}


def test_one_mistake_is_said_once(tmp_path: Path) -> None:
    environment = DEV + "variables: {n: '${var.nope}'}\n"
    environment += (
        "defaults: {ai_gateway: {rate_limits: [{renewal_period: minute, calls: '${var.n}'}]}}\n"
    )
    files = {
        "environments/dev.yaml": environment,
        "endpoints/other.yaml": CHURN.replace("name: churn", "name: x ${var.nope}"),
    }
    found = [(problem.code, str(problem.where)) for problem in problems(tmp_path, files)]
    assert found == [
        ("unknown-variable", "endpoints/other.yaml:1:7"),
        ("unknown-variable", "environments/dev.yaml:3:16"),
        # Of both endpoints, whatever the variable was meant to be.
        *[("gateway-kind", "environments/dev.yaml:4:38")] * 2,
    ]


def test_problems_of_another_environment_do_not_matter(tmp_path: Path) -> None:
    load(tmp_path, {"environments/prod.yaml": "project: [\n"})
    with pytest.raises(ProjectInvalid):
        open_project(tmp_path).load("prod")
