"""What every code means: read from the files beside this one, only when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Literal, get_args

Stage = Literal["read", "rule", "plan", "apply", "import", "tool"]
"""When a problem is found: reading files, judging them offline, planning, applying, importing,
or anywhere."""
_FILES = (
    "reading.yaml",
    "names.yaml",
    "models.yaml",
    "providers.yaml",
    "gateway.yaml",
    "secrets.yaml",
    "production.yaml",
    "policies.yaml",
    "questions.yaml",
    "rollouts.yaml",
    "planning.yaml",
    "running.yaml",
    "pipelines.yaml",
)
"""In the order in which they are listed."""


@dataclass(frozen=True)
class RuleInfo:
    """One code: what its problems mean and what to do about them."""

    code: str
    severity: Literal["error", "warning", "notice"]
    """What its problems usually are."""
    stage: Stage
    title: str
    """The rule in one line, as it should be."""
    why: str
    fix: str
    bad: str
    """The smallest thing that has the problem."""
    good: str
    """The same without it."""
    edits: bool
    """Whether `validate --fix` knows what to write instead, at least sometimes."""
    fixed: bool
    """Whether no environment may change what its problems weigh, although it is a rule."""

    @property
    def adjustable(self) -> bool:
        """Whether an environment may change what the problems weigh."""
        return self.stage == "rule" and not self.fixed


@lru_cache(maxsize=1)
def explanations() -> dict[str, RuleInfo]:
    """Every code that the tool can print, in the order of the files."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, RuleInfo] = {}
    for name in _FILES:
        text = resources.files(__package__).joinpath("explained").joinpath(name).read_text("utf-8")
        entries: dict[str, dict[str, Any]] = yaml.load(text, Loader=loader)  # noqa: S506 - a safe one
        for code, entry in entries.items():
            if code in found or entry["stage"] not in get_args(Stage):
                raise ValueError(f"{name}: {code} is explained twice or has no known stage")
            found[code] = RuleInfo(code=code, **{"edits": False, "fixed": False, **entry})
    return found
