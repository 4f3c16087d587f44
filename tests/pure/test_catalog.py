"""The reader of the catalog: dates, ages, a team's own facts, laziness; and how facts are shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.catalog import SECTIONS, FactsInvalid, Provenance, Status, catalog, catalog_with
from provisioner.catalog.dated import days_between
from provisioner.report import fact_sheets, facts
from tests.pure.test_catalog_seeds import look_up

PARTS = sorted(SECTIONS.keys() - {"model_unit_step"})
TODAY = "2026-11-22"


def entries() -> Iterator[Any]:
    for part in PARTS:
        yield from ((part, entry) for entry in getattr(catalog(), part))


# ------------------------------------------------------------ the facts


@pytest.mark.parametrize(("part", "entry"), list(entries()))
def test_every_entry_has_a_source_a_date_and_a_confidence(part: str, entry: Any) -> None:
    provenance: Provenance = entry.provenance
    assert provenance.source, part
    assert all(provenance.source)
    assert date.fromisoformat(provenance.checked)
    assert provenance.confidence in ("high", "medium", "low")


@pytest.mark.parametrize("part", PARTS)
def test_keys_are_unique(part: str) -> None:
    keys = [getattr(entry, SECTIONS[part].key) for entry in getattr(catalog(), part)]
    assert keys
    assert len(set(keys)) == len(keys)


def test_one_key_one_rule() -> None:
    shown = [row.name for row in fact_sheets.sheet("rules", catalog(), TODAY).rows]
    topics = {"external_model", "tokens_per_second", "model_units", "pay_per_token"}
    assert len(set(shown)) == len(shown)
    assert topics <= set(shown)


def test_replacements_and_exceptions_name_known_things() -> None:
    models = {model.endpoint for model in catalog().pay_per_token}
    gone = {model.endpoint for model in catalog().retired}
    for retired in catalog().retired:
        assert retired.replacement_endpoint in models - gone | {None}
    families = {family.id for family in catalog().architectures}
    for client in catalog().clients:
        assert set(client.refused_architectures) <= families
        assert set(client.refused_endpoints) <= models | gone
    for provider in catalog().providers:
        listed = {name for task in provider.tasks for name in provider.names(task)}
        marked = {*provider.legacy_models, *provider.moving_models, *provider.reasoning_models}
        assert marked <= listed, provider.id


def test_contradictions_lead_to_their_entries() -> None:
    for contradiction in catalog().contradictions:
        if contradiction.where:
            assert look_up(catalog(), contradiction.where), contradiction.id


def test_bedrock_knows_whose_a_model_is() -> None:
    bedrock = next(p for p in catalog().providers if p.id == "amazon-bedrock")
    assert bedrock.maker_of("claude-v2") == "anthropic"
    assert bedrock.maker_of("claude-3-opus-20240229-v1:0") == "anthropic"
    assert bedrock.maker_of("gpt-4") is None
    assert bedrock.enums["bedrock_provider"] == ("anthropic", "cohere", "ai21labs", "amazon")


def test_facts_cannot_be_changed_by_accident() -> None:
    openai = catalog().providers[0]
    with pytest.raises(TypeError):
        openai.models["chat"] = ()  # type: ignore[index]


# ------------------------------------------------------------ dates


@given(st.dates(), st.dates())
def test_days_are_counted_as_in_the_calendar(first: date, second: date) -> None:
    assert days_between(first.isoformat(), second.isoformat()) == (second - first).days


@pytest.mark.parametrize(
    ("endpoint", "day", "status"),
    [
        ("databricks-claude-3-7-sonnet", "2026-01-11", Status.ACTIVE),
        ("databricks-claude-3-7-sonnet", "2026-01-12", Status.RETIRING),
        ("databricks-claude-3-7-sonnet", "2026-04-11", Status.RETIRING),
        ("databricks-claude-3-7-sonnet", "2026-04-12", Status.RETIRED),
        ("databricks-mixtral-8x7b-instruct", "2025-05-05", Status.UNCERTAIN),
        ("databricks-mixtral-8x7b-instruct", "2025-05-06", Status.RETIRED),
        ("databricks-meta-llama-3-70b-instruct", "2020-01-01", Status.RETIRED),
        ("databricks-gte-large-en", "2030-01-01", Status.ACTIVE),
    ],
)
def test_a_model_on_a_day(endpoint: str, day: str, status: Status) -> None:
    assert catalog().as_of(day).status(endpoint) is status


def test_provisioned_throughput_has_dates_of_its_own() -> None:
    entity = "system.ai.meta_llama_v3_1_405b_instruct_fp8"
    days = ("2026-02-13", "2026-02-14", "2026-05-14", "2026-05-15")
    found = [catalog().as_of(day).throughput_status(entity) for day in days]
    assert found == [Status.ACTIVE, Status.RETIRING, Status.RETIRING, Status.RETIRED]
    assert catalog().as_of("2030-01-01").throughput_status("main.ml.own") is Status.ACTIVE


def test_lists_by_status() -> None:
    view = catalog().as_of("2026-10-05")
    soon = {gone.endpoint for gone in view.retirements(Status.RETIRING)}
    assert soon == {
        "databricks-claude-sonnet-4",
        "databricks-deepseek-v4-pro-0813",
        "databricks-inkling",
        "databricks-kimi-k2-7-code",
    }
    assert {model.endpoint for model in view.models(Status.RETIRING)} == soon
    everything = len(view.models(*Status))
    assert everything == len(catalog().pay_per_token) == 71
    assert len(view.retirements(*Status)) == len(catalog().retired) == 19


def test_what_was_not_checked_lately_is_stale() -> None:
    provenance = catalog().limits[0].provenance
    assert not catalog().as_of("2027-05-21").is_stale(provenance)
    assert catalog().as_of("2027-05-22").is_stale(provenance)
    assert catalog().as_of("2027-05-22").age(provenance) == 181


# ------------------------------------------------------------ a team's own facts


def test_own_facts_go_over_the_shipped_ones() -> None:
    own = catalog_with(
        {
            "providers": [{"id": "cohere", "models": {"chat": ["command-x"]}}],
            "pay_per_token": [{"endpoint": "databricks-gte-large-en", "licence": None}],
        }
    )
    cohere = next(p for p in own.providers if p.id == "cohere")
    assert cohere.models["chat"] == ("command-x",)
    assert cohere.models["completions"] == ("command", "command-light")
    assert cohere.provenance.source[-1] == "catalog.override.yaml"
    founding = next(m for m in own.founding_models if m.endpoint == "databricks-gte-large-en")
    assert founding.licence is None
    assert founding.embedding_dims == 1024
    assert len(own.pay_per_token) == len(catalog().pay_per_token)
    assert own.retired is catalog().retired
    shipped = next(p for p in catalog().providers if p.id == "cohere")
    assert len(shipped.models["chat"]) == 9


def test_own_entries_are_added_at_the_end() -> None:
    entry = {"endpoint": "databricks-x", "model": "X", "task": "chat", "checked": TODAY}
    own = catalog_with({"pay_per_token": [entry], "stale_after_days": 7})
    assert own.pay_per_token[-1].endpoint == "databricks-x"
    assert own.pay_per_token[-1].provenance.confidence == "medium"
    assert "databricks-x" not in {model.endpoint for model in own.founding_models}
    assert own.as_of("2026-11-30").is_stale(own.pay_per_token[-1].provenance)


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({"limit": []}, "limit: is not a section; there are pay_per_token, "),
        ({"stale_after_days": 0}, "stale_after_days: must be a whole number above 0"),
        ({"stale_after_days": True}, "stale_after_days: must be a whole number above 0"),
        ({"limits": {}}, "limits: must be a list of entries"),
        ({"limits": ["x"]}, "limits[0]: must be a map with `id`"),
        ({"limits": [{"id": 3}]}, "limits[0]: must be a map with `id`"),
        ({"limits": [{"id": "tags", "vaule": 3}]}, "limits[0].vaule: is not a known key"),
        ({"limits": [{"id": "tags", "value": "3"}]}, "limits[0].value: must be a number"),
        ({"limits": [{"id": "tags"}, {"id": "tags"}]}, "limits[1].id: `tags` is there twice"),
        ({"limits": [{"id": "new", "limit": "x"}]}, "limits[0].checked: is missing"),
        (
            {"limits": [{"id": "tags", "checked": "1.12.2026"}]},
            "limits[0].checked: must be a date, as 2026-11-22",
        ),
        ({"limits": [{"id": "tags", "source": "me"}]}, "limits[0].source: must be a list"),
        (
            {"providers": [{"id": "cohere", "models": {"chat": [1]}}]},
            "providers[0].models.chat[0]: must be text",
        ),
        (
            {"providers": [{"id": "cohere", "models": ["a"]}]},
            "providers[0].models: must be a map",
        ),
        (
            {"architectures": [{"id": "dbrx", "sizing": "gpu"}]},
            "architectures[0].sizing: must be one of tokens_per_second, model_units",
        ),
        (
            {"pay_per_token": [{"endpoint": "databricks-bge-large-en", "normalized": 1}]},
            "pay_per_token[0].normalized: must be true or false",
        ),
        (
            {"pay_per_token": [{"endpoint": "databricks-bge-large-en", "vision": [{"value": 1}]}]},
            "pay_per_token[0].vision[0].value: must be true or false",
        ),
    ],
)
def test_what_does_not_fit_is_named(data: dict[str, Any], wrong: str) -> None:
    with pytest.raises(FactsInvalid) as caught:
        catalog_with(data, "own.yaml")
    assert str(caught.value).startswith(f"own.yaml: {wrong}")


def test_a_teams_own_causes_come_first() -> None:
    entry = {"pattern": "timed out.*mill", "cause": "the mill", "fix": "wait", "checked": TODAY}
    own = catalog_with({"failures": [entry]})
    found = own.cause_of("it timed out at the mill")
    assert found
    assert found.cause == "the mill"
    shipped = catalog().cause_of("it timed out at the mill")
    assert own.cause_of("it timed out") == shipped
    assert len(own.failures) == len(catalog().failures) + 1


@pytest.mark.parametrize(
    "data",
    [
        {"failures": [{"pattern": "(", "cause": "a", "fix": "b", "checked": TODAY}]},
        {"limits": [{"id": "endpoint-name", "pattern": "[a-"}]},
        {"providers": [{"id": "cohere", "later": {"chat": ["*"]}}]},
    ],
)
def test_a_broken_regular_expression_is_told(data: dict[str, Any]) -> None:
    with pytest.raises(FactsInvalid) as caught:
        catalog_with(data)
    (wrong,) = caught.value.wrong
    assert "is no regular expression" in wrong.text


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(FactsInvalid) as caught:
        catalog_with({"limits": [{"id": "tags", "a": 1, "b": 2}], "nothing": 1})
    assert [str(wrong).split(":")[0] for wrong in caught.value.wrong] == [
        "nothing",
        "limits[0].a",
        "limits[0].b",
    ]


# ------------------------------------------------------------ reading


READ = """
import sys
from provisioner.catalog import catalog
from provisioner.catalog.reading import shipped
import provisioner.catalog.reading as reading
assert "yaml" not in sys.modules
read = []
def spy(name, original=reading.shipped):
    read.append(name)
    return original(name)
