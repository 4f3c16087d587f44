"""What is said of each entry of the catalog, by kind; nothing is decided about its looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from provisioner.catalog import (
    Architecture,
    Catalog,
    Client,
    Contradiction,
    ExternalProvider,
    Fact,
    Limit,
    PayPerTokenModel,
    RequestRule,
    RetiredModel,
    ServingMode,
    SizingStyle,
    Status,
    Task,
    TaskType,
    View,
    plain,
)
from provisioner.report import fact_sheets_of_regions
from provisioner.report.fact_rows import flat, listed, maybe, row, sentence
from provisioner.report.facts import Row, Said, Sheet

_TASKS: tuple[Task, ...] = ("completions", "chat", "embeddings")
_MODES = {
    "pay_per_token": "pay-per-token",
    "provisioned_throughput": "provisioned",
    "external_model": "external",
}


_CAME = "When a model came is not known: what is not retired on {} may not have been there yet."


def sheet(kind: str, facts: Catalog, date: str) -> Sheet:
    """The entries of a kind, one of `KINDS`, on a day."""
    columns, rows = KINDS[kind]
    view = facts.as_of(date)
    found = tuple(rows(view, facts))
    early = kind == "models" and all(row.age < 0 for row in found)
    note = _CAME.format(date) if early else ""
    return Sheet(kind, date, facts.stale_after_days, columns, found, note)


def _models(view: View, facts: Catalog) -> Iterator[Row]:
    for model in facts.pay_per_token:
        gone = facts.retirement_of(model.endpoint)
        status = view.status(model.endpoint)
        dates = _retirement(gone, view.date) if gone else []
        said = [*_model(model, view, facts), *dates, *_model_extras(model)]
        yield row(
            view,
            model,
            model.endpoint,
            said,
            status=status.value,
            data={"retirement": flat(plain(gone))} if gone else {},
            aliases=(model.model, model.entity or ""),
        )


def _model(model: PayPerTokenModel, view: View, facts: Catalog) -> Iterator[Said | None]:
    images, functions = model.reads_images(view.date), model.function_calling
    reasons = model.reasoning not in (None, "none")
    yield maybe("model", model.model, model.model)
    yield maybe("task", model.task, model.task)
    yield maybe("context", model.context_tokens, f"{model.context_tokens} tokens")
    yield maybe("dimensions", model.embedding_dims, f"{model.embedding_dims} dimensions")
    yield _normalized(model.normalized)
    yield maybe("reasoning", model.reasoning, f"reasoning {model.reasoning}" if reasons else "")
    yield maybe("images", _yes(images), "reads images" if images else "")
    yield maybe("functions", _yes(functions), "function calling" if functions else "")
    yield maybe("preview", _yes(model.preview or None), "preview")
    if model.regions:
        only = facts.atlas.names(model.regions)
        since = f", as of {model.regions_as_of}" if model.regions_as_of else ""
        yield maybe("regions", only, f"in {only} only{since}")
    yield maybe("licence", model.licence, f"licence: {model.licence}")


def _model_extras(model: PayPerTokenModel) -> Iterator[Said | None]:
    yield maybe("longest answer", model.max_output_tokens, extra=True)
    yield maybe("Unity Catalog", model.entity, extra=True)
    yield maybe("languages", model.languages, extra=True)
    yield maybe("leaves the geography", model.cross_geo, extra=True)
    yield maybe("processed in", ", ".join(model.processed_in), extra=True)
    yield maybe("hosted", model.hosting, extra=True)
    yield listed("inputs", model.inputs, extra=True)
    yield listed("tags", model.tags, extra=True)
    titled = {
        "reasoning: ": model.reasoning_note,
        "function calling: ": model.function_calling_note,
        "licence: ": model.licence_note,
        "API: ": model.api,
        "before a query: ": model.query_instruction,
        "name: ": model.name_confidence,
    }
    for title, note in titled.items():
        yield sentence("note", note, title, extra=True)
    for note in model.notes:
        yield sentence("note", note, extra=True)
    for said in model.vision:
        text = f"{said.as_of}: {'reads' if said.value else 'does not read'} images"
        yield sentence("vision", f"{text}, {said.note}" if said.note else text, extra=True)


def _retired(view: View, facts: Catalog) -> Iterator[Row]:
    for gone in facts.retired:
        said = [
            maybe("model", gone.model, gone.model),
            maybe("task", gone.task, gone.task),
            *_retirement(gone, view.date),
            maybe("a request gets", gone.observed_error, extra=True),
            sentence("note", gone.note, extra=True),
        ]
        status = view.status_of(gone)
        aliases = (gone.model, gone.entity or "")
        yield row(view, gone, gone.endpoint, said, status=status.value, aliases=aliases)


def _retirement(gone: RetiredModel, date: str) -> Iterator[Said | None]:
    by = f"by {gone.retired_by}" if gone.retired_by else "on an unknown day"
    word = "retires" if (gone.retired_on or "") > date else "retired"
    yield maybe("retired", gone.retired_on or by, f"{word} {gone.retired_on or by}")
    units = gone.throughput_retired_on
    yield maybe("provisioned", units, f"in provisioned throughput {units}")
    other = gone.replacement or gone.replacement_in_practice
    named = "replaced by" if gone.replacement else "in practice replaced by"
    where = f" ({gone.replacement_endpoint})" if gone.replacement_endpoint else ""
    yield maybe("replacement", other and f"{other}{where}", f"{named} {other}{where}")


def _architectures(view: View, facts: Catalog) -> Iterator[Row]:
    for family in facts.architectures:
        yield row(view, family, family.id, _family(family, view), aliases=(family.name,))


def _family(family: Architecture, view: View) -> Iterator[Said | None]:
    gone = [e for e in family.entity_examples if view.throughput_status(e) is Status.RETIRED]
    sizing = family.sizing.replace("_", " ")
    yield maybe("family", family.name, family.name)
    yield maybe("tasks", ", ".join(family.tasks), " or ".join(family.tasks))
    yield maybe("sizing", sizing, f"by {sizing}")
    yield _normalized(family.normalized)
    yield maybe("preview", _yes(family.preview or None), "preview")
    yield maybe("licence", family.licence, f"licence: {family.licence}")
    yield listed("examples", family.entity_examples)
    yield listed("retired", gone)
    yield listed("restrictions", family.restrictions)
    yield sentence("note", family.note)


def _providers(view: View, facts: Catalog) -> Iterator[Row]:
    for entry in facts.providers:
        status = "legacy" if entry.legacy else ""
        yield row(view, entry, entry.id, _provider(entry), status=status, aliases=(entry.name,))


def _provider(entry: ExternalProvider) -> Iterator[Said | None]:
    yield maybe("provider", entry.name, entry.name)
    yield maybe("API name", entry.provider, f"provider {entry.provider}")
    yield maybe("block", entry.config_block, entry.config_block)
    yield maybe("fine-tuned", _yes(entry.fine_tuned), "fine-tuned names" * bool(entry.fine_tuned))
    custom = entry.custom_completions
    yield maybe("custom", _yes(custom), "custom completion models" * bool(custom))
    for task in _TASKS:
        yield _models_of(entry, task)
    yield listed("required", entry.required)
    yield listed("one of", (" or ".join(group) for group in entry.one_of))
    yield listed("one sign-in of", (way.id for way in entry.sign_in))
    for way in entry.sign_in:
        fields = [*way.required, *(" or ".join(group) for group in way.one_of)]
        yield listed(way.id, fields, extra=True)
    yield listed("optional", entry.optional)
    yield listed("refused", entry.forbidden)
    yield listed("secret", entry.secrets)
    yield listed("old", entry.legacy_models, extra=True)
    yield listed("moving", entry.moving_models, extra=True)
    yield listed("only reasoning", entry.reasoning_models, extra=True)
    yield sentence("note", entry.note, extra=True)


def _models_of(entry: ExternalProvider, task: Task) -> Said | None:
    if task not in entry.tasks:
        return None
    if entry.any_model:
        return listed(task, ["any name"])
    makers = entry.families.get(task, {})
    by_maker = [f"{maker} ({', '.join(names)})" for maker, names in makers.items()]
    return listed(task, [*entry.models.get(task, ()), *by_maker])


def _clients(view: View, facts: Catalog) -> Iterator[Row]:
    for client in facts.clients:
        yield row(view, client, client.id, _client(client), aliases=(client.name,))


def _client(client: Client) -> Iterator[Said | None]:
    yield maybe("client", client.name, client.name)
    yield maybe("preview", _yes(client.preview or None), "preview in the founding documents")
    yield maybe("by hand", _yes(not client.automation or None), "by hand only")
    for task in _TASKS:
        yield sentence(task, _reach(client.calls.get(task, {})), f"{task}: ")
    yield listed("cannot send", client.lacks)
    refused = (
        *client.refused_endpoints,
        *(f"{name} models" for name in client.refused_architectures),
    )
    yield listed("cannot call", refused)
    yield sentence("call", client.call, "call: ")
    yield listed("needs", client.needs)
    yield listed("can send", client.features, extra=True)
    yield listed("reads", client.variables, extra=True)
    yield sentence("sign-in", client.auth, "sign-in: ", extra=True)
    for note in client.notes:
        yield sentence("note", note, extra=True)


def _reach(modes: Mapping[Any, bool | None]) -> str:
    if not modes:
        return "not stated"
    if all(modes.get(mode) for mode in _MODES):
        return "every mode"
    words = {True: "yes", False: "no", None: "not stated"}
    stated = (f"{name} {words[modes.get(mode)]}" for mode, name in _MODES.items())
    return ", ".join(stated)


def _limits(view: View, facts: Catalog) -> Iterator[Row]:
    for limit in facts.limits:
        yield row(view, limit, limit.id, _limit(limit))


def _limit(limit: Limit) -> Iterator[Said | None]:
    amount = f"{limit.value:g} {limit.unit or ''}".strip() if limit.value is not None else None
    if amount and limit.per_seconds:
        per = f"in {limit.per_seconds:g} seconds" if limit.per_seconds != 1 else "per second"
        amount += f" {per}"
    values = [f"{name}: {_value(value)}" for name, value in limit.values.items()]
    if limit.unit and limit.value is None:
        values = [f"{value} {limit.unit}" for value in values]
    yield sentence("limit", limit.limit)
    yield maybe("value", amount or "; ".join(values) or limit.pattern or "not known", "")
    yield maybe("amount", amount, amount)
    yield maybe("pattern", limit.pattern, f"pattern {limit.pattern}")
    yield maybe("warning above", limit.warn_above)
    yield maybe("most seen", limit.most_seen)
    yield maybe("changes", _yes(limit.volatile or None), "changes often")
    for value in values:
        yield sentence("values", value)
    yield sentence("note", limit.note)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " / ".join("-" if item is None else str(item) for item in value)
    return str(value)


def _rules(view: View, facts: Catalog) -> Iterator[Row]:
    entries: tuple[Any, ...] = (*facts.request_rules, *facts.governance)
    for entry in (*entries, *facts.modes, *facts.tasks, *facts.sizing):
        topic, said = _rule(entry)
        whole = [maybe("topic", topic, topic), *said]
        yield row(view, entry, entry.id, whole, data={"topic": topic}, aliases=(topic,))


def _rule(entry: Any) -> tuple[str, list[Said | None]]:
    match entry:
        case RequestRule():
            return entry.topic, list(_request_rule(entry))
        case Fact():
            lists = [listed("fields", entry.fields), listed("values", entry.values)]
            return entry.topic, [
                sentence("rule", entry.fact),
                *lists,
                sentence("note", entry.note),
            ]
        case ServingMode():
            origin = sentence(
                "origin", entry.endpoint_origin and f"endpoint: {entry.endpoint_origin}"
            )
            lists = [listed("for", entry.recommended_for), listed("manageable", entry.manageable)]
            return "modes", [sentence("rule", entry.purpose), origin, *lists]
        case TaskType():
            ask = f"asked with {entry.request_key}; answers {entry.response}"
            return "tasks", [sentence("rule", ask), listed("also carries", entry.features)]
        case SizingStyle():
            return "sizing", [sentence("rule", entry.rule), listed("fields", entry.fields)]
    raise AssertionError(entry)


def _request_rule(rule: RequestRule) -> Iterator[Said | None]:
    pixels = " x ".join(map(str, rule.max_pixels))
    yield maybe("field", rule.field, rule.field)
    yield maybe("required", _yes(rule.required or None), "required")
    yield maybe("at least", rule.min)
    yield maybe("at most", pixels or rule.max, f"at most {pixels} pixels" if pixels else None)
    yield maybe("above", rule.above)
    yield maybe("below", rule.below)
    yield maybe("default", rule.default)
    modes = ", ".join(_MODES[mode] for mode in rule.modes)
    yield maybe("modes", modes, f"{modes} only")
    yield maybe("binding", _yes(rule.binding), "" if rule.binding else "advice")
    yield sentence("rule", rule.rule)
    yield listed("values", rule.values)
    yield sentence("formula", rule.formula, "formula: ")


def _contradictions(view: View, facts: Catalog) -> Iterator[Row]:
    for entry in facts.contradictions:
        yield row(view, entry, entry.id, _contradiction(entry), aliases=(entry.topic,))


def _contradiction(entry: Contradiction) -> Iterator[Said | None]:
    yield maybe("topic", entry.topic, entry.topic)
    yield sentence("documents", entry.disagreement)
    yield sentence("here", entry.reading, "here: ")
    yield sentence("entry", entry.where, "entry: ", extra=True)


def _normalized(value: bool | None) -> Said | None:  # noqa: FBT001 - three states
    phrase = "normalised" if value else "not normalised"
    return Said("normalised", _yes(value), phrase) if value is not None else None


def _yes(value: bool | None) -> str:  # noqa: FBT001 - three states
    return "" if value is None else "yes" if value else "no"


Rows = Callable[[View, Catalog], Iterator[Row]]
KINDS: dict[str, tuple[tuple[str, ...], Rows]] = {
    "models": (
        (
            "model",
            "task",
            "context",
            "dimensions",
            "normalised",
            "reasoning",
            "images",
            "functions",
            "preview",
            "Unity Catalog",
            "regions",
            "licence",
            "retired",
            "replacement",
        ),
        _models,
    ),
    "architectures": (
        ("family", "tasks", "sizing", "normalised", "licence", "examples", "note"),
        _architectures,
    ),
    "providers": (
        ("provider", "block", *_TASKS, "fine-tuned", "custom", "required", "one of", "optional"),
        _providers,
    ),
    "retired": (("model", "task", "retired", "provisioned", "replacement"), _retired),
    "regions": (fact_sheets_of_regions.COLUMNS, fact_sheets_of_regions.rows),
    "limits": (("limit", "value", "warning above", "most seen", "note"), _limits),
    "clients": (("client", *_TASKS, "cannot send", "cannot call", "call"), _clients),
    "rules": (("topic", "field", "at most", "modes", "binding", "rule", "values"), _rules),
    "contradictions": (("topic", "documents", "here", "entry"), _contradictions),
}
"""Name of the command to the columns of its table and the maker of its rows."""
