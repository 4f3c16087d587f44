"""Parts of a fleet: shards, and what changed in git."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.apply import apply
from provisioner.cli.applying import carry_out
from provisioner.cli.selecting import Shard
from provisioner.record import Entry, PutSecret, Record, together
from tests.conftest import ENDPOINTS, Cli, Emulator, Project, external, forged, serving

NAMES = [f"e{number:02}" for number in range(20)]


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def committed(project: Project) -> None:
    if not (project.root / ".git").exists():
        git(project.root, "init", "-q", "-b", "main")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "change")


@pytest.fixture
def fleet(project: Project) -> Project:
    """Twenty endpoints, committed."""
    for name in NAMES:
        project.endpoint(name, serving(external()))
    project.environment(policy={"max_retire": {"count": 3}})
    committed(project)
    return project


def names(answer: str, *actions: str) -> set[str]:
    return {
        entry["name"] for entry in json.loads(answer)["endpoints"] if entry["action"] in actions
    }


# ------------------------------------------------------------ shards


def test_every_name_is_in_exactly_one_shard_and_stays_there() -> None:
    many = [f"team-{number}-chat" for number in range(3000)]
    for count in (1, 2, 7, 64):
        found = Counter(
            number
            for name in many
            for number in range(1, count + 1)
            if name in Shard(number, count)
        )
        assert found.total() == len(many)
        assert max(found.values()) < 2 * len(many) / count
    # The hash is part of the interface: another one would let two shards disagree on a retire.
    assert [n for n in NAMES[:12] if n in Shard(1, 4)] == ["e02", "e07", "e08", "e11"]


def test_shards_together_do_what_one_run_does(fleet: Project, cli: Cli, emulator: Emulator) -> None:
    cli.apply()
    for name in ("e03", "e04", "e11"):
        fleet.remove(name)
    for name in ("e00", "e17"):
        fleet.endpoint(name, serving(external("gpt-4")))
    plans = [cli.plan("--shard", f"{i}/4").out for i in (1, 2, 3, 4)]
    retired = [names(plan, "retire") for plan in plans]
    assert set().union(*retired) == {"e03", "e04", "e11"}
    assert sum(map(len, retired)) == 3
    assert set().union(*(names(plan, "update") for plan in plans)) == {"e00", "e17"}

    drifted = [
        cli("drift", "-e", "dev", "--shard", f"{i}/4", "-o", "json").json for i in (1, 2, 3, 4)
    ]
    assert sorted(e["name"] for found in drifted for e in found["endpoints"]) == NAMES
    for i in (1, 2, 3, 4):
        cli.apply("--shard", f"{i}/4", "--allow-retire", "*")
    assert emulator.names() == sorted(set(NAMES) - {"e03", "e04", "e11"})
    assert cli.settled()


def test_the_ceiling_of_retirements_is_one_for_all_shards(fleet: Project, cli: Cli) -> None:
    cli.apply()
    for name in NAMES[:4]:
        fleet.remove(name)
    shards = [f"{i}/4" for i in (1, 2, 3, 4)]
    plans = {shard: cli.plan("--shard", shard) for shard in shards}
    retiring = [shard for shard in shards if names(plans[shard].out, "retire")]
    assert len(retiring) > 1  # else this test proves nothing
    for shard in retiring:
        [problem] = [p for p in plans[shard].json["problems"] if p["code"] == "over-ceiling"]
        assert "4 of 20 endpoints (20%)" in problem["summary"]
        assert cli.apply("--shard", shard, "--allow-retire", "*", expect=5).code == 5


def test_shards_at_the_same_time_keep_each_others_memory(
    fleet: Project, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second shard runs as a whole after the first has read the record."""
    for name in NAMES:
        fleet.endpoint(name, serving(external()), tags={"ours": "1"})

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setattr(carry_out, "apply", apply)
        cli.apply("--shard", "2/2")
        return apply(*arguments)

    monkeypatch.setattr(carry_out, "apply", meanwhile)
    cli.apply("--shard", "1/2")
    # Only what is remembered as ours is removed.
    for name in NAMES:
        fleet.endpoint(name, serving(external()))
    assert names(cli.plan().out, "update") == set(NAMES)


