"""What an apply did and did not do, as a summary."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.plan import EMBEDDED
from provisioner.plan.outcome import EndpointOutcome, Outcome, Result
from provisioner.report import words
from provisioner.report.rollout import watched
from provisioner.report.summary import Count, Fact, Item, Summary, counted, gravest_first

_ORDER = (
    Result.FAILED,
    Result.ROLLED_BACK,
    Result.NOT_REACHED,
    Result.IN_PROGRESS,
    Result.DONE,
    Result.SKIPPED,
)
"""The gravest first."""
_GRAVE = {Result.FAILED, Result.ROLLED_BACK}


def summary(outcome: Outcome) -> Summary:
    """Everything to tell of an apply."""
    lasting = outcome.workspace.host != EMBEDDED
    items = [
        _item(endpoint, lasting=lasting, rolled_back=endpoint.name in outcome.rolled_back)
        for endpoint in outcome.endpoints
    ]
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
        alarm=", ".join(
            _alarm(failed, outcome.summary[Result.ROLLED_BACK.value] + len(outcome.rolled_back))
        ),
        remarks=(words.INTERRUPTED,) if outcome.interrupted else (),
        reference=outcome.fingerprint,
    )


def _alarm(failed: int, rolled_back: int) -> Iterator[str]:
    if failed:
        yield f"{counted(failed, 'endpoint')} failed"
    if rolled_back:
        yield f"{counted(rolled_back, 'endpoint')} rolled back"


def _item(endpoint: EndpointOutcome, *, lasting: bool, rolled_back: bool) -> Item:
    halfway = endpoint.result not in {Result.DONE, Result.SKIPPED}
    steps = [Fact("", step.call, words.RESULTS[step.result]) for step in endpoint.steps]
    back = "its checks failed, and it has its earlier configuration again" if rolled_back else ""
    url = endpoint.invocation_url if endpoint.result is Result.DONE and lasting else ""
    return Item(
        name=endpoint.name,
        mark=words.RESULTS[endpoint.result],
        about=(words.ACTIONS[endpoint.action].word,),
        grave=back or (_why(endpoint) if endpoint.result in _GRAVE else ""),
        notes=tuple(filter(None, (*_notes(endpoint), url))),
        facts=tuple(steps) if halfway else (),
        log=endpoint.log,
        quiet=endpoint.result is Result.SKIPPED,
    )


def _why(endpoint: EndpointOutcome) -> str:
    return endpoint.error or words.RESULTS[endpoint.result].word


def _notes(endpoint: EndpointOutcome) -> Iterator[str]:
    if endpoint.error and endpoint.result not in _GRAVE:
        yield endpoint.error
    yield from map(str.strip, watched(endpoint))
    if endpoint.hint:
        yield endpoint.hint
