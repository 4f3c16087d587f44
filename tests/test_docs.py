"""What the documents say is there, and what is there they say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import jsonschema
import pytest
import yaml

from provisioner import __version__
from provisioner.cli.main import group
from provisioner.errors import ExitCode
from provisioner.spec.checks import CheckSpec, Expectation
from provisioner.spec.endpoint import Lifecycle
from provisioner.spec.environment import EnvironmentSpec, Policy
from provisioner.spec.rollout import Rollout
from tests.conftest import invoke

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
GUIDES = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in ROOT.glob("docs/*.md")}
EMULATOR = "provisioner/emulator/README.md"
FOR_USERS = {"README.md": README, **GUIDES, EMULATOR: (ROOT / EMULATOR).read_text("utf-8")}
"""Path of each document that tells how to use the tool to its text."""
DOCUMENTS = [
    *FOR_USERS,
    "CHANGELOG.md",
    "provisioner/README.md",
    ".github/actions/provisioner/README.md",
]
WIDE = {EMULATOR}
"""Written for the wider screens of those who work on the tool."""


def _words(text: str) -> set[str]:
    """What stands in a document as code, word by word."""
    spans = re.findall(r"`([^`\n]+)`", text)
    return {word.strip("[],|\\") for span in spans for word in span.split()}


WORDS = {word for text in FOR_USERS.values() for word in _words(text)}


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
def test_the_documents_have_every_command(path: tuple[str, ...]) -> None:
    assert WORDS.issuperset(path)
    table = README.partition("## Commands")[2].partition("\n## ")[0]
    assert re.search(rf"^\| `{path[0]}\b", table, re.M)


@pytest.mark.parametrize(("path", "command"), list(commands()), ids=lambda value: str(value)[:30])
def test_one_document_has_all_options_of_a_command(
    path: tuple[str, ...], command: click.Command
) -> None:
    options = {option for p in command.params if isinstance(p, click.Option) for option in p.opts}
    own = options - _words(README)
    assert any(_words(text) >= own | {*path} for text in FOR_USERS.values()), (path, own)


def test_the_documents_have_no_option_that_is_gone() -> None:
    known = {"-h", "--help"}
    for _, command in commands():
        known |= {option for parameter in command.params for option in parameter.opts}
    assert {word for word in WORDS if re.fullmatch(r"--?[a-z][a-z-]*", word)} <= known


@pytest.mark.parametrize("name", FOR_USERS)
def test_commands_in_the_documents_have_the_options_that_they_are_shown_with(name: str) -> None:
    text = FOR_USERS[name]
    lines = re.findall(r"^(?:    |\$ )(provisioner .*)$", text, re.M)
    lines += re.findall(r"`(provisioner [^`\n]+)`", text)
    for line in lines:
        words = shlex.split(line.partition(" > ")[0])[1:]
        known = {option for parameter in group.params for option in parameter.opts}
        command: click.Command | None = group
        for word in (word for word in words if not word.startswith("-")):
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
            assert command, line
            known |= {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if re.fullmatch("--?[a-z][a-z-]*", word)} <= known, line


def test_readme_has_exactly_the_exit_codes() -> None:
    table = README.partition("## Exit codes")[2].partition("\n## ")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)] == list(ExitCode)


def test_the_documents_have_every_key_of_an_environment() -> None:
    assert WORDS.issuperset(EnvironmentSpec.model_fields)
    assert WORDS.issuperset(Policy.model_fields)


def test_the_documents_have_every_key_of_the_tools_own() -> None:
    assert WORDS.issuperset(Lifecycle.model_fields)
    assert WORDS.issuperset(Rollout.model_fields)
    assert WORDS.issuperset(Expectation.model_fields)
    assert WORDS.issuperset(CheckSpec.model_fields)


def test_the_documents_have_every_environment_variable() -> None:
    sources = (path.read_text("utf-8") for path in (ROOT / "provisioner").rglob("*.py"))
    named = {name for text in sources for name in re.findall(r"PROVISIONER_[A-Z_]+", text)}
    assert not [name for name in named if not any(name in text for text in FOR_USERS.values())]


def yaml_files(name: str) -> list[tuple[str, str]]:
    """Path and text of each file that a document shows."""
    shown = re.findall(r"```yaml\n# (\S+)\n(.*?)```", FOR_USERS[name], re.S)
    assert len(shown) == FOR_USERS[name].count("```yaml")
    return shown


@pytest.mark.parametrize("name", [name for name, text in FOR_USERS.items() if "```yaml" in text])
def test_the_examples_are_valid(name: str, tmp_path: Path) -> None:
    files = dict(yaml_files("README.md") + yaml_files(name))
    for file, text in files.items():
        path = tmp_path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    checked = invoke(["--project", str(tmp_path), "validate"])
    assert (checked.code, checked.err) == (0, "")
    environments = sum(file.startswith("environments/") for file in files)
    assert len(checked.out.splitlines()) == environments


def test_the_report_that_is_shown_is_a_real_one() -> None:
    shown = re.findall(r"````markdown\n(.*?)````", GUIDES["docs/reports.md"], re.S)
    real = (ROOT / "tests/pure/reports/plan.md").read_text("utf-8")
    assert len(shown) == 1
    head, _, rest = shown[0].partition("<details>")
    assert real.startswith(head)
    assert f"<details>{rest}" in real


def test_the_event_that_is_shown_is_one() -> None:
    [line] = re.findall(r"```json\n(.*)\n```", GUIDES["docs/reports.md"])
    jsonschema.validate(json.loads(line), json.loads(invoke(["schema", "event"]).out))


def _prose(text: str) -> str:
    """A document without its blocks of code."""
    return re.sub(r"^(```+)[^`\n]*\n.*?^\1$", "", text, flags=re.S | re.M)


def _anchors(text: str) -> set[str]:
    """The addresses of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", _prose(text), re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    path = ROOT / name
    text = path.read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", _prose(text)):
        if target.startswith("https://"):
            continue
        file, _, heading = target.partition("#")
        other = (path.parent / file) if file else path
        assert other.exists(), target
        assert other.resolve().is_relative_to(ROOT), target
        assert not heading or heading in _anchors(other.read_text("utf-8")), target


@pytest.mark.parametrize("index", ["README.md", "docs/README.md"])
def test_no_guide_is_left_out(index: str) -> None:
    for name in GUIDES:
        link = re.escape(Path(name).name if index.startswith("docs") else name)
        assert name == index or re.search(rf"\]\({link}[#)]", FOR_USERS[index]), name


def test_nothing_stands_twice() -> None:
    seen: dict[str, str] = {}
    for name, text in FOR_USERS.items():
        for paragraph in _prose(text).split("\n\n"):
            words = " ".join(paragraph.split())
            assert len(words) < 60 or words not in seen, (name, seen[words], words)
            seen[words] = name


def test_the_readme_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 280


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if name not in WIDE])
def test_the_documents_fit_a_terminal(name: str) -> None:
    for line in _prose((ROOT / name).read_text("utf-8")).splitlines():
        assert line.startswith("|") or len(line) <= 80, line


def test_the_changelog_has_this_version() -> None:
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_make_has_the_targets_that_the_readme_names() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", README, re.M))
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