def test_records_of_two_runs_are_laid_together() -> None:
    old, new, other = (Entry("1", {"tags": {"v": v}}) for v in ("old", "new", "other"))
    began = Record({"a": old, "b": old, "gone": old}, salt="s")
    ours = began.applied("a", "1", new.document).retire("gone")
    theirs = Record({"a": old, "b": other, "gone": old, "c": new}, salt="s")
    found = together(began, ours, theirs)
    assert found.endpoints.keys() == {"a", "b", "c"}
    assert found.endpoints["a"].document == new.document
    assert found.endpoints["b"] == other
    assert found.retired.keys() == {"gone"}


def test_put_secrets_of_two_runs_are_laid_together() -> None:
    """The first record of all: the key of digests is of the one who wrote first."""
    ours = Record(salt="ours", secrets={"s/a": PutSecret("1"), "s/both": PutSecret("2")})
    theirs = Record(salt="theirs", secrets={"s/b": PutSecret("3"), "s/both": PutSecret("4")})
    found = together(Record(), ours, theirs)
    assert found.salt == "theirs"
    assert {name: put.digest for name, put in found.secrets.items()} == {
        "s/a": "1",
        "s/b": "3",
        "s/both": "2",
    }


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/257", "-1/2", "1/0"])
def test_a_shard_that_is_none_is_refused(cli: Cli, shard: str) -> None:
    run = cli("plan", "-e", "dev", "--shard", shard, expect=64)
    assert "is not I/N with 1 <= I <= N <= 256" in run.err


# ------------------------------------------------------------ what changed in git


def changed(cli: Cli, since: str = "main", *more: str) -> set[str]:
    run = cli("plan", "-e", "dev", "-o", "json", "--changed-since", since, *more, expect=0)
    return {entry["name"] for entry in run.json["endpoints"]}


def test_only_what_changed_is_read_and_planned(
    fleet: Project, cli: Cli, emulator: Emulator
) -> None:
    cli.apply()
    git(fleet.root, "checkout", "-qb", "work")
    assert changed(cli) == set()
    path = fleet.root / "endpoints" / "e05.yaml"
    path.write_text("# only a comment\n" + path.read_text())
    assert changed(cli) == set()
    fleet.endpoint("e05", serving(external("gpt-4")))  # not even committed
    fleet.endpoint("new", serving(external()))  # not even known to git
    emulator.forget()
    run = cli("plan", "-e", "dev", "--changed-since", "main", expect=0)
    assert "dev: 2 of 21 endpoints changed since main" in run.err
    asked = {
        r["path"].split("/")[4]
        for r in emulator.requests()
        if r["path"].startswith(f"{ENDPOINTS}/")
    }
    assert asked == {"e05"}
    committed(fleet)
    assert changed(cli) == {"e05", "new"}
    cli.apply("--changed-since", "main")
    assert (
        emulator.endpoint("e05")["config"]["served_entities"][0]["external_model"]["name"]
        == "gpt-4"
    )
    assert changed(cli, "main", "--only", "n*") == {"new"}


def test_what_others_did_on_main_is_not_ours(fleet: Project, cli: Cli) -> None:
    git(fleet.root, "checkout", "-qb", "work")
    fleet.endpoint("e05", serving(external("gpt-4")))
    committed(fleet)
    git(fleet.root, "checkout", "-q", "main")
    fleet.endpoint("e06", serving(external("gpt-4")))
    committed(fleet)
    git(fleet.root, "checkout", "-q", "work")
    assert changed(cli) == {"e05"}


