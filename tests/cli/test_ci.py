"""Helpers for pipelines, against stand-ins for GitHub and GitLab over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioner.report.failure import failed_run
from tests.conftest import Cli, Project, Run, external, invoke, serving
from tests.forges import TOKEN, StandIn, standing_in


@dataclass
class Pipeline:
    """A pipeline's variables set, and the forge behind them."""

    forge: StandIn
    folder: Path

    def __call__(self, *arguments: str | Path, expect: int = 0) -> Run:
        run = invoke(["ci", *map(str, arguments)])
        assert run.code == expect, run.out + run.err
        assert TOKEN not in run.out + run.err
        return run

    def text(self, content: str) -> Path:
        path = self.folder / "text.md"
        path.write_text(content)
        return path

    def comment(self, content: str, *more: str, expect: int = 0) -> Run:
        return self(
            "comment", "--key", "plan/prod", "--body", self.text(content), *more, expect=expect
        )

    def issue(self, *more: str | Path, expect: int = 0) -> Run:
        return self("issue", "--key", "drift/prod", *more, expect=expect)

    def bodies(self, change: int = 5) -> list[str]:
        return [note["body"] for note in self.forge.comments.get(change, [])]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[StandIn, str]]:
    with standing_in() as found:
        yield found


@pytest.fixture(params=["github", "gitlab"])
def pipeline(
    request: pytest.FixtureRequest,
    server: tuple[StandIn, str],
    signed_in: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Pipeline:
    forge, url = server
    StandIn.__init__(forge)
    if request.param == "github":
        variables = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"{url}/github",
            "GITHUB_REPOSITORY": "our/models",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REF": "refs/pull/5/merge",
            "GITHUB_SHA": "abc123",
        }
    else:
        forge.me = "project_7_bot"
        variables = {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{url}/gitlab",
            "CI_PROJECT_ID": "7",
            "GITLAB_TOKEN": TOKEN,
            "CI_MERGE_REQUEST_IID": "5",
            "CI_COMMIT_SHA": "abc123",
        }
    for name in ("GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITLAB_CI"):
        signed_in.delenv(name, raising=False)
    signed_in.setenv("PROVISIONER_PATIENCE_SECONDS", "1")
    for name, value in variables.items():
        signed_in.setenv(name, value)
    return Pipeline(forge, tmp_path)


def is_github(pipeline: Pipeline) -> bool:
    return pipeline.forge.me.startswith("github")


# ------------------------------------------------------------ comments


def test_one_comment_is_written_changed_and_left(pipeline: Pipeline) -> None:
    for number in range(7):  # several pages before ours
        pipeline.forge.someone_comments(5, f"looks good {number}")
    assert pipeline.comment("3 to create", "--update-only").out == "comment left\n"
    assert pipeline.comment("3 to create").out.startswith("comment created")
    assert pipeline.comment("1 to create\r\n").out.startswith("comment updated")
    pipeline.forge.forget()
    assert pipeline.comment("1 to create").out.startswith("comment unchanged")
    assert pipeline.forge.writes() == []
    pipeline("comment", "--key", "plan/dev", "--body", pipeline.text("dev"))
    assert pipeline.bodies()[7:] == [
        "<!-- provisioner: plan/prod -->\n1 to create\n",
        "<!-- provisioner: plan/dev -->\ndev\n",
    ]


def test_comments_of_others_are_not_touched(pipeline: Pipeline) -> None:
    copied = "<!-- provisioner: plan/prod -->\nnothing to see here"
    pipeline.forge.someone_comments(5, copied)
    pipeline.forge.someone_comments(5, f"> {copied}", pipeline.forge.me)
    pipeline.comment("3 to create")
    pipeline.comment("4 to create")
    assert len(pipeline.bodies()) == 3
    assert pipeline.bodies()[0] == copied
    assert pipeline.bodies()[2].endswith("4 to create\n")


