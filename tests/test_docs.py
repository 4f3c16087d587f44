"""What the documents say is there, and what is there they say."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from provisioner import __version__
from provisioner.cli.main import group
from provisioner.errors import ExitCode
from provisioner.spec.environment import EnvironmentSpec, Policy
from tests.conftest import invoke

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = ("README.md", "CHANGELOG.md", "provisioner/README.md", "provisioner/emulator/README.md")
SPANS = set(re.findall(r"`([^`\n]+)`", README))
WORDS = {word.strip("[],|\\") for span in SPANS for word in span.split()}


def commands(
    command: click.Command = group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its path, groups included."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


@pytest.mark.parametrize("path", [path for path, _ in commands() if path], ids=" ".join)
def test_readme_has_every_command(path: tuple[str, ...]) -> None:
    assert WORDS.issuperset(path)


@pytest.mark.parametrize(("path", "command"), list(commands()), ids=lambda value: str(value)[:30])
def test_readme_has_every_option(path: tuple[str, ...], command: click.Command) -> None:
    options = [option for p in command.params if isinstance(p, click.Option) for option in p.opts]
    assert not [option for option in options if option not in WORDS], path


def test_readme_has_no_option_that_is_gone() -> None:
    known = {"-h", "--help"}
    for _, command in commands():
        known |= {option for parameter in command.params for option in parameter.opts}
    assert {word for word in WORDS if re.fullmatch(r"--?[a-z-]+", word)} <= known


def test_readme_has_exactly_the_exit_codes() -> None:
    table = README.partition("## Exit codes")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)] == list(ExitCode)


def test_readme_has_every_key_of_an_environment() -> None:
    assert WORDS.issuperset(EnvironmentSpec.model_fields)
    assert WORDS.issuperset(Policy.model_fields)


def test_readme_has_every_environment_variable() -> None:
    sources = (path.read_text("utf-8") for path in (ROOT / "provisioner").rglob("*.py"))
    named = {name for text in sources for name in re.findall(r"PROVISIONER_[A-Z_]+", text)}
    assert not [name for name in named if name not in README]


def test_the_examples_of_the_readme_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", README, re.S)
    assert len(blocks) == README.count("```yaml") > 0
    for name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    checked = invoke(["--project", str(tmp_path), "validate"])
    assert (checked.code, checked.err) == (0, "")
    environments = sum(name.startswith("environments/") for name, _ in blocks)
    assert len(checked.out.splitlines()) == environments


def test_the_report_of_the_readme_is_a_real_one() -> None:
    shown = re.findall(r"````markdown\n(.*?)````", README, re.S)
    real = (ROOT / "tests/pure/reports/plan.md").read_text("utf-8")
    assert len(shown) == 1
    head, _, rest = shown[0].partition("<details>")
    assert real.startswith(head)
    assert f"<details>{rest}" in real


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    text = path.read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, heading = target.partition("#")
        other = (path.parent / file) if file else path
        assert other.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", other.read_text("utf-8"), re.M)
            assert heading in {re.sub(r"\W+", "-", title.lower()) for title in titles}


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "provisioner/README.md"])
def test_the_documents_fit_a_terminal(name: str) -> None:
    fence = ""
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if line.startswith("```") and not fence:
            fence = "`" * (len(line) - len(line.lstrip("`")))
        elif line == fence:
            fence = ""
        assert fence or line.startswith("|") or len(line) <= 80, line


def test_the_changelog_has_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_make_has_the_targets_that_the_readme_names() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"\bmake ([a-z-]+)", README))
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, re.M))
    checks = re.search(r"^for check in (.*); do$", (ROOT / ".ci/run").read_text("utf-8"), re.M)
    assert checks
    assert {"test-all", "browser", "workflows", "lint", "types", "demo", "package"} == set(
        checks[1].split()
    )


def test_the_pipeline_is_locked_down() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert all(re.fullmatch(r"\S+@[0-9a-f]{40}", use) for use in re.findall(r"uses: (\S+)", text))
    assert "run: .ci/run" in text


def test_the_requirements_are_pinned_hashed_and_of_no_registry() -> None:
    text = (ROOT / "requirements/dev.txt").read_text("utf-8")
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[a-z0-9-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement
    assert "://" not in text
    assert "--index-url" not in text


def test_the_packages_of_npm_are_pinned_by_digest_and_of_no_registry() -> None:
    text = (ROOT / ".ci/package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert all(about["integrity"] for name, about in packages.items() if name)
    assert "://" not in text


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout")
def test_shell_scripts_can_be_run() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-s", ".ci/run"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert listed.stdout.startswith("100755"), "git update-index --chmod=+x .ci/run"
