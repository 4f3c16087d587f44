"""Reports as Markdown: word for word, inert, within their limit.

``reports/<case>.yaml`` describes a plan, a comparison or an outcome, ``reports/<case>.md`` is
what it looks like. ``PROVISIONER_UPDATE_CASES=1`` rewrites the expectations.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import Severity
from provisioner.forge.github import GitHub
from provisioner.plan import Action
from provisioner.plan.drift import Health, Sync
from provisioner.plan.outcome import Result
from provisioner.report.fitting import DoesNotFit, Part, fit, size
from provisioner.report.html import page
from provisioner.report.inert import code, prose
from provisioner.report.markdown import markdown
from provisioner.report.summary import Summary

from .reported import LINKS, Page, only_ours, rendered, summary, with_values

FOLDER = Path(__file__).parent / "reports"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
HOSTILE = (
    "`a` ``` ~~~ | <img src=x onerror=alert(1)> <script>alert(1)</script> </details></code></pre>"
    " @octocat @org/team #1 GH-1 org/repo#1 https://evil.example www.evil.example me@evil.example"
    " ![p](https://evil.example/p.png) [l](javascript:alert(1)) <https://evil.example> &lt;b&gt;"
    " **b** _i_ ~~s~~ $x$ :tada: !1 deadbeef \\` \\\n# h\n- [ ] t\n> q\r\n---\n\t\x00\x1b[31m"
    "\u202etxt\u2066\u200b\ufeff -- --> ]]> {{ x }} {% x %}"
)


def load(case: str) -> tuple[str, dict[str, Any]]:
    [(kind, data)] = yaml.safe_load((FOLDER / f"{case}.yaml").read_text("utf-8")).items()
    return kind, data


def of(case: str) -> Summary:
    return summary(*load(case))


@pytest.mark.parametrize("case", CASES)
def test_word_for_word(case: str) -> None:
    found = markdown([of(case)])
    expected = FOLDER / f"{case}.md"
    if os.environ.get("PROVISIONER_UPDATE_CASES") == "1":
        expected.write_text(found, "utf-8")
    assert found == expected.read_text("utf-8")
    assert only_ours(rendered(found)) == []


ALONE = [pytest.param(word, marks=pytest.mark.exhaustive) for word in HOSTILE.split(" ")]
"""What hides in the whole may do harm at the beginning of a line."""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("text", [HOSTILE, *ALONE, "", " ", "`", "``` `` `", "---", "@org/team"])
def test_values_are_only_text(case: str, text: str) -> None:
    kind, data = load(case)
    data = with_values(data, text)
    artifact = "" if text.startswith("https://") else text
    seen = rendered(markdown([summary(kind, data)], artifact=artifact))
    assert only_ours(seen) == []
    assert not [char for char in "\x00\x1b\u202e\u2066\u200b" if char in "".join(seen.code)]


@given(st.text(min_size=1), st.text())
def test_any_text_is_only_text(one: str, other: str) -> None:
    seen = rendered(f"- {prose(one)}: {code(other)} {prose(one + other)}\n")
    assert set(seen.elements) <= {"ul", "li", "code"}
    assert not [text for text in seen.running if LINKS.search(text)]


@pytest.mark.parametrize("case", ["plan", "drift", "verify"])
def test_html_word_for_word(case: str) -> None:
    found = page([of(case)])
    body = f"<body>{found.partition('<body>')[2]}"
    expected = FOLDER / f"{case}.html"
    if os.environ.get("PROVISIONER_UPDATE_CASES") == "1":
        expected.write_text(body, "utf-8")
    assert body == expected.read_text("utf-8")
    assert found == page([of(case)])


@pytest.mark.parametrize("case", ["plan", "drift", "verify"])
@pytest.mark.parametrize("text", [HOSTILE, *ALONE, "", "'\"><b a='"])
def test_values_are_only_text_in_html(case: str, text: str) -> None:
    kind, data = load(case)
    plain, hostile = (Page(page([summary(kind, one)])) for one in (data, with_values(data, text)))
    assert set(hostile.elements) <= set(plain.elements)
    assert {name for name, _ in hostile.attributes} <= {name for name, _ in plain.attributes}
    ids = [value for name, value in hostile.attributes if name == "id"]
    links = [str(value) for name, value in hostile.attributes if name == "href"]
    assert all(link[0] == "#" and link[1:] in {*ids, "main"} for link in links)
    assert not {"src", "style", "onclick"} & {name for name, _ in hostile.attributes}
    texts = "".join([*hostile.running, *hostile.code])
    assert not [char for char in "\x00\x1b\u202e\u2066\u200b" if char in texts]


def test_sentences_stay_readable() -> None:
    assert prose("it retires 2026-12-31: `gpt-4o` replaces it") == (
        "it retires 2026-12-31: `gpt-4o` replaces it"
    )
    assert prose("needs --allow-retire old, and a yes.") == "needs `--allow-retire` old, and a yes."


def test_the_artifact_is_a_link_only_where_it_is_an_address() -> None:
    address = "https://ci.example/run/1?x=(y)"
    text = markdown([of("drift")], artifact="https://ci.example/run/1")
    assert "All of it: [the full report](<https://ci.example/run/1>)." in text
    assert f"All of it: `{address}`." in markdown([of("drift")], artifact=address)


def large(actions: dict[str, int], changes: int = 12) -> dict[str, Any]:
    """A plan of many endpoints, each with changes and a long name."""
    impacts = {"retire": "delete", "replace": "downtime", "update": "redeploy"}
    change = {
        "effect": "set",
        "cause": "spec",
        "reason": "declared",
        "before": 1,
        "after": "x" * 40,
    }
    removed = {**change, "effect": "remove", "reason": "removed_from_spec", "after": None}
    names = [
        (action, f"{action}-{'n' * 40}-{i:03}")
        for action in actions
        for i in range(actions[action])
    ]
    return {
        "environment": "prod",
        "project": "shop",
        "workspace": {"host": "https://w", "workspace_id": "1"},
        "problems": [
            {"severity": "warning", "code": "long-name", "summary": f"number {i} is long"}
            for i in range(50)
        ],
        "endpoints": [
            {
                "name": name,
                "action": action,
                "impact": impacts[action],
                "permit": f"--allow-{action}" if action != "update" else "",
                "changes": [
                    *({**change, "path": f"tags[t{i}]"} for i in range(changes)),
                    {**removed, "path": "permissions[group:a]"},
                ],
            }
            for action, name in names
        ],
    }


@pytest.mark.parametrize(
    "actions",
    [
        {"update": 300},
        {"retire": 300},
        {"retire": 100, "replace": 100, "update": 100},
        {"retire": 1, "update": 299},
    ],
    ids=str,
)
def test_300_endpoints_fit_a_comment_with_all_that_is_destroyed(actions: dict[str, int]) -> None:
    told = summary("plan", large(actions))
    text = markdown([told], artifact="https://ci.example/run/1")
    assert len(text) > GitHub.comment_limit * 0.8 or "retire" in actions
    limit = GitHub.comment_limit - 500
    assert len(text) <= limit, "ci comment takes it"
    boxed = [line for line in text.splitlines() if line.startswith("> - ")]
    assert [line.split("`")[3] for line in boxed] == [item.name for item in told.grave]
    assert len(boxed) == 300
    assert f"**{actions.get('update', 0)} to update**" in text or "update" not in actions
    assert "All of it: [the full report](<https://ci.example/run/1>)." in text
    assert only_ours(rendered(text.rpartition("All of it")[0])) == []


@pytest.mark.parametrize("limit", [30_000, 40_000, 65_536, 100_000, 400_000])
def test_what_is_left_out_is_counted(limit: int) -> None:
    told = summary("plan", large({"retire": 20, "update": 200}))
    text = markdown([told], limit)
    assert size(text) <= limit
    whole = markdown([told], 10**9)
    folded, warnings = text.count("<details>"), text.count("**warning**")
    assert (whole.count("<details>"), whole.count("**warning**")) == (220, 50)
    left_out = text.partition("**Left out to fit:** ")[2].partition("\n")[0]
    assert (f"details of {220 - folded} endpoint" in left_out) is (folded < 220)
    assert (f"{50 - warnings} warning" in left_out) is (warnings < 50)
    if limit == 400_000:
        assert text == whole


def test_a_limit_that_leaves_no_room_is_told() -> None:
    told = summary("plan", large({"retire": 300}))
    with pytest.raises(DoesNotFit) as failure:
        markdown([told], 2_000)
    assert size(markdown([told], failure.value.needed)) <= failure.value.needed
    with pytest.raises(DoesNotFit):
        markdown([told], failure.value.needed - 1)


@pytest.mark.parametrize(
    ("case", "key", "words"),
    [
        ("plan", "action", list(Action)),
        ("drift", "config", list(Sync)),
        ("drift", "health", list(Health)),
        ("outcome", "result", list(Result)),
    ],
)
def test_every_word_has_its_place(case: str, key: str, words: list[Any]) -> None:
    kind, data = load(case)
    whole = {"impact": "none", "config": "in_sync", "health": "ready", "action": "update"}
    data["endpoints"] = [{**whole, "name": word.value, key: word.value} for word in words]
    told = summary(kind, data)
    assert len(told.items) == len(words)
    assert bool(told.alarm) == bool(told.grave)
    if key != "health":
        assert sorted(count.number for count in told.counts) == [1] * len(words)
    assert only_ours(rendered(markdown([told]))) == []
    assert page([told])


def test_errors_come_before_what_is_only_worth_knowing() -> None:
    told = of("plan")
    assert [problem.severity for problem in told.problems] == [Severity.WARNING, Severity.ERROR]
    text = markdown([told])
    assert text.index("**error**") < text.index("<details>") < text.index("**warning**")


@given(
    st.lists(
        st.lists(st.text(max_size=9), min_size=1, max_size=3).map(lambda f: sorted(f, key=size))
    ),
    st.integers(0, 120),
)
def test_parts_fit(forms: list[list[str]], limit: int) -> None:
    parts = [Part(tuple(form)) for form in forms]
    shortest = sum(size(part.forms[0]) for part in parts)
    if shortest > limit:
        with pytest.raises(DoesNotFit):
            fit(parts, limit)
        return
    chosen = fit(parts, limit)
    used = sum(size(part.forms[form]) for part, form in zip(parts, chosen, strict=True))
    assert used <= limit
    for part, form in zip(parts, chosen, strict=True):
        if form + 1 < len(part.forms):
            assert used + size(part.forms[form + 1]) - size(part.forms[form]) > limit