@pytest.mark.parametrize("status", [500, 502, 429])
@pytest.mark.parametrize("done", [False, True])
def test_a_creation_without_an_answer_comes_once(
    pipeline: Pipeline, status: int, done: bool
) -> None:
    pipeline.forge.faults.append(("POST", status, done, {}))
    pipeline.comment("3 to create")
    assert len(pipeline.bodies()) == 1


def test_reads_and_changes_are_repeated_with_a_limit(pipeline: Pipeline) -> None:
    pipeline.comment("3 to create")
    change = "PATCH" if is_github(pipeline) else "PUT"
    pipeline.forge.faults += [("GET", 502, False, {}), (change, 503, False, {"Retry-After": "0"})]
    pipeline.comment("4 to create")
    assert pipeline.bodies()[0].endswith("4 to create\n")
    pipeline.forge.faults += [("GET", 500, False, {})] * 100
    run = pipeline.comment("5 to create", expect=1)
    assert "error[forge-busy]" in run.err
    assert "the forge does not answer as it should; try 2" in run.err
    assert 50 < len(pipeline.forge.faults) < 100


def test_limits_of_github_that_come_as_403_are_waited_for(pipeline: Pipeline) -> None:
    pipeline.forge.faults.append(("GET", 403, False, {"Retry-After": "0"}))
    pipeline.comment("3 to create")


def test_a_token_without_rights_is_told_and_not_shown(
    pipeline: Pipeline, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("GITHUB_TOKEN", "wr0ng")
    signed_in.setenv("GITLAB_TOKEN", "wr0ng")
    run = pipeline.comment("x", expect=3)
    assert "error[forge-denied]" in run.err
    assert "Bad credentials: Bearer [hidden]" in " ".join(run.err.split())
    assert "wr0ng" not in run.err


def test_a_netrc_does_not_replace_the_token(pipeline: Pipeline) -> None:
    netrc = Path.home() / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    pipeline.comment("3 to create")


def test_a_forge_out_of_reach_is_told(pipeline: Pipeline, signed_in: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_API_URL", "CI_API_V4_URL"):
        signed_in.setenv(name, "http://127.0.0.1:9")
    assert "does not answer" in pipeline.comment("x", expect=1).err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("comment", "--key", "a b", "--body", "-"), "letters, digits"),
        (("comment", "--key", "a --> b", "--body", "-"), "letters, digits"),
        (("comment", "--key", "a"), "one of --body and --failed"),
        (("issue", "--key", "a"), "--title and --body, or --close"),
        (("issue", "--key", "a", "--title", "t"), "--title and --body, or --close"),
        (("comment", "--key", "a", "--body", "none.md"), "does not exist"),
    ],
)
def test_wrong_usage_is_told(pipeline: Pipeline, arguments: tuple[str, ...], said: str) -> None:
    assert said in " ".join(pipeline(*arguments, expect=64).err.split())


def test_texts_that_no_comment_can_be(pipeline: Pipeline) -> None:
    assert "is empty" in pipeline.comment("  \n", expect=64).err
    run = pipeline.comment("x" * 1_000_001, expect=1)
    assert "with a smaller --limit" in " ".join(run.err.split())
    assert pipeline.bodies() == []