def test_a_selection_by_change_never_retires(fleet: Project, cli: Cli, emulator: Emulator) -> None:
    cli.apply()
    git(fleet.root, "checkout", "-qb", "work")
    fleet.remove("e01")
    fleet.endpoint("e02", serving(external("gpt-4")))
    committed(fleet)
    run = cli.apply("--changed-since", "main", "--allow-retire", "*")
    assert "1 no longer declared, which a selection never retires" in run.err
    assert "e01" in emulator.names()
    assert names(cli.plan().out, "retire") == {"e01"}


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("overrides", {"overrides": {"e07": {"tags": {"a": "b"}}}}, {"e07"}),
        ("variables", {"variables": {"unused": 1}}, set()),
        ("defaults", {"defaults": {"tags": {"a": "b"}}}, set(NAMES)),
        ("policy", {"policy": {"max_retire": {"count": 1}}}, set(NAMES)),
        ("protected", {"protected": True}, set(NAMES)),
        ("exclude", {"exclude": ["e0*"]}, set()),
        ("prefix", {"name_prefix": "x-"}, {f"x-{name}" for name in NAMES}),
    ],
)
def test_an_environment_changes_what_it_touches(
    fleet: Project, cli: Cli, file: str, content: dict[str, object], expected: set[str]
) -> None:
    fleet.environment(**{"policy": {"max_retire": {"count": 3}}, **content})
    assert changed(cli) == expected, file


def test_a_base_changes_what_is_laid_over_it(fleet: Project, cli: Cli) -> None:
    base = fleet.root / "environments" / "_base.yaml"
    base.write_text("project: shop\nvariables: {model: gpt-4o}\n")
    fleet.environment(extends="_base")
    fleet.endpoint("e08", serving(external("${var.model}")))
    committed(fleet)
    base.write_text("project: shop\nvariables: {model: gpt-4}\n")
    assert changed(cli, "HEAD") == {"e08"}


@pytest.mark.parametrize("case", ["facts", "new environment", "broken before"])
def test_what_cannot_be_compared_has_changed(fleet: Project, cli: Cli, case: str) -> None:
    if case == "facts":
        (fleet.root / "catalog.override.yaml").write_text("stale_after_days: 90\n")
    elif case == "new environment":
        fleet.environment("other")
        run = cli("plan", "-e", "other", "-o", "json", "--changed-since", "main", expect=0)
        assert len(run.json["endpoints"]) == 20
        return
    else:
        (fleet.root / "endpoints" / "e01.yaml").write_text("name: [\n")
        committed(fleet)
        fleet.endpoint("e01", serving(external()))
    assert changed(cli, "HEAD") == set(NAMES)


def test_validate_tells_errors_always_and_the_rest_of_what_changed(
    fleet: Project, cli: Cli
) -> None:
    for name in ("e03", "e04"):
        fleet.endpoint(name, serving(external()), tags={"k" * 128: "v"})
    committed(fleet)
    assert cli("validate").err.count("long-tag") == 2
    assert cli("validate", "--changed-since", "main").err == ""
    fleet.endpoint("e04", serving(external()), tags={"k" * 128: "w"})
    only = cli("validate", "--changed-since", "main", expect=0)
    assert "e04" in only.err
    assert "e03" not in only.err
    fleet.endpoint("e05", {"config": {"bad": 1}})
    committed(fleet)
    assert "unknown-key" in cli("validate", "--changed-since", "main", expect=4).err


