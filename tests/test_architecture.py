"""The house rules that can be read from the source: who imports whom, who does what, how long.

``PROVISIONER_UPDATE_DOCS=1`` rewrites the import table in the design note.
"""

from __future__ import annotations

import ast
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "provisioner"
NOTE = PACKAGE / "README.md"

TIERS = (
    ("catalog", "fields", "redaction"),
    ("errors",),
    ("spec",),
    ("wire", "diff"),
    ("plan",),
    (
        "rules",
        "policy",
        "record",
        "report",
        "project",
        "importing",
        "apply",
        "query",
        "forge",
        "snippets",
        "workspace",
    ),
    ("cli",),
)
TIER = {room: number for number, rooms in enumerate(TIERS, 1) for room in rooms}
APART = "emulator"
PURE = {room for room in TIER if TIER[room] <= 5}
LEFT_OUT = {"provisioner.__init__", "provisioner.__main__"}
"""The version, which everybody may read, and the way into `cli`."""

IMPURE = set(
    """
    asyncio concurrent datetime glob http io locale logging multiprocessing os pathlib platform
    queue random secrets select shutil signal socket sqlite3 ssl subprocess sys tempfile threading
    time urllib uuid requests httpx click rich
    """.split()  # noqa: SIM905 - easier to read than a list
)
STREAMS = {"sys.stdout", "sys.stderr", "sys.stdin"}
PACKAGE_DATA = {"catalog", "fields"}
"""Rooms that may read the files that ship beside them."""


@lru_cache(maxsize=1)
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text("utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
        if "template" not in path.parts
    }


def imported(name: str) -> Iterator[str]:
    """Dotted names that a module imports, anywhere in it, as precise as can be told."""
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(target: str) -> str | None:
    """The module of ours that an imported name lives in."""
    while target.startswith("provisioner"):
        for candidate in (target, f"{target}.__init__"):
            if candidate in modules():
                return candidate
        target = target.rpartition(".")[0]
    return None


def graph() -> dict[str, set[str]]:
    """Module to the modules of ours that it imports."""
    return {
        name: {found for target in imported(name) if (found := module_of(target))} - {name}
        for name in modules()
    }


def room(module: str) -> str:
    return module.split(".")[1]


def rooms() -> dict[str, set[str]]:
    """Room to the other rooms that it imports from."""
    table: dict[str, set[str]] = defaultdict(set)
    for name, targets in graph().items():
        if name not in LEFT_OUT:
            table[room(name)] |= {room(t) for t in targets - LEFT_OUT} - {room(name)}
    return dict(table)


def test_every_room_has_a_tier() -> None:
    assert rooms().keys() <= TIER.keys() | {APART}


@pytest.mark.parametrize("name", sorted(TIER))
def test_imports_go_up_the_tiers_only(name: str) -> None:
    allowed = {above for above in TIER if TIER[above] < TIER[name]}
    if name == "cli":
        allowed.add(APART)
    wrong = rooms().get(name, set()) - allowed
    assert not wrong, f"{name} imports {sorted(wrong)}: " + "; ".join(
        f"{module} -> {sorted(targets)}"
        for module, found in graph().items()
        if module not in LEFT_OUT
        and room(module) == name
        and (targets := {t for t in found - LEFT_OUT if room(t) in wrong})
    )


def test_the_emulator_knows_the_catalog_and_nothing_else() -> None:
    assert rooms()[APART] <= {"catalog"}


def test_no_import_cycles() -> None:
    # A name re-exported by a package is not a dependency of the package on its user.
    try:
        list(TopologicalSorter(graph()).static_order())
    except CycleError as cycle:
        pytest.fail(" -> ".join(cycle.args[1]))


def test_only_the_workspace_knows_the_sdk() -> None:
    users = {
        room(name)
        for name in modules().keys() - LEFT_OUT
        for target in imported(name)
        if target.startswith("databricks")
    }
    assert users == {"workspace"}


def test_only_the_command_line_prints() -> None:
    found = []
    for name, tree in modules().items():
        if name in LEFT_OUT or room(name) == "cli":
            continue
        found += [f"{name} imports click" for target in imported(name) if target == "click"]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in {"print", "input"}:
                    found.append(f"{name}:{node.lineno} calls {node.func.id}")
            elif isinstance(node, ast.Attribute) and ast.unparse(node) in STREAMS:
                found.append(f"{name}:{node.lineno} uses {ast.unparse(node)}")
    assert not found


@pytest.mark.parametrize("name", sorted(PURE))
def test_the_first_four_tiers_are_pure(name: str) -> None:
    found = []
    for module in modules().keys() - LEFT_OUT:
        if room(module) != name:
            continue
        for target in imported(module):
            if target.split(".")[0] in IMPURE and not target.startswith("urllib.parse"):
                found.append(f"{module} imports {target}")
            if target.startswith("importlib") and name not in PACKAGE_DATA:
                found.append(f"{module} imports {target}")
        found += [
            f"{module}:{node.lineno} calls open"
            for node in ast.walk(modules()[module])
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "open"
        ]
    assert not found


def test_files_are_short() -> None:
    sizes = {
        path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    median = statistics.median(sizes.values())
    longest = max(sizes, key=lambda name: sizes[name])
    print(f"files: {len(sizes)}, median {median}, longest {longest} ({sizes[longest]})")
    assert sizes[longest] <= 400
    assert median <= 150


def test_functions_are_short() -> None:
    sizes = {
        f"{name}.{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    p90 = statistics.quantiles(sizes.values(), n=10)[-1]
    longest = max(sizes, key=lambda name: sizes[name])
    print(f"functions: {len(sizes)}, p90 {p90:.0f}, longest {longest} ({sizes[longest]})")
    assert sizes[longest] <= 60
    assert p90 <= 30


BEGIN, END = "<!-- import table: written by tests/test_architecture.py -->", "<!-- end -->"


def import_table() -> str:
    """Who imports whom, as the design note shows it."""
    lines = ["| tier | room | imports |", "|---|---|---|"]
    tiers = {**TIER, APART: 0}

    def order(name: str) -> tuple[int, str]:
        return tiers[name] or 9, name

    for name in sorted(rooms(), key=order):
        others = ", ".join(f"`{other}`" for other in sorted(rooms()[name], key=order))
        lines.append(f"| {tiers[name] or 'apart'} | `{name}` | {others or 'nothing'} |")
    return "\n".join(lines)


def test_the_design_note_shows_the_imports() -> None:
    text = NOTE.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    current = f"{before}{BEGIN}\n{import_table()}\n{END}{after}"
    if os.environ.get("PROVISIONER_UPDATE_DOCS") == "1":
        NOTE.write_text(current, "utf-8")
        text = current
    assert text == current, "PROVISIONER_UPDATE_DOCS=1 pytest tests/test_architecture.py"