def test_outside_of_a_pipeline_it_says_what_is_missing(signed_in: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_REPOSITORY", "GITLAB_CI", "GITHUB_TOKEN", "GH_TOKEN"):
        signed_in.delenv(name, raising=False)
    run = invoke(["ci", "issue", "--key", "a", "--close"])
    assert (run.code, "error[no-forge]" in run.err) == (4, True)
    signed_in.setenv("GITLAB_CI", "true")
    run = invoke(["ci", "issue", "--key", "a", "--close"])
    assert "CI_API_V4_URL, CI_PROJECT_ID, GITLAB_TOKEN" in " ".join(run.err.split())


def test_a_push_is_not_for_a_pull_request(
    pipeline: Pipeline, signed_in: pytest.MonkeyPatch
) -> None:
    signed_in.setenv("GITHUB_REF", "refs/heads/main")
    signed_in.delenv("CI_MERGE_REQUEST_IID", raising=False)
    assert "use --change" in pipeline.comment("x", expect=64).err
    pipeline.comment("x", "--change", "6")
    assert len(pipeline.bodies(6)) == 1


HOSTILE = "error: ``` </details> <img src=x onerror=alert(1)> @everyone `````\n\x1b[31m\u202e # x"


def test_what_a_failed_command_wrote_is_inert(pipeline: Pipeline) -> None:
    log = pipeline.folder / "log"
    log.write_text(HOSTILE)
    pipeline("comment", "--key", "plan/prod", "--failed", log)
    [body] = pipeline.bodies()
    assert "### plan/prod failed" in body
    fence = "`" * 6
    inside = body.split(f"\n{fence}text\n")[1].split(f"\n{fence}\n")[0]
    assert "@everyone" in inside
    assert "\x1b" not in body
    assert "\u202e" not in body


def test_what_a_failed_command_wrote_has_no_secret_of_the_job(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "canary-of-the-vault")
    log = pipeline.folder / "log"
    log.write_text("vault: canary-of-the-vault is refused, Y2FuYXJ5LW9mLXRoZS12YXVsdA==\n")
    pipeline("comment", "--key", "plan/prod", "--failed", log)
    [body] = pipeline.bodies()
    assert "vault: [hidden] is refused, [hidden]" in body


def test_a_long_log_is_cut_at_its_beginning() -> None:
    text = failed_run("plan/prod", "x" * 100_000 + "\nthe end", 65_000)
    assert len(text) < 65_000
    assert "the end" in text
    assert "80008 characters are left out" in text


def test_a_token_that_cannot_say_whose_it_is(pipeline: Pipeline) -> None:
    """Else every run would write one more comment."""
    if not is_github(pipeline):
        pytest.skip("GitLab's tokens can")
    pipeline.forge.me = "other-app[bot]"
    run = pipeline.comment("x", expect=1)
    assert "written by other-app[bot], and looked for as github-actions[bot]" in " ".join(
        run.err.split()
    )


# ------------------------------------------------------------ issues


def test_an_issue_is_opened_changed_closed_and_opened_again(pipeline: Pipeline) -> None:
    forge = pipeline.forge
    closed, field = "closed", "body" if is_github(pipeline) else "description"
    assert pipeline.issue("--close").out == "issue left\n"
    told = ("--title", "Drift in prod", "--body")
    assert "created" in pipeline.issue(*told, pipeline.text("one")).out
    forge.forget()
    assert "unchanged" in pipeline.issue(*told, pipeline.text("one")).out
    assert forge.writes() == []
    assert "updated" in pipeline.issue(*told, pipeline.text("two")).out
    assert "closed" in pipeline.issue("--close", "--body", pipeline.text("in sync")).out
    [issue] = forge.issues
    assert issue["state"] == closed
    assert issue[field].endswith("in sync\n")
    forge.forget()
    assert "unchanged" in pipeline.issue("--close").out
    assert forge.writes() == []
    assert "reopened" in pipeline.issue(*told, pipeline.text("three")).out
    [issue] = forge.issues
    assert issue["state"] != closed
    assert issue[field] == "<!-- provisioner: drift/prod -->\nthree\n"
    assert pipeline("issue", "--key", "drift/dev", *told, pipeline.text("x"))
    assert len(forge.issues) == 2


def test_an_issue_that_could_not_be_found_again_is_an_error(pipeline: Pipeline) -> None:
    if not is_github(pipeline):
        pytest.skip("GitLab keeps labels")
    pipeline.forge.drops_labels = True
    run = pipeline.issue("--title", "t", "--body", pipeline.text("x"), expect=1)
    assert "without the label provisioner" in " ".join(run.err.split())


# ------------------------------------------------------------ reviewed plans


def keep(pipeline: Pipeline, run: int, name: str, content: bytes, **more: Any) -> None:
    file = "plan.json" if is_github(pipeline) else f"{name}.json"
    pipeline.forge.keep(run, name, {file: content}, **more)


def fetched(pipeline: Pipeline, *more: str, expect: int = 0) -> str:
    to = pipeline.folder / "new" / "plan.json"
    run = pipeline("fetch-plan", "-e", "prod", "--to", to, *more, expect=expect)
    return to.read_text() if expect == 0 else " ".join(run.err.split())


def test_the_plan_of_the_last_commit_is_fetched(pipeline: Pipeline) -> None:
    forge = pipeline.forge
    for number in range(4):
        forge.merged(number + 1, f"other{number}", f"commit{number}")
    forge.merged(5, "head5", "abc123")
    keep(pipeline, forge.run("older"), "plan-prod", b"older")
    first, second = forge.run("head5"), forge.run("head5")
    keep(pipeline, first, "plan-prod", b"first")
    keep(pipeline, second, "plan-prod", b"second")
    keep(pipeline, second, "plan-dev", b"dev")
    keep(pipeline, second, "plan-prod-2-of-4", b"shard")
    assert fetched(pipeline) == "second"
    assert fetched(pipeline, "--shard", "2/4") == "shard"
    assert "no-reviewed-plan" in fetched(pipeline, "--commit", "commit0", expect=5)


@pytest.mark.parametrize("case", ["no request", "no artifact", "expired", "fork", "not a plan"])
def test_without_a_reviewed_plan_it_ends_with_5(pipeline: Pipeline, case: str) -> None:
    forge = pipeline.forge
    if case != "no request":
        forge.merged(5, "head5", "abc123")
    run = forge.run("head5", "their/models" if case == "fork" else "our/models")
    if case == "fork" and not is_github(pipeline):
        pytest.skip("GitLab runs them in the fork's project")
    if case == "not a plan":
        forge.keep(run, "plan-prod", {"other.txt": b"x"})
    elif case != "no artifact":
        keep(pipeline, run, "plan-prod", b"plan", expired=case == "expired")
    text = fetched(pipeline, expect=5)
    assert "error[no-reviewed-plan]" in text
    assert "start the workflow `apply` by hand" in text
    assert not (pipeline.folder / "new").exists()


# ------------------------------------------------------------ the matrix


def matrix(cli: Cli, *more: str, expect: int = 0) -> Any:
    run = cli("ci", "matrix", *more, expect=expect)
    return json.loads(run.out)["include"] if expect == 0 else run.err


def test_the_matrix_has_every_environment_the_protected_last(project: Project, cli: Cli) -> None:
    project.environment("prod", protected=True)
    project.environment("staging")
    project.environment("local", workspace={"emulator": "embedded"})
    (project.root / "environments" / "_base.yaml").write_text("project: shop\n")
    assert [job["environment"] for job in matrix(cli)] == ["dev", "local", "staging", "prod"]
    assert [j["environment"] for j in matrix(cli, "--live")] == ["dev", "staging", "prod"]
    chosen = matrix(cli, "-e", "prod,local,dev")
    assert [job["environment"] for job in chosen] == ["prod", "local", "dev"]
    assert matrix(cli, "-e", "local", "--live") == []
    assert cli("ci", "matrix", expect=0).out.count("\n") == 1
    assert "unknown-environment" in matrix(cli, "-e", "prodd", expect=4)


def test_large_environments_are_parted(project: Project, cli: Cli) -> None:
    for number in range(5):
        project.endpoint(f"e{number}", serving(external()))
    assert matrix(cli) == [{"environment": "dev", "shard": ""}]
    assert [job["shard"] for job in matrix(cli, "--per-shard", "2")] == ["1/3", "2/3", "3/3"]
    assert [job["shard"] for job in matrix(cli, "--per-shard", "5")] == [""]


def test_a_matrix_has_at_most_256_jobs(
    project: Project, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.cli.commands.ci.MAX_SHARDS", 4)
    for number in range(5):
        project.endpoint(f"e{number}", serving(external()))
    assert "a larger --per-shard" in matrix(cli, "--per-shard", "1", expect=64)
