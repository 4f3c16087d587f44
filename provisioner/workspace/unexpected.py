"""Answers that are none of the API's: web pages, what is no JSON, what has another shape."""

from __future__ import annotations

import html
import re
from typing import Any

from requests import JSONDecodeError, RequestException, Response

from provisioner.wire.shapes import misfit
from provisioner.workspace.sdk import ApiClient

PAGE_HINT = "look at the address in `workspace.host`, the proxy and the VPN"
_BUSY = frozenset({429, 503})
"""What the SDK repeats, whatever it is written in."""
_LONGEST = 500
"""Characters of somebody's words that are repeated."""
_SAYS = re.compile(r"<(?:title|pre)[^>]*>(.*?)</", re.DOTALL | re.IGNORECASE)


class NotTheApi(RequestException):
    """An answer that nothing can be read from; ``refused`` = its status says so, too."""

    def __init__(self, text: str, hint: str = "", *, refused: bool = False) -> None:
        super().__init__(text)
        self.hint = hint
        self.refused = refused


def refuse_pages(client: ApiClient) -> None:
    """Raise `NotTheApi` for web pages, whatever their status: the SDK looks into them."""

    def answered(response: Response, *_: Any, **__: Any) -> None:
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        status = response.status_code
        if is_page and not response.is_redirect and status not in _BUSY:
            raise NotTheApi(_page(response.text), PAGE_HINT, refused=400 <= status < 500)

    # The SDK shows its answers nowhere else (0.156, _base_client.py).
    session = client._api_client._session  # noqa: SLF001
    session.hooks["response"].append(answered)


def checked(client: ApiClient, method: str, path: str, **more: Any) -> Any:
    """The answer to one call of the SDK, of a shape that can be read.

    Raises:
        NotTheApi: it is another one.
    """
    try:
        answer: Any = client.do(method, path, **more)
    except JSONDecodeError as failure:
        raise NotTheApi(_no_json(str(failure.doc or ""))) from failure
    except (TypeError, RecursionError) as failure:
        # The SDK (0.156) lays every answer but a list over an object, unseen.
        raise NotTheApi(_unexpected(method, path, "an object is expected")) from failure
    if not more.get("raw") and (problem := misfit(method, path, answer)):
        raise NotTheApi(_unexpected(method, path, problem))
    return answer


def shortened(text: str) -> str:
    """Somebody's words in a length that can be read, and how much was left out."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]} ... ({len(text) - _LONGEST} more characters)"


def _unexpected(method: str, path: str, problem: str) -> str:
    return f"the answer to {method} {path.partition('?')[0]} cannot be read: {problem}"


def _page(text: str) -> str:
    found = _SAYS.search(text)
    says = " ".join(html.unescape(found.group(1)).split()) if found else ""
    named = f" (`{shortened(says)}`)" if says else ""
    return f"the answer is a web page{named}, not the API: a proxy or a login stands between"


def _no_json(text: str) -> str:
    if text.lstrip().startswith("<"):
        return _page(text)
    begins = " ".join(text.split())
    return f"the answer is no JSON: `{shortened(begins)}`"
