"""What an apply did and did not do, as a summary."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.plan import EMBEDDED
from provisioner.plan.outcome import EndpointOutcome, Outcome, Result
from provisioner.report import words
from provisioner.report.summary import Count, Item, Summary, counted, gravest_first

_ORDER = (
    Result.FAILED,
    Result.NOT_REACHED,
    Result.IN_PROGRESS,
    Result.DONE,
    Result.SKIPPED,
)
"""The gravest first."""


def summary(outcome: Outcome) -> Summary:
    """Everything to tell of an apply."""
    lasting = outcome.workspace.host != EMBEDDED
    items = [_item(endpoint, lasting=lasting) for endpoint in outcome.endpoints]
    told = {Result.SKIPPED: "unchanged"}
    failed = outcome.summary[Result.FAILED.value]
    return Summary(
        kind="outcome",
        title="Applied to",
        environment=outcome.environment,
        project=outcome.project,
        host=outcome.workspace.host,
        workspace_id=outcome.workspace.workspace_id,
        counts=tuple(
            Count(
                outcome.summary[result.value],
                told.get(result, words.RESULTS[result].word),
                words.RESULTS[result],
            )
            for result in _ORDER
        ),
        verdict=words.outcome_verdict(outcome.summary),
        items=gravest_first(items, [words.RESULTS[result].word for result in _ORDER]),
        alarm=f"{counted(failed, 'endpoint')} failed" if failed else "",
        remarks=(words.INTERRUPTED,) if outcome.interrupted else (),
        reference=outcome.fingerprint,
    )


def _item(endpoint: EndpointOutcome, *, lasting: bool) -> Item:
    halfway = endpoint.result not in {Result.DONE, Result.SKIPPED}
    steps = [(words.RESULTS[step.result].word, step.call) for step in endpoint.steps]
    url = endpoint.invocation_url if endpoint.result is Result.DONE and lasting else ""
    return Item(
        name=endpoint.name,
        mark=words.RESULTS[endpoint.result],
        about=(words.ACTIONS[endpoint.action].word,),
        grave=endpoint.error or "" if endpoint.result is Result.FAILED else "",
        notes=tuple(filter(None, (*_notes(endpoint), url))),
        facts=tuple(steps) if halfway else (),
        log=endpoint.log,
        quiet=endpoint.result is Result.SKIPPED,
    )


def _notes(endpoint: EndpointOutcome) -> Iterator[str]:
    if endpoint.error and endpoint.result is not Result.FAILED:
        yield endpoint.error
    if endpoint.hint:
        yield endpoint.hint
