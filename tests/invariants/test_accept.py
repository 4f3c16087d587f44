"""Whatever somebody changes outside: after ``drift --accept`` there is no drift, or a reason."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ..conftest import Cli, Emulator, Project, Run
from . import specs
from .specs import Spec

_CALM = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
FEW, MANY = settings(_CALM, max_examples=3), settings(_CALM, max_examples=40)


@pytest.fixture(autouse=True)
def _as_somebody(signed_in: pytest.MonkeyPatch) -> None:
    """Every example runs with the same token."""


def commented(data: Spec, style: bool | None, every: int) -> str:
    """An endpoint as YAML in one of three styles, with comments between its lines."""
    lines = yaml.safe_dump(
        {"name": "e", **data}, sort_keys=False, default_flow_style=style, width=99
    )
    found: list[str] = []
    for number, line in enumerate(lines.splitlines()):
        if number % every == 0 and not line.startswith((" ", "}")):
            found.append(f"# comment {number}")
        found.append(line)
    return "\n".join([*found, "# the end", ""])


def not_accepted(run: Run) -> set[str]:
    """Paths that are said to be left to a person."""
    text = " ".join(run.err.split())
    return set(re.findall(r"warning\[not-accepted\]: e: (\S+) is not accepted", text))


def check(workspace: Emulator, after: Spec, text: str) -> None:
    workspace.reset()
    with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
        project, other = Project(Path(ours), workspace.url), Project(Path(theirs), workspace.url)
        cli = Cli(project.root)
        project.environment(record="record.json")
        file = project.root / "endpoints/e.yaml"
        file.write_text(text)
        cli.apply()
        # Somebody else, who remembers nothing of what we did.
        other.environment(record="theirs.json")
        other.endpoint("e", after)
        assert Cli(other.root)("apply", "-e", "dev", "--auto-approve").code in {0, 5}
        drifted = set(cli("drift", "-e", "dev", "-o", "json").changes("e"))
        workspace.forget()
        run = cli("drift", "-e", "dev", "--accept", "e", "--yes")
        assert {entry["method"] for entry in workspace.requests()} == {"GET"}
        remaining = {
            path: change
            for path, change in cli.plan().changes("e").items()
            if change["effect"] != "none"
        }
        assert remaining.keys() <= not_accepted(run), f"{run.err}\n{file.read_text()}"
        assert remaining.keys() <= drifted | {"config.fallback_order"}
        result = file.read_text()
        assert re.findall(r"^# .*$", text, re.M) == re.findall(r"^# .*$", result, re.M), result
        assert cli("validate", "-e", "dev").code == 0
        if not remaining:
            assert cli.settled()


STYLES = st.sampled_from([False, None, True])


@pytest.mark.parametrize("kind", specs.KINDS)
@FEW
@given(data=st.data())
def test_after_accepting_nothing_differs(
    workspace: Emulator, kind: str, data: st.DataObject
) -> None:
    before, after = data.draw(specs.edited(kind))
    text = commented(before, data.draw(STYLES), data.draw(st.integers(1, 5)))
    check(workspace, after, text)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", specs.KINDS)
@MANY
@given(data=st.data())
def test_after_accepting_nothing_differs_at_length(
    workspace: Emulator, kind: str, data: st.DataObject
) -> None:
    before, after = data.draw(specs.edited(kind))
    text = commented(before, data.draw(STYLES), data.draw(st.integers(1, 5)))
    check(workspace, after, text)
