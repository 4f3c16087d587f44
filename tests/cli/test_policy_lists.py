"""A policy's lists: what they do not allow is said offline, and is not brought back either."""

from __future__ import annotations

from ..conftest import Cli, Emulator, Project, Run, anthropic, external, serving


def said(run: Run) -> list[str]:
    return [problem["code"] for problem in run.json["problems"]]


def test_nothing_is_asked_for_what_is_not_allowed(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("a", serving(external("gpt-4o", openai_api_base="https://x.example.com")))
    project.environment(
        policy={
            "allowed_providers": ["cohere"],
            "allowed_models": [],
            "allowed_hosts": ["*.openai.azure.com"],
            "allowed_secret_scopes": ["prod"],
        }
    )
    run = cli("validate", "-e", "dev", expect=4)
    assert "dev: 4 errors" in run.err + run.out
    text = cli("plan", "-e", "dev", expect=4).err
    assert "endpoints/a.yaml:6:17: error[provider-not-allowed]" in text
    assert "model openai/gpt-4o is not among policy.allowed_models (which is empty)" in text
    assert "host x.example.com is not among policy.allowed_hosts (*.openai.azure.com)" in text
    assert "secret scope llm is not among policy.allowed_secret_scopes (prod)" in text
    assert emulator.requests() == []


def test_who_only_looks_still_sees(project: Project, cli: Cli) -> None:
    project.endpoint("a", serving(external()))
    cli.apply()
    project.environment(policy={"allowed_models": ["claude-*"]})
    run = cli("drift", "-e", "dev", expect=0)
    assert "warning[model-not-allowed]" in run.out + run.err
    cli("status", "-e", "dev", expect=0)
    cli("plan", "-e", "dev", expect=4)


def test_no_level_lets_it_pass(project: Project, cli: Cli) -> None:
    project.endpoint("a", serving(external()))
    rules = {"model-not-allowed": {"level": "off", "reason": "just this once"}}
    project.environment(policy={"allowed_models": ["claude-*"]}, rules=rules)
    text = cli("validate", "-e", "dev", expect=4).err
    assert "environments/dev.yaml:9:5: error[fixed-rule]" in text
    assert "extend the `policy` instead" in text


def test_an_earlier_configuration_is_held_against_the_lists_of_today(
    project: Project, cli: Cli, emulator: Emulator
) -> None:
    project.endpoint("a", serving(external()))
    cli.apply()
    project.endpoint("a", serving(anthropic()))
    cli.apply()
    project.environment(policy={"allowed_providers": ["anthropic"]})
    emulator.forget()
    run = cli("rollback", "a", "-e", "dev", "--auto-approve", expect=5)
    assert "cannot update a: provider openai is not among policy.allowed_providers" in (
        " ".join((run.out + run.err).split())
    )
    assert emulator.writes() == []
    project.environment()
    project.remove("a")
    cli.apply("--allow-retire", "a")
    project.environment(policy={"allowed_models": []})
    run = cli("restore", "a", "-e", "dev", "--auto-approve", expect=5)
    assert "policy.allowed_models (which is empty)" in " ".join((run.out + run.err).split())
    assert emulator.names() == []


def test_lists_are_checked_themselves(project: Project, cli: Cli) -> None:
    project.endpoint("a", serving(external()))
    project.environment(
        policy={"allowed_architectures": ["llama-3-3", "lama-3-1"], "allowed_regions": "eu-*"}
    )
    text = cli("validate", "-e", "dev", expect=4).err
    assert "policy.allowed_regions: must be a list" in text
    project.environment(policy={"allowed_architectures": ["llama-3-3", "lama-3-1"]})
    text = cli("validate", "-e", "dev", expect=4).err
    assert "environments/dev.yaml:7:5: error[unknown-architecture]" in text
    assert "did you mean `llama-3-1`" in text
