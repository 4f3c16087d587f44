"""The HTML reports in a real browser: by anybody, on any screen, without a request.

Needs Chromium or Chrome. Without one these tests are skipped, but with ``CI=true`` they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from provisioner.report.html import page as html_page

from ..conftest import Cli, Emulator, anthropic, external, serving
from ..pure import reported

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A browser is spoken to through pipes, which the event loop makes of sockets.
pytestmark = [pytest.mark.exhaustive, pytest.mark.enable_socket]

CASES = Path(__file__).parents[1] / "pure" / "reports"
HOSTILE = "</code><script>alert(1)</script> <img src=x onerror=alert(1)> \u202etxt " + "n" * 300
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SEES = {(390, "light"): False, (390, "dark"): True, (1280, "light"): True, (1280, "dark"): False}
"""Width and scheme, and whether all rules of axe are looked at."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        reason = "no Chromium and no Chrome on this machine"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}; .ci/run installs one as root")
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def pages(cli: Cli, project: Any, emulator: Emulator) -> dict[str, str]:
    """Every kind of page, most of them as the command line gives them."""
    prod = project.environment("prod", name_prefix="prod-", record="prod.json")
    project.environment("dev", record="dev.json")
    two = serving(external(), anthropic(), gpt=90, claude=10)
    project.endpoint("chat", two, tags={"team": "a", "old": "1"}, permissions=[
        {"group": "users", "level": "CAN_QUERY"}
    ])  # fmt: skip
    project.endpoint("gone", serving(external()))
    for name in ("dev", "prod"):
        cli("apply", "-e", name, "--auto-approve", expect=0)
    project.endpoint("chat", serving(external("gpt-4o-mini")), tags={"team": "b"})
    project.remove("gone")
    project.endpoint("new", serving(external()))
    emulator.build(outcome="failed", message="exit code 137", match={"endpoint": "prod-broken"})
    project.endpoint("broken", serving(external()))
    cli("apply", "-e", "prod", "--auto-approve", "--only", "prod-broken")
    change = {"add_tags": [{"key": "team", "value": HOSTILE[:200]}]}
    emulator.call("PATCH", "/api/2.0/serving-endpoints/chat/tags", change)
    assert prod.exists()
    found = {
        name: cli(*line.split(), "-o", "html").out
        for name, line in {
            "plan": "plan -e dev",
            "plans": "plan -e all",
            "drift": "drift -e dev --unmanaged",
            "fleet": "drift -e all",
            "status": "status -e prod",
            "statuses": "status -e all",
        }.items()
    }
    for case in ("plan", "drift", "verify"):
        [(kind, data)] = yaml.safe_load((CASES / f"{case}.yaml").read_text("utf-8")).items()
        found[f"every {case}"] = html_page([reported.summary(kind, data)])
        hostile = reported.with_values(data, HOSTILE)
        found[f"hostile {case}"] = html_page([reported.summary(kind, hostile)])
    return found


def test_pages(browser: Browser, pages: dict[str, str], tmp_path: Path) -> None:
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    wrong = []
    for name, text in pages.items():
        file = tmp_path / f"{name}.html"
        file.write_text(text, "utf-8")
        for (width, scheme), with_axe in SEES.items():
            found = _faults(browser, file, width, scheme, axe if with_axe else "")
            wrong += [f"{name} {width} {scheme}: {what}" for what in found]
    assert wrong == []


def _faults(browser: Browser, file: Path, width: int, scheme: Any, axe: str) -> Iterator[str]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    seen: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: seen.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda request: seen.append(request.url))
    page.on("dialog", lambda dialog: seen.append(dialog.message))
    page.goto(file.as_uri())
    assert seen.pop(0) == file.as_uri()
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        yield f"{wide} pixels wide"
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
    violations = []
    if axe:
        page.evaluate(axe)
        violations = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    for rule in violations:
        if rule["impact"] in {"serious", "critical", "moderate"}:
            yield f"{rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:200]}"
    yield from seen
    context.close()
