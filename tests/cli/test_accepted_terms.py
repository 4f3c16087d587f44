"""Terms that nobody accepted hold up production where the team says so, and nowhere else."""

from __future__ import annotations

from ..conftest import Cli, Emulator, Project, anthropic, external, serving


def test_terms_are_a_gate_where_their_level_is_error(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("a", serving(external("gpt-4o-2024-08-06")))
    project.endpoint("b", serving(external("gpt-4o-mini-2024-07-18")))
    project.endpoint("c", serving(anthropic()))
    project.environment(protected=True)
    run = cli("validate", "-e", "dev", expect=0)
    assert run.err.count("notice[provider-terms]") == 2  # one for each provider
    assert "provider-terms" not in cli("plan", "-e", "dev", expect=0).out
    emulator.forget()
    gate = {"provider-terms": "error"}
    accepted = {"openai/gpt-4o-2024*": "legal, 2026-03-01", "anthropic": "legal, 2026-03-02"}
    project.environment(protected=True, rules=gate, accepted_terms=accepted)
    text = cli("plan", "-e", "dev", expect=4).err
    assert "endpoints/b.yaml:6:17: error[provider-terms]" in text
    assert "endpoints/a.yaml" not in text
    assert emulator.requests() == []
    project.environment(protected=True, rules=gate, accepted_terms=accepted | {"openai": "legal"})
    assert "provider-terms" not in cli("plan", "-e", "dev", expect=0).out
    project.environment(rules=gate)
    assert "provider-terms" not in cli("validate", "-e", "dev", expect=0).err


def test_notes_are_words_and_may_come_from_below(project: Project, cli: Cli) -> None:
    project.endpoint("a", serving(external("gpt-4o-2024-08-06")))
    project.environment("_base", accepted_terms={"openai": "legal, 2026-03-01"})
    project.environment(extends="_base", protected=True)
    assert cli("validate", "-e", "dev", expect=0).err == ""
    text = "project: shop\naccepted_terms: {openai: 2026-03-01, anthropic: }\n"
    (project.root / "environments" / "dev.yaml").write_text(text, "utf-8")
    err = cli("validate", "-e", "dev", expect=4).err
    assert err.startswith("environments/dev.yaml:2:49: error[wrong-type]: accepted_terms.anthropic")
    assert "accepted_terms.openai" not in err  # a day alone is a note, too