def test_git_that_cannot_tell_is_an_error_that_helps(
    fleet: Project, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*arguments: str) -> str:
        run = cli("plan", "-e", "dev", "--changed-since", *arguments, expect=4)
        text = " ".join(run.err.split())
        assert "error[changes-unknown]: cannot tell what changed: " in text
        return text

    assert "there is no commit `nope`" in said("nope")
    assert "there is no commit `--upload-pack=x`" in said("--upload-pack=x")
    assert "there is no commit ``" in said("")
    git(fleet.root, "checkout", "-q", "--orphan", "elsewhere")
    fleet.endpoint("e01", serving(external()), description="elsewhere")
    committed(fleet)
    assert "`main` and this branch have no commit in common" in said("main")
    git(fleet.root, "checkout", "-q", "main")
    for _ in range(2):
        fleet.endpoint("e01", serving(external()), description=str(_))
        committed(fleet)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{fleet.root}", str(shallow))
    run = Cli(shallow)("plan", "-e", "dev", "--changed-since", "HEAD~1", expect=4)
    assert "fetch-depth: 0" in run.err
    shutil.rmtree(fleet.root / ".git")
    assert "is in no repository that git can use" in said("main")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "cannot start git" in said("main")


def test_a_project_may_be_a_folder_of_its_repository(
    fleet: Project, cli: Cli, tmp_path: Path
) -> None:
    shutil.rmtree(fleet.root / ".git")
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "README.md").write_text("x")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "all")
    (tmp_path / "README.md").write_text("y")
    fleet.endpoint("e09", serving(external("gpt-4")))
    assert changed(cli) == {"e09"}


# ------------------------------------------------------------ saved plans


def saved(project: Project, cli: Cli, *more: str) -> Path:
    path = project.root.parent / "plan.json"
    cli("plan", "-e", "dev", "--out", path, *more, expect=0)
    return path


