"""What a verification found: as text and as JUnit XML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from xml.sax.saxutils import escape, quoteattr

from click import style

from provisioner.plan.verification import EndpointVerified, Verdict, Verification
from provisioner.report.junit import printable_xml
from provisioner.report.problems import page_width, printable


def text(found: Verification, *, verbose: bool = False) -> str:
    """For people: a line for each check, then what happened and what to do.

    What is fine has one line for each endpoint, unless ``verbose``.
    """
    name = style(found.environment, bold=True)
    lines = [f"Verification for {name} (project {found.project}) on {found.workspace.host}", ""]
    for endpoint in found.endpoints:
        lines += _endpoint(endpoint, verbose=verbose)
    if found.endpoints:
        lines.append("")
    return "\n".join([*lines, verdict(found)])


def verdict(found: Verification) -> str:
    """The last line."""
    counts = [f"{count} {_word(cause)}" for cause, count in found.summary.items()]
    asked = f"{found.requests} request{'s' * (found.requests != 1)} sent"
    return f"Verified: {', '.join(counts) or 'nothing to check'}; {asked}."


def _word(cause: str) -> str:
    return cause.replace("_", " ")


def _endpoint(endpoint: EndpointVerified, *, verbose: bool) -> Iterator[str]:
    if not endpoint.verdicts:
        yield f"  {style('= unchecked', dim=True)}  {printable(endpoint.name)}"
        return
    mark = style("= ok", fg="green") if endpoint.ok else style("! failed", fg="red", bold=True)
    passed = sum(one.ok for one in endpoint.verdicts)
    yield f"  {mark}  {printable(endpoint.name)}  {_counted(passed, len(endpoint.verdicts))}"
    for one in endpoint.verdicts:
        if verbose or not one.ok or one.hint:
            yield from _verdict(one)


def _counted(passed: int, all_of_them: int) -> str:
    what = f"{all_of_them} check{'s' * (all_of_them != 1)}"
    return what if passed == all_of_them else f"{passed} of {what} passed"


def _verdict(one: Verdict) -> Iterator[str]:
    who = " ".join(filter(None, (one.entity, one.check and f"[{one.check}]")))
    title = f"{who}: {_word(one.cause.value)}" if who else _word(one.cause.value)
    color = "green" if one.ok else "red"
    yield f"      {style(printable(title), fg=color)}"
    yield from _wrapped(one.message)
    if one.said:
        yield from _wrapped(f"it says: {one.said}")
    if one.hint:
        yield from _wrapped(one.hint)


def _wrapped(line: str) -> list[str]:
    return wrap(
        printable(line),
        page_width(),
        initial_indent=" " * 10,
        subsequent_indent=" " * 12,
        break_long_words=False,
        break_on_hyphens=False,
    )


# ------------------------------------------------------------ JUnit


def junit(found: Sequence[Verification]) -> str:
    """A suite for each endpoint of each environment, a case for each check."""
    suites = [(one.environment, endpoint) for one in found for endpoint in one.endpoints]
    all_of_them = [verdict for _, endpoint in suites for verdict in endpoint.verdicts]
    failed = sum(not one.ok for one in all_of_them)
    counts = f'tests="{len(all_of_them)}" failures="{failed}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="provisioner verify" {counts}>',
    ]
    for environment, endpoint in suites:
        lines += _suite(environment, endpoint)
    return "\n".join([*lines, "</testsuites>"])


def _suite(environment: str, endpoint: EndpointVerified) -> Iterator[str]:
    name = _attribute(f"{environment}/{endpoint.name}")
    failed = sum(not one.ok for one in endpoint.verdicts)
    counts = f'tests="{len(endpoint.verdicts)}" failures="{failed}" errors="0" skipped="0"'
    yield f"  <testsuite name={name} {counts}>"
    for one in endpoint.verdicts:
        case = " ".join(filter(None, (one.entity, one.check))) or "endpoint"
        head = f'    <testcase classname={name} name={_attribute(case)} time="{one.seconds:.3f}"'
        if one.ok:
            yield f"{head}/>"
            continue
        detail = "\n".join(filter(None, (one.said, one.hint)))
        yield f"{head}>"
        yield (
            f"      <failure type={_attribute(one.cause.value)} message={_attribute(one.message)}>"
            f"{escape(printable_xml(detail))}</failure>"
        )
        yield "    </testcase>"
    yield "  </testsuite>"


def _attribute(text: str) -> str:
    return quoteattr(printable_xml(text))
