"""``provisioner explain``."""

from __future__ import annotations

from difflib import get_close_matches

import click

from provisioner.cli import output
from provisioner.cli.options import output_format


@click.command("explain", short_help="Tell what a code in a message means.")
@click.argument("code", required=False, metavar="[CODE]")
@output_format("text", "json", "markdown")
def command(code: str | None, form: str) -> None:
    """Tell what a code in a message means, and what to do; all codes without one."""
    from provisioner.report import explained
    from provisioner.rules.explained import explanations

    known = explanations()
    if code is not None and code not in known:
        close = get_close_matches(code, known, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "without a code it lists all"
        raise click.UsageError(f"there is no code {code!r}: {hint}")
    chosen = list(known.values()) if code is None else [known[code]]
    if form == "json":
        output.answer(explained.to_json(chosen))
    elif code is None:
        show_all = explained.overview if form == "text" else explained.overview_markdown
        output.answer(show_all(chosen))
    else:
        show = explained.text if form == "text" else explained.markdown
        output.answer(show(chosen[0]))
