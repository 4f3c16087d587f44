"""What is said in a conversation, before it takes the form of an API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.messages import Conversation, read_conversation
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.parameters import ends_of
from provisioner.emulator.inference.reasoning import read_thinking, signature, thoughts
from provisioner.emulator.inference.refusals import bad_request
from provisioner.emulator.inference.replies import Censor, finish, prose
from provisioner.emulator.inference.structured import read_format
from provisioner.emulator.inference.tools import calls_for, read_tools


@dataclass(frozen=True)
class Turn:
    """One of the answers to a conversation."""

    text: str
    finish_reason: str | None
    thought: str = ""
    shows_thought: bool = False
    tool_calls: tuple[Json, ...] = ()

    @property
    def written(self) -> int:
        """Tokens of all that was made, shown or not."""
        arguments = (call["function"]["arguments"] for call in self.tool_calls)
        return sum(map(tokens.count, (self.text, self.thought, *arguments)))

    @property
    def content(self) -> Any:
        """Text, or a list of blocks where the model shows its reasoning."""
        if not self.shows_thought:
            return None if self.tool_calls else self.text
        signed = {"type": "summary_text", "text": self.thought}
        signed["signature"] = signature(self.thought)
        blocks: list[Json] = [{"type": "reasoning", "summary": [signed]}]
        return blocks + ([{"type": "text", "text": self.text}] if self.text else [])


@dataclass(frozen=True)
class Held:
    """A conversation that went on."""

    mark: str
    """The same for the same request."""
    read: int
    """Tokens of the question."""
    turns: tuple[Turn, ...]

    @property
    def written(self) -> int:
        """Tokens of the answers."""
        return sum(turn.written for turn in self.turns)

    @property
    def hidden(self) -> int:
        """Tokens of thoughts that are not shown."""
        return sum(tokens.count(turn.thought) for turn in self.turns if not turn.shows_thought)


def hold(model: Model, body: Json, censor: Censor) -> Held:
    """Go on with a conversation, ``n`` times; raises where the request is refused."""
    talk = read_conversation(model, body.get("messages"), body)
    if model.window is not None and talk.tokens > model.window:
        raise bad_request(
            f"Bad request: the input of {talk.tokens} tokens is longer than the context of "
            f"{model.window} tokens."
        )
    mark = tokens.digest(model.name, {key: body[key] for key in body if key not in _NOT_ASKED})
    number = int(body.get("n", 1))
    turns = tuple(_turn(model, body, talk, mark, index, censor) for index in range(number))
    return Held(mark, talk.tokens, turns)


_NOT_ASKED = {"stream", "stream_options", "client_request_id", "usage_context", "model"}
"""What an answer does not depend on."""


def _turn(
    model: Model, body: Json, talk: Conversation, mark: str, index: int, censor: Censor
) -> Turn:
    limit = body.get("max_tokens", body.get("max_completion_tokens", model.default_max_tokens))
    thinking = read_thinking(model, body)
    tools, written_as = read_tools(model, body), read_format(model, body, talk.asked)
    thought = thoughts(model, thinking, talk.asked, limit)
    shows = bool(thought) and model.shows_reasoning
    calls = calls_for(model, body, tools, talk, tokens.digest(mark, index))
    if calls:
        return Turn("", "tool_calls", thought, shows, calls)
    if written_as is None:
        which = f"{mark[:8]}, answer {index + 1} of {body.get('n', 1)}"
        text = prose(model.name, talk.tokens, talk.asked, which)
    else:
        text = written_as(tokens.digest(mark, index))
    left = None if limit is None else limit - tokens.count(thought)
    done = finish(censor(text), ends_of(body), left)
    return Turn(done.text, done.reason, thought, shows)
