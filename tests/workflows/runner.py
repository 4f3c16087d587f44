"""A small stand-in for GitHub Actions: reads the workflows and runs every ``run:`` with bash.

``uses:`` of other people's actions are functions here, expressions are those that
our files use. Sign-in is stood in for by a token in the environment.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.forges import TOKEN, StandIn

_TOKENS = re.compile(
    r"'(?:[^']|'')*'|&&|\|\||[!=]=|[!(),]|[A-Za-z_][\w-]*(?:\.[A-Za-z_*][\w-]*)*|\s+"
)
_EXPRESSION = re.compile(r"\$\{\{((?:(?!\}\}).)*)\}\}", re.S)
_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")


def evaluate(expression: str, context: dict[str, Any], *, failed: bool = False) -> Any:
    """The value of an expression of Actions, as far as ours go."""

    def look(path: str) -> Any:
        value: Any = context
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return "" if value is None else value

    words = []
    position = 0
    while position < len(expression):
        token = _TOKENS.match(expression, position)
        assert token, expression[position:]
        word, position = token[0], token.end()
        called = expression[position:].lstrip().startswith("(")
        if word[0].isalpha() and not called:
            constants = {"true": "True", "false": "False"}
            words.append(constants.get(word, f"look({word!r})"))
        else:
            plain = {"&&": " and ", "||": " or ", "!": " not "}
            words.append(plain.get(word, word))
    functions = {
        "look": look,
        "fromJSON": json.loads,
        "always": lambda: True,
        "cancelled": lambda: False,
        "success": lambda: not failed,
    }
    return eval("".join(words).strip(), {"__builtins__": {}}, functions)  # noqa: S307


def filled(text: Any, context: dict[str, Any]) -> Any:
    """A value of a workflow with its expressions replaced."""
    if not isinstance(text, str):
        return text
    whole = _EXPRESSION.fullmatch(text.strip())
    if whole:
        return evaluate(whole[1], context)
    return _EXPRESSION.sub(lambda found: str(evaluate(found[1], context)), text)


def wanted(condition: Any, context: dict[str, Any], *, failed: bool) -> bool:
    """Whether a step or a job runs."""
    text = str(condition if condition is not None else "success()")
    whole = _EXPRESSION.fullmatch(text.strip())
    text = whole[1] if whole else text
    if not re.search(r"\b(always|cancelled|success|failure)\(", text):
        text = f"success() && ({text})"
    return bool(evaluate(text, context, failed=failed))


@dataclass
class Job:
    """What a job did."""

    name: str
    ok: bool = True
    summary: str = ""
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)


@dataclass
class Hub:
    """One repository with its workflows, on a stand-in of GitHub."""

    root: Path
    """A checkout that people work in."""
    forge: StandIn
    api: str
    variables: dict[str, str]
    runs: int = 0

    def git(self, *arguments: str) -> str:
        """Ask git in the checkout."""
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(self.root), *who, *arguments],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, message: str = "change") -> str:
        """Commit everything."""
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def pull_request(self, number: int, *, fork: bool = False) -> dict[str, Job]:
        """The workflow `plan` for what is checked out."""
        head = self.git("rev-parse", "HEAD")
        event = {"pull_request": {"number": number, "head": {"repo": {"fork": fork}}}}
        run = self.forge.run(head, "their/models" if fork else "our/models")
        ref = f"refs/pull/{number}/merge"
        return self.workflow("plan", "pull_request", event, head, ref, run, secret=not fork)

    def merge(self, number: int, branch: str) -> str:
        """Merge a branch as the pull request of that number."""
        head = self.git("rev-parse", branch)
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {number}", branch)
        commit = self.git("rev-parse", "HEAD")
        self.forge.merged(number, head, commit)
        return commit

    def push(self, commit: str = "HEAD") -> dict[str, Job]:
        """The workflow `apply` after a push to main."""
        sha = self.git("rev-parse", commit)
        return self.workflow("apply", "push", {}, sha, "refs/heads/main", self.forge.number())

    def by_hand(self, environment: str) -> dict[str, Job]:
        """The workflow `apply`, started by hand."""
        sha, run = self.git("rev-parse", "HEAD"), self.forge.number()
        event = {"inputs": {"environment": environment}}
        return self.workflow("apply", "workflow_dispatch", event, sha, "refs/heads/main", run)

    def night(self) -> dict[str, Job]:
        """The workflow `drift`."""
        sha = self.git("rev-parse", "HEAD")
        return self.workflow("drift", "schedule", {}, sha, "refs/heads/main", self.forge.number())

    def workflow(
        self,
        name: str,
        event_name: str,
        event: dict[str, Any],
        sha: str,
        ref: str,
        run: int,
        *,
        secret: bool = True,
    ) -> dict[str, Job]:
        """Run a workflow at a commit; gives its jobs by their names."""
        shown = f"{sha}:.github/workflows/{name}.yml"
        written = yaml.safe_load(self.git("show", shown))
        github = {
            "event_name": event_name,
            "event": event,
            "sha": sha,
            "ref": ref,
            "run_id": run,
            "repository": "our/models",
            "server_url": "https://forge.example.com",
            "token": TOKEN if secret else "read-only",
        }
        context = {"github": github, "vars": self.variables, "inputs": event.get("inputs", {})}
        done: dict[str, Job] = {}
        results: dict[str, dict[str, Any]] = {}
        for key, job in written["jobs"].items():
            needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
            here = {**context, "needs": {need: results[need] for need in needs}}
            failed = any(results[need]["result"] != "success" for need in needs)
            if not wanted(job.get("if"), here, failed=failed):
                results[key] = {"result": "skipped", "outputs": {}}
                continue
            results[key] = self._job(key, job, here, run, done)
        return done

    def _job(
        self, key: str, job: dict[str, Any], here: dict[str, Any], run: int, done: dict[str, Job]
    ) -> dict[str, Any]:
        strategy = job.get("strategy", {})
        matrix = filled(strategy.get("matrix"), here)
        ended: list[Job] = []
        for entry in matrix["include"] if matrix else [{}]:
            if strategy.get("fail-fast", True) and any(not other.ok for other in ended):
                break
            title = " ".join([key, *filter(None, entry.values())])
            ended.append(_Execution(self, run, title).job(job, {**here, "matrix": entry}))
            done[title] = ended[-1]
        ok = all(job.ok for job in ended)
        outputs = ended[0].outputs if ended else {}
        return {"result": "success" if ok else "failure", "outputs": outputs}


class _Execution:
    """One job on a machine of its own."""

    def __init__(self, hub: Hub, run: int, name: str) -> None:
        hub.runs += 1
        self.hub, self.run = hub, run
        self.home = hub.root.parent / f"machine{hub.runs}"
        self.work, self.temp = self.home / "work", self.home / "temp"
        for folder in (self.work, self.temp, self.home / "bin"):
            folder.mkdir(parents=True)
        self.done = Job(name)
        self.path = [str(self.home / "bin"), "/usr/local/bin", "/usr/bin", "/bin"]
        self._python()

    def job(self, job: dict[str, Any], context: dict[str, Any]) -> Job:
        """Run all steps."""
        context = {**context, "runner": {"temp": str(self.temp)}, "steps": {}}
        env = {key: str(filled(value, context)) for key, value in job.get("env", {}).items()}
        self._steps(job["steps"], context, env)
        outputs = job.get("outputs", {})
        self.done.outputs = {key: str(filled(text, context)) for key, text in outputs.items()}
        return self.done

    def _steps(
        self, steps: list[dict[str, Any]], context: dict[str, Any], env: dict[str, str]
    ) -> None:
        for step in steps:
            if not wanted(step.get("if"), context, failed=not self.done.ok):
                continue
            if "run" in step:
                self._run(step, context, env)
            else:
                self._use(step, context, env)

    def _use(self, step: dict[str, Any], context: dict[str, Any], env: dict[str, str]) -> None:
        given = {key: filled(value, context) for key, value in step.get("with", {}).items()}
        name = step["uses"].partition("@")[0]
        if name == "./.github/actions/provisioner":
            folder = self.work / ".github/actions/provisioner"
            action = yaml.safe_load((folder / "action.yml").read_text())
            inputs = {
                key: filled(about.get("default", ""), context)
                for key, about in action["inputs"].items()
            }
            github = {**context["github"], "action_path": str(folder)}
            inside = {**context, "inputs": inputs | given, "steps": {}, "github": github}
            self._steps(action["runs"]["steps"], inside, env)
        elif name == "actions/checkout":
            assert given == {"persist-credentials": False}
            source = str(self.hub.root)
            subprocess.run(["git", "clone", "-q", source, str(self.work)], check=True)
            git = ["git", "-C", str(self.work), "checkout", "-q", context["github"]["sha"]]
            subprocess.run(git, check=True)
        elif name == "actions/upload-artifact":
            path = Path(given["path"])
            files = [path] if path.is_file() else sorted(path.iterdir()) if path.exists() else []
            content = {file.name: file.read_bytes() for file in files}
            self.hub.forge.keep(self.run, given["name"], content)
        elif name == "actions/download-artifact":
            kept = [
                a
                for a in self.hub.forge.artifacts
                if (a["run"], a["name"]) == (self.run, given["name"])
            ]
            for file, content in kept[-1]["files"].items():
                (Path(given["path"]) / file).write_bytes(content)
        elif name == "github/codeql-action/upload-sarif":
            assert json.loads(Path(given["sarif_file"]).read_text())["version"] == "2.1.0"
        else:
            assert name == "actions/setup-python", name

    def _run(self, step: dict[str, Any], context: dict[str, Any], env: dict[str, str]) -> None:
        assert "${{" not in step["run"]
        assert step["shell"] == "bash"
        self.done.steps.append(step["name"])
        files = {name: self.home / name for name in ("output", "path", "summary")}
        for file in files.values():
            file.write_text("")
        own = {key: str(filled(value, context)) for key, value in step.get("env", {}).items()}
        ended = subprocess.run(
            [*_BASH, "-c", step["run"]],
            cwd=self.work,
            env=self._environ(context, files) | env | own,
            capture_output=True,
            text=True,
            check=False,
        )
        self.done.log += f"== {step['name']}\n{ended.stdout}{ended.stderr}"
        self.done.summary += files["summary"].read_text()
        self.path = [*files["path"].read_text().split(), *self.path]
        pairs = (line.partition("=") for line in files["output"].read_text().splitlines())
        outputs = {key: value for key, _, value in pairs}
        context["steps"][step.get("id", "")] = {"outputs": outputs}
        self.done.ok &= ended.returncode == 0

    def _environ(self, context: dict[str, Any], files: dict[str, Path]) -> dict[str, str]:
        github = context["github"]
        return {
            "PATH": ":".join(self.path),
            "HOME": str(self.home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": self.hub.api,
            "GITHUB_REPOSITORY": github["repository"],
            "GITHUB_EVENT_NAME": github["event_name"],
            "GITHUB_SHA": github["sha"],
            "GITHUB_REF": github["ref"],
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_PATH": str(files["path"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "RUNNER_TEMP": str(self.temp),
            "DATABRICKS_TOKEN": "any-token",
            "PROVISIONER_PATIENCE_SECONDS": "2",
        }

    def _python(self) -> None:
        """A `python` whose environments have a `pip` that only notes, and the tool under test."""
        real = sys.executable
        tool = f'#!/bin/sh\nexec "{real}" -m provisioner "$@"\n'
        pip = f'#!/bin/sh\necho "$@" >> "{self.home}/pip"\n'
        script = (
            "#!/bin/sh\nset -e\n"
            '[ "$1 $2" = "-m venv" ] || exit 9\n'
            'mkdir -p "$3/bin"\n'
            f'cp "{self.home}/pip.sh" "$3/bin/pip"\ncp "{self.home}/tool.sh" "$3/bin/provisioner"\n'
        )
        for path, text in (("pip.sh", pip), ("tool.sh", tool), ("bin/python", script)):
            (self.home / path).write_text(text)
            (self.home / path).chmod(0o755)


def made(folder: Path, forge: StandIn, api: str, variables: dict[str, str]) -> Hub:
    """A repository on its first day, with the pipelines that `init` writes."""
    hub = Hub(folder, forge, api, variables)
    here = Path(__file__).parents[2]
    shutil.copytree(here / ".github", folder / ".github", dirs_exist_ok=True)
    hub.git("init", "-q", "-b", "main")
    hub.commit("first")
    assert os.environ.get("PATH")
    return hub
