"""In place of databricks-langchain, whose 190 packages weigh too much for these checks.

Same names and arguments over langchain-openai, which makes the same requests.
"""

from __future__ import annotations

import json
import os
from typing import Any

from langchain_openai import ChatOpenAI, OpenAIEmbeddings


def _place() -> dict[str, Any]:
    return {
        "base_url": os.environ["DATABRICKS_HOST"] + "/serving-endpoints",
        "api_key": os.environ["DATABRICKS_TOKEN"],
    }


class ChatDatabricks(ChatOpenAI):
    def __init__(self, *, endpoint: str, max_tokens: int, extra_params: Any = None) -> None:
        # ChatOpenAI would call it max_completion_tokens, which the service does not know.
        more = dict(extra_params or {})
        body = {"max_tokens": max_tokens, **more.pop("extra_body", {})}
        super().__init__(model=endpoint, extra_body=body, **more, **_place())

    def invoke(self, *args: Any, **more: Any) -> Any:
        answer = super().invoke(*args, **more)
        if not isinstance(answer.content, str):  # the real one makes a text of blocks
            answer.content = json.dumps(answer.content)
        return answer


class DatabricksEmbeddings(OpenAIEmbeddings):
    def __init__(self, *, endpoint: str) -> None:
        # The check of lengths would load a tokenizer from the net.
        super().__init__(model=endpoint, check_embedding_ctx_length=False, **_place())