import provisioner.catalog.sections as sections
sections.shipped = spy
getattr(catalog(), sys.argv[1])
print(",".join(dict.fromkeys(read)))
assert not [name for name in sys.modules if name.startswith("provisioner.")
            and not name.startswith("provisioner.catalog")]
"""


@pytest.mark.parametrize(
    ("part", "files"),
    [
        ("operations", "limits.yaml"),
        ("founding_models", "pay_per_token.yaml"),
        ("model_unit_step", "throughput.yaml"),
        ("failures", "failures.yaml"),
    ],
)
def test_one_part_reads_one_file(part: str, files: str) -> None:
    command = [sys.executable, "-c", READ, part]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (run.stdout.strip(), run.stderr) == (files, "")


def test_sources_are_titles_not_places() -> None:
    for _, entry in entries():
        for source in entry.provenance.source:
            assert not re.search(r"^[./~]|://|\.txt$", source), source


# ------------------------------------------------------------ showing


@pytest.mark.parametrize("kind", fact_sheets.KINDS)
@pytest.mark.parametrize("full", [False, True])
def test_text_fits_80_columns(kind: str, full: bool) -> None:
    sheet = fact_sheets.sheet(kind, catalog(), "2028-01-01")
    lines = re.sub(r"\x1b\[\d+m", "", facts.text(sheet, full=full)).splitlines()
    assert not [line for line in lines if len(line) > 80 and " " in line.strip()]
    assert lines[-1].endswith("not checked for more than 180 days.")


@pytest.mark.parametrize("kind", fact_sheets.KINDS)
def test_tables_have_as_many_cells_as_columns(kind: str) -> None:
    sheet = fact_sheets.sheet(kind, catalog(), TODAY)
    lines = facts.markdown(sheet).splitlines()[2:]
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in lines}
    assert len(columns) == 1
    assert len(lines) == len(sheet.rows) + 2
    said = {one.label for row in sheet.rows for one in row.said}
    assert set(sheet.columns) <= said


@pytest.mark.parametrize("kind", fact_sheets.KINDS)
def test_json_holds_everything(kind: str) -> None:
    sheet = fact_sheets.sheet(kind, catalog(), TODAY)
    document = json.loads(facts.as_json(sheet))
    assert document["format_version"] == 1
    assert len(document[kind]) == len(sheet.rows)
    for entry in document[kind]:
        assert {"source", "checked", "confidence", "age_days", "stale"} <= entry.keys()


def test_cells_are_escaped() -> None:
    assert facts.escaped("a|b\n*c* <d> `e` [f](g)") == r"a\|b \*c\* \<d\> \`e\` \[f\](g)"


@pytest.mark.parametrize(
    ("provider", "reasoning", "others"),
    [
        ("openai", ["o1", "o1-mini", "o3", "gpt-5.2"], ["gpt-4o", "gpt-4", "gpt-3.5-turbo"]),
        ("openai-azure", ["o1", "gpt-5"], ["gpt-35-turbo", "gpt-4o-mini"]),
        (
            "anthropic",
            ["claude-3-7-sonnet-latest", "claude-sonnet-4-5", "claude-opus-4-1-20250805"],
            [
                "claude-2",
                "claude-instant-1.2",
                "claude-3-5-sonnet-latest",
                "claude-3-opus-20240229",
            ],
        ),
        ("amazon-bedrock", ["us.anthropic.claude-sonnet-4-v1:0"], ["claude-instant-v1", "j2-mid"]),
        ("google-cloud-vertex-ai", ["gemini-2.5-pro", "gemini-3.1"], ["gemini-2.0-flash"]),
        ("cohere", [], ["command-r"]),
    ],
)
def test_who_reasons(provider: str, reasoning: list[str], others: list[str]) -> None:
    facts = next(one for one in catalog().providers if one.id == provider)
    assert [name for name in (*reasoning, *others) if facts.reasons(name)] == reasoning


def test_what_is_written_over_a_fact_is_not_as_sure_as_the_fact() -> None:
    assert catalog().source_of("secret-key").confidence == "high"
    entry = {"id": "secret-key", "value": 64, "checked": "2026-12-01"}
    assert catalog_with({"limits": [entry]}).source_of("secret-key").confidence == "medium"
    own = catalog_with({"limits": [entry | {"confidence": "low"}]})
    assert own.source_of("secret-key").confidence == "low"
