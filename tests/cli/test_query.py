"""`query` end to end: tasks, files, conversations, clients, comparisons, faults."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.conftest import Cli, Emulator, Project, Run, anthropic, custom, external, invoke, serving
from tests.pure.test_query_requests import png

CLAUDE = "databricks-claude-3-7-sonnet"
LLAMA = "databricks-meta-llama-3-3-70b-instruct"
BGE = "databricks-bge-large-en"
PATH = "/serving-endpoints"


@pytest.fixture
def chat(project: Project, cli: Cli, emulator: Emulator) -> None:
    """An endpoint of two, of which one gets all the traffic."""
    project.endpoint("chat", serving(external(), anthropic(), gpt=100, claude=0))
    cli.apply()
    emulator.forget()


def sent(emulator: Emulator) -> list[dict[str, Any]]:
    """The questions that arrived, in order."""
    return [
        entry
        for entry in emulator.requests()
        if entry["method"] == "POST" and entry["path"].startswith(PATH)
    ]


def body(emulator: Emulator) -> Any:
    [entry] = sent(emulator)
    return entry["body"]


def ask(cli: Cli, name: str, *more: str | Path, expect: int = 0) -> Run:
    return cli("query", name, "-e", "dev", *more, expect=expect)


# ------------------------------------------------------------ what is asked


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("client", ["openai", "rest"])
def test_an_answer_goes_to_stdout_and_the_rest_to_stderr(
    cli: Cli, emulator: Emulator, client: str
) -> None:
    run = ask(cli, "chat", "--prompt", "Say hello.", "--client", client)
    assert run.out.startswith("[emulated]")
    assert "Say hello." in run.out
    assert "[gpt of chat, " in run.err
    assert " tokens" in run.err
    [entry] = sent(emulator)
    path = "/chat/completions" if client == "openai" else "/chat/invocations"
    assert entry["path"] == PATH + path
    assert entry["body"]["messages"] == [{"role": "user", "content": "Say hello."}]


@pytest.mark.usefixtures("chat")
def test_the_openai_client_is_taken_where_it_can(cli: Cli, emulator: Emulator) -> None:
    assert ask(cli, "chat", "--prompt", "x", "-o", "json").json["client"] == "openai"
    assert ask(cli, "chat", "--prompt", "x", "--entity", "claude", "-o", "json").json["client"] == (
        "rest"
    )
    refused = ask(
        cli, "chat", "--prompt", "x", "--entity", "claude", "--client", "openai", expect=64
    )
    assert "past the traffic split" in refused.err
    assert len(sent(emulator)) == 2


@pytest.mark.usefixtures("chat")
def test_one_entity(cli: Cli, emulator: Emulator) -> None:
    run = ask(cli, "chat", "--prompt", "x", "--entity", "claude", "-o", "json")
    assert run.json["entity"] == "claude"
    assert sent(emulator)[0]["path"] == f"{PATH}/chat/served-models/claude/invocations"
    unknown = ask(cli, "chat", "--prompt", "x", "--entity", "cloude", expect=64)
    assert "it serves claude, gpt" in unknown.err


@pytest.mark.parametrize("client", ["openai", "rest"])
def test_reasoning_is_apart(cli: Cli, emulator: Emulator, client: str) -> None:
    run = ask(cli, CLAUDE, "--prompt", "Why?", "--thinking", "100", "--client", client)
    assert "reasoning: " in run.err
    assert "reasoning" not in run.out
    assert body(emulator)["thinking"] == {"type": "enabled", "budget_tokens": 100}
    assert body(emulator)["max_tokens"] == 200


@pytest.mark.parametrize("client", ["openai", "rest"])
def test_pictures_functions_and_formats(
    cli: Cli, project: Project, emulator: Emulator, client: str
) -> None:
    picture, tool, schema = (project.root / name for name in ("a.png", "tool.json", "s.json"))
    picture.write_bytes(png(1000, 1000))
    tool.write_text(json.dumps({"name": "find", "parameters": {"type": "object"}}))
    schema.write_text(json.dumps({"type": "object", "properties": {"a": {"type": "string"}}}))
    seen = ask(cli, CLAUDE, "--prompt", "What?", "--image", picture, "--client", client)
    assert "1 picture, about 1334 tokens" in seen.err
    content = body(emulator)["messages"][0]["content"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")
    called = ask(cli, CLAUDE, "--prompt", "Find it", "--tool", tool, "--client", client)
    assert "find(" in called.out
    formed = ask(cli, LLAMA, "--prompt", "Give", "--schema", schema, "--client", client)
    assert isinstance(json.loads(formed.out)["a"], str)


@pytest.mark.parametrize("client", ["openai", "rest"])
def test_embeddings(cli: Cli, emulator: Emulator, client: str) -> None:
    run = ask(cli, BGE, "--input", "a", "--input", "b", "--client", client, "-o", "json")
    assert [one["dimension"] for one in run.json["embeddings"]] == [1024, 1024]
    assert abs(run.json["embeddings"][0]["norm"] - 1) < 0.001
    assert body(emulator)["input"] == ["a", "b"]
    text = ask(cli, BGE, "--input", "a", "--client", client)
    assert text.out.startswith("input 0: 1024 numbers, length 1.0000: ")


@pytest.mark.parametrize("client", ["openai", "rest"])
def test_completions(cli: Cli, project: Project, client: str) -> None:
    old = anthropic(model="claude-2")
    old["external_model"]["task"] = "llm/v1/completions"
    project.endpoint("old", serving(old))
    cli.apply()
    run = ask(cli, "old", "--prompt", "Once", "--client", client, "-o", "json")
    assert run.json["text"].startswith("[emulated]")
    assert run.json["client"] == client
    jsonschema.validate(run.json, json.loads(invoke(["schema", "query"]).out))


def test_a_model_of_ones_own(cli: Cli, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.endpoint("churn", serving(custom()))
    cli.apply()
    assert "ask with --request" in ask(cli, "churn", "--prompt", "x", expect=64).err
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"dataframe_records": [{"a": 1}]}'))
    assert "predictions" in json.loads(ask(cli, "churn", "--request", "-").out)


@pytest.mark.usefixtures("chat")
def test_a_whole_body_is_sent_as_it_is(cli: Cli, project: Project, emulator: Emulator) -> None:
    whole = {"messages": [{"role": "user", "content": "x"}], "temperature": 0.5, "foo": None}
    (project.root / "r.json").write_text(json.dumps(whole))
    ask(cli, "chat", "--request", project.root / "r.json", "--client", "rest")
    assert body(emulator) == whole
    (project.root / "r.json").write_text(json.dumps({**whole, "n": 9}))
    refused = ask(cli, "chat", "--request", project.root / "r.json", expect=1)
    assert "warning[request-range]" in refused.err, "told, and sent all the same"
    assert "error[invalid-request]" in refused.err


def test_the_prompt_from_a_pipe(cli: Cli, emulator: Emulator, monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("from a pipe\n"))
    ask(cli, LLAMA, "--prompt", "-", "--system", "s", "--max-tokens", "9", "--extra", "top_p=0.5")
    found = body(emulator)
    assert found["messages"][1]["content"] == "from a pipe\n"
    assert (found["top_p"], found["max_tokens"]) == (0.5, 9)


# ------------------------------------------------------------ streams


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("client", ["openai", "rest"])
def test_a_stream_says_the_same(cli: Cli, emulator: Emulator, client: str) -> None:
    more = ("--prompt", "x", "--client", client)
    at_once = ask(cli, "chat", *more, "-o", "json").json
    emulator.forget()
    in_parts = ask(cli, "chat", *more, "--stream", "-o", "json").json
    assert in_parts["text"] == at_once["text"]
    assert in_parts["entity"] == "gpt"
    assert body(emulator)["stream"] is True
    assert ask(cli, "chat", *more, "--stream").out == at_once["text"] + "\n"


@pytest.mark.parametrize("client", ["openai", "rest"])
def test_reasoning_in_a_stream(cli: Cli, client: str) -> None:
    more = ("--prompt", "x", "--thinking", "50", "--client", client, "-o", "json")
    at_once, in_parts = ask(cli, CLAUDE, *more).json, ask(cli, CLAUDE, *more, "--stream").json
    assert in_parts["reasoning"].strip() == at_once["reasoning"].strip() != ""
    assert in_parts["text"] == at_once["text"]


# ------------------------------------------------------------ conversations


def test_a_conversation_goes_on(cli: Cli, project: Project, emulator: Emulator) -> None:
    talk = project.root / "talk.json"
    more = ("--transcript", talk, "--thinking", "50")
    ask(cli, CLAUDE, "--prompt", "One", "--system", "Be short.", *more)
    ask(cli, CLAUDE, "--prompt", "Two", *more)
    ask(cli, CLAUDE, "--prompt", "Three", "--keep-reasoning", *more)
    _, second, third = (entry["body"]["messages"] for entry in sent(emulator))
    assert [one["role"] for one in second] == ["system", "user", "assistant", "user"]
    assert isinstance(second[2]["content"], str), "reasoning is dropped"
    assert isinstance(third[2]["content"], str)
    assert third[4]["content"][0]["type"] == "reasoning", "that of the last answer is sent back"
    kept = json.loads(talk.read_text())["messages"]
    roles = ["system", *["user", "assistant"] * 3]
    assert [one["role"] for one in kept] == roles
    assert third[4] == kept[4], "unchanged, with its signature"
    assert all(one["content"][0]["type"] == "reasoning" for one in kept[2::2])


def test_a_failed_question_leaves_the_conversation_as_it_was(
    cli: Cli, project: Project, emulator: Emulator
) -> None:
    talk = project.root / "talk.json"
    ask(cli, LLAMA, "--prompt", "One", "--transcript", talk)
    before = talk.read_text()
    emulator.fault("POST", f"{PATH}/.*", drop=True, effect="after")
    ask(cli, LLAMA, "--prompt", "Two", "--transcript", talk, expect=1)
    assert talk.read_text() == before
    assert [path.name for path in project.root.glob(".talk*")] == []


# ------------------------------------------------------------ compared


@pytest.mark.usefixtures("chat")
def test_two_are_compared(cli: Cli, emulator: Emulator) -> None:
    run = ask(cli, "chat", "--prompt", "x", "--entity", "gpt", "--compare", "claude")
    assert max(map(len, run.out.splitlines())) <= 80
    first = run.out.splitlines()[0]
    assert "chat gpt" in first
    assert "chat claude" in first
    assert " ms, " in run.out
    assert len(sent(emulator)) == 2
    other = ask(cli, "chat", "--prompt", "x", "--compare", LLAMA, "-o", "json")
    assert [one["endpoint"] for one in other.json["answers"]] == ["chat", LLAMA]
    jsonschema.validate(other.json, json.loads(invoke(["schema", "queries"]).out))
    emulator.admin(
        "PUT",
        "conditions",
        {"endpoint": "chat", "entity": "claude", "condition": "provider_down"},
    )
    half = ask(cli, "chat", "--prompt", "x", "--compare", "claude", expect=1)
    emulator.admin("DELETE", "conditions")
    assert "provider down" in half.out
    assert "[emulated]" in half.out
    assert ask(cli, "chat", "--prompt", "x", "--compare", BGE, expect=64)


# ------------------------------------------------------------ before sending


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (["--prompt", "x", "--thinking", "100", "--max-tokens", "100"], "thinking-budget"),
        (["--prompt", "x", "--extra", "temperature=3"], "request-range"),
        (["--prompt", "x", "--image", "bad.png"], "image-format"),
        (["--prompt", "x", "--image", "big.png"], "image-size"),
    ],
)
def test_what_will_be_refused_is_not_sent(
    cli: Cli, project: Project, emulator: Emulator, more: list[str], code: str
) -> None:
    (project.root / "bad.png").write_bytes(b"%PDF")
    (project.root / "big.png").write_bytes(png(9000, 10))
    paths = [str(project.root / one) if one.endswith(".png") else one for one in more]
    run = ask(cli, CLAUDE, *paths, expect=4)
    assert f"error[{code}]" in run.err
    assert sent(emulator) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "ask with --prompt"),
        (["--input", "x"], "ask with --prompt"),
        (["--prompt", "x", "--request", "-"], "leave --prompt out"),
        (["--prompt", "x", "--keep-reasoning"], "name its --transcript"),
        (["--prompt", "x", "--extra", "nothing"], "not KEY=VALUE"),
        (["--prompt", "x", "--stream", "--compare", "y"], "leave --compare out"),
        (["--prompt", "x", "--image", "nowhere.png"], "does not exist"),
    ],
)
def test_wrong_usage(cli: Cli, emulator: Emulator, more: list[str], words: str) -> None:
    assert words in ask(cli, CLAUDE, *more, expect=64).err
    assert sent(emulator) == []


@pytest.mark.parametrize("option", ["--tool", "--schema", "--transcript", "--request"])
@pytest.mark.parametrize("content", ["{", "[3]", '"text"'])
def test_files_that_are_not_what_they_should_be(
    cli: Cli, project: Project, emulator: Emulator, option: str, content: str
) -> None:
    path = project.root / "file.json"
    path.write_text(content)
    prompt = [] if option == "--request" else ["--prompt", "x"]
    run = ask(cli, CLAUDE, *prompt, option, path, expect=4)
    assert "error[unusable-file]" in run.err
    assert path.read_text() == content
    assert sent(emulator) == []


@pytest.mark.usefixtures("chat")
def test_a_dry_run_shows_and_sends_nothing(cli: Cli, emulator: Emulator) -> None:
    run = ask(cli, "chat", "--prompt", "It's me", "--entity", "claude", "--dry-run")
    assert "/chat/served-models/claude/invocations" in run.out
    assert "Bearer $DATABRICKS_TOKEN" in run.out
    assert "any-token" not in run.out
    assert "/ml/endpoints/chat" in run.out
    sample = ask(cli, BGE, "--dry-run", "-o", "json").json
    assert sample["body"] == {"input": "ok"}
    assert sent(emulator) == []


# ------------------------------------------------------------ what fails


def test_an_endpoint_that_is_not_there_is_told_with_its_place(cli: Cli, project: Project) -> None:
    project.endpoint("chat", serving(external()))
    project.environment(name_prefix="dev-")
    run = ask(cli, "chat", "--prompt", "x", expect=1)
    assert "cannot ask dev-chat: there is no such endpoint" in run.err
    assert "endpoints/chat.yaml:1:1" in run.err.replace("\n", " ")
    assert "did you mean dev-chat?" in ask(cli, "dev-chap", "--prompt", "x", expect=1).err


def test_the_prefix_is_implied(cli: Cli, project: Project) -> None:
    project.endpoint("chat", serving(external()))
    project.environment(name_prefix="dev-")
    cli.apply()
    for name in ("chat", "dev-chat"):
        assert ask(cli, name, "--prompt", "x", "-o", "json").json["endpoint"] == "dev-chat"


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("client", ["openai", "rest"])
@pytest.mark.parametrize(
    ("fault", "code", "exit_code"),
    [
        ({"status": 401, "error_code": "UNAUTHENTICATED"}, "authentication-failed", 3),
        ({"status": 403, "error_code": "PERMISSION_DENIED"}, "permission-denied", 3),
        ({"status": 429, "error_code": "REQUEST_LIMIT_EXCEEDED"}, "limit-exceeded", 1),
        ({"status": 500, "error_code": "INTERNAL_ERROR"}, "service-unavailable", 1),
        ({"status": 400, "error_code": "BAD_REQUEST"}, "invalid-request", 1),
        ({"drop": True, "effect": "after"}, "answer-lost", 1),
    ],
)
def test_refusals_have_codes_and_nothing_is_sent_twice(
    cli: Cli, emulator: Emulator, client: str, fault: dict[str, Any], code: str, exit_code: int
) -> None:
    emulator.fault("POST", f"{PATH}/.*", **fault)
    run = ask(cli, "chat", "--prompt", "x", "--client", client, expect=exit_code)
    assert f"error[{code}]" in run.err
    assert "Traceback" not in run.err
    assert run.out == ""
    assert len(sent(emulator)) == 1


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("client", ["openai", "rest"])
@pytest.mark.parametrize("how", [[], ["--stream"]])
def test_patience_ends(cli: Cli, emulator: Emulator, client: str, how: list[str]) -> None:
    slow = {"endpoint": "chat", "entity": None, "condition": "slow", "delay_seconds": 2}
    emulator.admin("PUT", "conditions", slow)
    more = ("--prompt", "x", "--timeout", "0.3", "--client", client)
    run = ask(cli, "chat", *more, *how, expect=1)
    emulator.admin("DELETE", "conditions")
    assert "no answer within" in run.err
    assert "raise --timeout" in run.err


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("client", ["openai", "rest"])
def test_a_stream_that_breaks_off_is_no_answer(cli: Cli, emulator: Emulator, client: str) -> None:
    whole = ask(cli, "chat", "--prompt", "Say more than a word.", "--client", client).out
    emulator.admin("PUT", "conditions", {"endpoint": "chat", "condition": "cut_stream"})
    more = ("--prompt", "Say more than a word.", "--client", client, "--stream")
    run = ask(cli, "chat", *more, expect=1)
    emulator.admin("DELETE", "conditions")
    assert "error[answer-lost]" in run.err
    assert 0 < len(run.out.strip()) < len(whole.strip())


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("client", ["openai", "rest"])
def test_secrets_are_not_shown(cli: Cli, emulator: Emulator, client: str) -> None:
    echo = "invalid token any-token of canary"
    emulator.fault("POST", f"{PATH}/.*", status=401, error_code="UNAUTHENTICATED", message=echo)
    run = ask(cli, "chat", "--prompt", "x", "--client", client, expect=3)
    assert "any-token" not in run.out + run.err


@pytest.mark.usefixtures("chat")
@pytest.mark.parametrize("client", ["openai", "rest"])
@pytest.mark.parametrize("line", ["{not json", "5", "[]", "null"])
def test_a_line_of_a_stream_that_is_none(
    cli: Cli, emulator: Emulator, client: str, line: str
) -> None:
    events = f"data: {line}\n\ndata: [DONE]\n\n"
    headers = {"Content-Type": "text/event-stream"}
    emulator.fault("POST", f"{PATH}/.*", body=events, headers=headers)
    run = ask(cli, "chat", "--prompt", "x", "--stream", "--client", client, expect=1)
    assert "error[" in run.err