def test_a_saved_plan_that_was_cut_short_goes_on(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for name in ("a", "b", "c"):
        project.endpoint(name, serving(external()))
    plan = saved(project, cli)
    emulator.fault("POST", ENDPOINTS, skip=1, times=1, status=400)
    cli("apply", "-e", "dev", plan, "--parallelism", "1", expect=8)
    assert len(emulator.names()) == 2
    emulator.forget()
    again = cli("apply", "-e", "dev", plan, "--as-declared", "-o", "json", expect=0)
    assert len(emulator.writes()) == 1
    assert again.json["summary"]["done"] == 1
    assert again.json["summary"]["skipped"] == 2
    assert emulator.names() == ["a", "b", "c"]
    # What the first run did is remembered: it is known that the tag was ours.
    project.endpoint("a", serving(external()), tags={"x": "y"})
    cli.apply()
    project.endpoint("a", serving(external()))
    assert cli.plan().entry("a")["action"] == "update"


def test_a_plan_that_the_files_do_not_ask_for_is_refused(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    for name in ("a", "b"):
        project.endpoint(name, serving(external()))
    cli.apply()
    project.endpoint("a", serving(external("gpt-4")))
    plan = saved(project, cli)
    foreign = json.loads(plan.read_text())
    [entry] = [e for e in foreign["endpoints"] if e["name"] == "b"]
    entry |= {
        "action": "retire",
        "impact": "delete",
        "declared": None,
        "permit": "--allow-retire",
        "steps": [
            {"call": f"DELETE {ENDPOINTS}/b", "body": None, "changes": [], "settle_first": False}
        ],
    }
    poisoned = plan.with_name("poisoned.json")
    poisoned.write_text(forged(foreign))
    emulator.forget()
    run = cli("apply", "-e", "dev", poisoned, "--as-declared", expect=5)
    assert "the files here ask for something else for b" in " ".join(run.err.split())
    assert emulator.writes() == []

    project.endpoint("a", serving(external("gpt-4.1")))
    run = cli("apply", "-e", "dev", plan, "--as-declared", expect=5)
    assert "something else for a" in " ".join(run.err.split())
    assert emulator.writes() == []

    project.endpoint("a", serving(external("gpt-4")))
    project.endpoint("c", serving(external()))
    run = cli("apply", "-e", "dev", plan, "--as-declared", expect=0)
    assert "declared and not in the plan, so left as it is: c" in run.err
    assert emulator.names() == ["a", "b"]


def test_secrets_that_a_plan_did_not_know_are_no_difference(
    project: Project, cli: Cli, signed_in: pytest.MonkeyPatch
) -> None:
    body: dict[str, Any] = {"openai_api_key": None, "openai_api_key_plaintext": "${env:KEY}"}
    project.endpoint("a", serving(external(**body)))
    plan = saved(project, cli)
    signed_in.setenv("KEY", "canary-1")
    cli("apply", "-e", "dev", plan, "--as-declared", expect=0)


def test_the_policy_of_the_files_here_counts(project: Project, cli: Cli) -> None:
    project.endpoint("a", serving(external()))
    plan = saved(project, cli)
    project.environment(policy={"allowed_providers": ["cohere"]})
    run = cli("apply", "-e", "dev", plan, "--as-declared", expect=4)
    assert "provider-not-allowed" in run.err
    project.environment(policy={"require_tags": ["team"]})
    run = cli("apply", "-e", "dev", plan, "--as-declared", expect=5)
    assert "required-tags" in run.err


def test_a_saved_plan_takes_no_selection(project: Project, cli: Cli) -> None:
    project.endpoint("a", serving(external()))
    plan = saved(project, cli)
    for more in (("--only", "b"), ("--exclude", "a"), ("--changed-since", "main")):
        assert "leave the selection out" in cli("apply", "-e", "dev", plan, *more, expect=64).err


def test_a_saved_plan_of_a_shard_is_applied_as_that_shard(
    fleet: Project, cli: Cli, emulator: Emulator
) -> None:
    plan = saved(fleet, cli, "--shard", "1/2")
    run = cli("apply", "-e", "dev", plan, "--shard", "2/2", "--as-declared", expect=5)
    assert "not of this shard" in run.err
    cli("apply", "-e", "dev", plan, "--shard", "1/2", "--as-declared", expect=0)
    assert emulator.names() == [name for name in NAMES if name in Shard(1, 2)]
    assert yaml.safe_load((fleet.root / "endpoints" / "e01.yaml").read_text())["name"] == "e01"


# ------------------------------------------------------------ what nothing matches


@pytest.mark.parametrize("command", [["plan"], ["drift"], ["status"], ["apply", "--auto-approve"]])
def test_a_name_that_nothing_has_is_told(project: Project, cli: Cli, command: list[str]) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    run = cli(*command, "-e", "dev", "--only", "chatt", expect=0)
    assert "warning[selection-empty]: `chatt` matches no endpoint of dev" in run.err
    assert "did you mean `chat`?" in run.err
    assert "selection-empty" not in cli(*command, "-e", "dev", "--only", "chat", expect=0).err


def test_a_gate_that_asks_nothing_does_not_pass(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    cli.apply()
    assert "nothing was verified" in cli("verify", "-e", "dev", "--only", "x", expect=1).err
    assert "nothing to wait for" in cli("wait", "-e", "dev", "x", expect=1).err


def test_names_may_be_said_without_the_prefix(project: Project, cli: Cli) -> None:
    project.environment(name_prefix="pn-")
    project.endpoint("chat", serving(external()))
    project.endpoint("other", serving(external()))

    def planned(*options: str) -> list[str]:
        document = cli("plan", "-e", "dev", "-o", "json", *options, expect=0).json
        return [entry["name"] for entry in document["endpoints"]]

    assert planned("--only", "chat") == planned("--only", "pn-chat") == ["pn-chat"]
    assert planned("--exclude", "ch*") == ["pn-other"]


def test_a_plan_that_apply_refuses_ends_so(project: Project, cli: Cli) -> None:
    project.environment(policy={"max_retire": {"count": 0}})
    project.endpoint("chat", serving(external()))
    cli.apply()
    project.remove("chat")
    assert "over-ceiling" in cli("plan", "-e", "dev", expect=0).out
    assert "over-ceiling" in cli("plan", "-e", "dev", "--detailed-exitcode", expect=5).out
    cli("apply", "-e", "dev", "--auto-approve", "--allow-retire", "chat", expect=5)
