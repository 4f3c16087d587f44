"""From an endpoint, a client and a use to code, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from provisioner.catalog import Catalog, Client
from provisioner.errors import Refused
from provisioner.snippets import literals
from provisioner.snippets.subject import Subject
from provisioner.snippets.uses import OF_CHAT, REQUESTS, THINKING, Use

if TYPE_CHECKING:
    from jinja2 import Environment

CLIENTS: Mapping[str, str] = {
    "openai": "openai",
    "sql": "ai_query",
    "rest": "rest",
    "mlflow": "mlflow",
    "sdk": "databricks_sdk",
    "langchain": "langchain",
}
"""What a person calls a client, and its id in the catalog."""

_ENDINGS = {"sql": "sql", "rest": "sh"}
_FEATURE_OF: Mapping[Use, str] = {
    "reasoning": "reasoning",
    "vision": "vision",
    "tools": "function calling",
    "structured": "structured outputs",
    "batch": "batch inference",
}
"""What the catalog calls a use, where it is a feature of clients."""
_WORDS: Mapping[Use, str] = {
    **_FEATURE_OF,
    "chat": "chat",
    "completions": "completions",
    "embeddings": "embeddings",
    "records": "records of a custom model",
}
_FOR_RECORDS = ("sql", "rest", "mlflow", "sdk")
_ONLY = {"sql": ("chat", "completions", "embeddings", "structured", "batch", "records")}
"""Clients for which more is not known to work than this."""


@dataclass(frozen=True)
class Snippet:
    """Code for one client."""

    text: str
    language: str
    """``python``, ``sh`` or ``sql``."""
    needs: tuple[str, ...]
    """What has to be installed or at hand."""
    unstated: bool
    """No document that was read says whether this works."""


def snippet(subject: Subject, client: str, use: Use | None, facts: Catalog) -> Snippet:
    """Code that asks ``subject`` for ``use`` (else for its task) through ``client``.

    Raises:
        Refused: when it cannot work, with the reason.
    """
    use = use or subject.task
    known = next(c for c in facts.clients if c.id == CLIENTS[client])
    stated = [
        _endpoint_has(subject, use),
        _client_reaches(subject, client, known, use),
        _client_sends(client, known, use),
    ]
    ending = _ENDINGS.get(client, "py")
    template = _templates().get_template(f"{client}.{ending}.j2")
    text = template.render(
        endpoint=subject.name,
        use=use,
        task=_task(subject, use),
        request=_request(subject, use),
        hybrid=subject.reasoning == "hybrid",
        preview=known.preview,
    )
    return Snippet(
        text=text.strip("\n") + "\n",
        language={"py": "python"}.get(ending, ending),
        needs=known.needs,
        unstated=not all(stated),
    )


def _endpoint_has(subject: Subject, use: Use) -> bool:
    """Whether it is stated that the endpoint can do it; refused when it cannot."""
    if subject.route:
        raise Refused(f"{subject.name} cannot be asked by these clients: {subject.route}")
    task = _task(subject, use)
    if task not in subject.tasks:
        raise Refused(
            f"{subject.name} has no {_WORDS[use]}: it is for {' and '.join(subject.tasks)}",
            f"ask for one of {', '.join(_uses_of(subject))}",
        )
    if use not in OF_CHAT:
        return True
    able = subject.can.get(use)
    if able is False:
        raise Refused(f"{subject.name} has no {_WORDS[use]}, as far as the catalog knows")
    return bool(able)


def _client_reaches(subject: Subject, client: str, known: Client, use: Use) -> bool:
    if subject.mode == "custom_model":
        if client in _FOR_RECORDS:
            return True
        raise Refused(
            f"{known.name} only knows language models; {subject.name} is a custom one",
            f"use --client {', '.join(_FOR_RECORDS)}",
        )
    task = _task(subject, use)
    by_mode = next((modes for known_task, modes in known.calls.items() if known_task == task), {})
    barred = subject.name in known.refused_endpoints or (
        subject.architecture in known.refused_architectures
    )
    if barred or not by_mode or by_mode.get(subject.mode) is False:
        what = subject.name if barred else f"{task} of {subject.mode.replace('_', ' ')} endpoints"
        raise Refused(
            f"{known.name} cannot call {what}",
            f"`provisioner catalog clients {known.id}` has the source; --client rest can",
        )
    return bool(by_mode.get(subject.mode))


def _client_sends(client: str, known: Client, use: Use) -> bool:
    feature = _FEATURE_OF.get(use)
    if feature in known.lacks or use not in _ONLY.get(client, (use,)):
        raise Refused(
            f"{known.name} cannot send {_WORDS[use]}",
            f"`provisioner catalog clients {known.id}` has the source; --client rest can",
        )
    stated = feature is None or any(said.startswith(feature) for said in known.features)
    if use == "batch" and not stated:
        raise Refused(f"{known.name} has no {feature}", "use --client sql")
    return stated


def _task(subject: Subject, use: Use) -> Use:
    """The task that a use is a use of."""
    if use in OF_CHAT:
        return "chat"
    return subject.task if use == "batch" else use


def _uses_of(subject: Subject) -> tuple[Use, ...]:
    more = OF_CHAT if "chat" in subject.tasks else ()
    able = (use for use in more if subject.can.get(use) is not False)
    return (*subject.tasks, *able)


def _request(subject: Subject, use: Use) -> dict[str, Any]:
    request = dict(REQUESTS.get(use, {}))
    return {**request, **THINKING.get(subject.reasoning, {})} if use == "reasoning" else request


@lru_cache(maxsize=1)
def _templates() -> Environment:
    # Only who asks for a snippet pays for the import.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(  # noqa: S701 - code, not HTML; names are checked by the rules
        loader=PackageLoader("provisioner.snippets"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {
        "python": literals.python,
        "arguments": literals.arguments,
        "json": literals.indented_json,
        "sql": literals.sql,
    }
    return found
