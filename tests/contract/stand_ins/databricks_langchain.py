"""In place of databricks-langchain, whose 190 packages weigh too much for these checks.

Same names and arguments over langchain-openai, which makes the same requests.
"""

from __future__ import annotations

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
        body = {"max_tokens": max_tokens, **(extra_params or {})}
        super().__init__(model=endpoint, extra_body=body, **_place())


class DatabricksEmbeddings(OpenAIEmbeddings):
    def __init__(self, *, endpoint: str) -> None:
        # The check of lengths would load a tokenizer from the net.
        super().__init__(model=endpoint, check_embedding_ctx_length=False, **_place())
