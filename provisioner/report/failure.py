"""That a command of a pipeline failed, as Markdown for a comment."""

from __future__ import annotations

from provisioner.report.inert import block
from provisioner.report.problems import printable

_LONGEST = 20_000
"""Characters of a log that a comment shows; people read the end."""


def failed_run(what: str, log: str, limit: int) -> str:
    """What a failed run wrote, in a block in which nothing is Markdown, HTML or a mention."""
    room = min(limit - 1000, _LONGEST)
    text = "\n".join(printable(line) for line in log.strip().splitlines())
    cut = text[-room:] if len(text) > room else text
    left_out = f"\nThe first {len(text) - room} characters are left out.\n" if cut != text else ""
    return (
        f"### {what} failed\n\nThere is no plan of this commit; what an earlier comment said"
        f" here is out of date.\n{left_out}\n{block(cut or '(it wrote nothing)', 'text')}\n"
    )
