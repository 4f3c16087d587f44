"""``-o markdown`` through the command line: of one environment and of several, with its limit."""

from __future__ import annotations

from ..conftest import Cli, Emulator, Project, external, serving
from ..pure.reported import only_ours, rendered


def test_a_plan_its_saved_form_and_drift(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()), tags={"team": "a", "seen": "1"})
    project.endpoint("old", serving(external()))
    cli.apply()
    project.endpoint("chat", serving(external()), tags={"team": "b"})
    project.remove("old")
    saved = project.root / "plan.json"
    plan = cli("plan", "-e", "dev", "-o", "markdown", "--out", saved, expect=0)
    assert plan.out.startswith("### Plan for `dev`\n\n**1 to retire**, **1 to update**\n")
    assert "> - `-` **retire** `old`: deleted for good" in plan.out
    assert "> - `~` **update** `chat`: removes `tags[seen]`" in plan.out
    assert "- team  a\n+ team  b" in plan.out
    assert cli("show", saved, "-o", "markdown", expect=0).out == plan.out
    change = {"add_tags": [{"key": "team", "value": "@everybody"}]}
    emulator.call("PATCH", "/api/2.0/serving-endpoints/chat/tags", change)
    drift = cli("drift", "-e", "dev", "-o", "markdown", "--artifact", "the run's files", expect=2)
    assert "- team  b\n+ team  @everybody" in drift.out
    assert drift.out.endswith("All of it: `the run's files`.\n")


def test_several_environments_with_one_that_gives_no_answer(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    (project.root / "environments" / "broken.yaml").write_text("project: [\n")
    run = cli("plan", "-e", "dev,broken", "-o", "markdown", expect=4)
    assert "### Plan for `dev`\n\n**1 to create**\n" in run.out
    assert "### Plan for `broken`\n\n> [!CAUTION]\n> **not known**\n" in run.out
    assert "`environments/broken.yaml:2:1`: cannot read the file" in run.out
    html = cli("plan", "-e", "broken,dev", "-o", "html", expect=4).out
    assert "<title>Plan for 2 environments</title>" in html
    assert "environments/broken.yaml:2:1" in html
    cli.apply()
    fleet = cli("status", "-e", "broken,dev", "-o", "html", expect=4).out
    assert "not known</span>" in fleet
    assert "not here" not in fleet


def test_a_limit_without_room_is_an_error_and_the_plan_is_kept(project: Project, cli: Cli) -> None:
    project.endpoint("chat", serving(external()))
    saved = project.root / "plan.json"
    run = cli("plan", "-e", "dev", "-o", "markdown", "--limit", "20", "--out", saved, expect=4)
    assert (run.out, "error[report-too-long]" in run.err) == ("", True)
    assert saved.exists()


def test_what_apply_did(project: Project, cli: Cli, emulator: Emulator) -> None:
    project.endpoint("chat", serving(external()))
    project.endpoint("late", serving(external()))
    emulator.build(match={"endpoint": "chat"}, outcome="failed", message="boom <b>@all</b>")
    run = cli("apply", "-e", "dev", "--auto-approve", "-o", "markdown", expect=8)
    assert run.out.startswith("### Applied to `dev`\n\n**1 failed**, **1 done**\n")
    page = rendered(run.out)
    assert "boom <b>@all</b>" in "".join(page.code)
    assert only_ours(page) == []
    assert "late: creating" in run.err
