"""Calls of a forge's REST API: bounded repetition, pages, and errors that help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from provisioner import __version__
from provisioner.errors import ForgeBusy, ForgeDenied, ForgeError
from provisioner.redaction import Redactor

Tell: TypeAlias = Callable[[str], None]
"""Takes one line about a wait."""

_TRIES = 5
_LONGEST_WAIT = 30.0
"""Seconds that a server may ask to wait before a repetition."""
_TIMEOUT = (10, 30)
"""Seconds for the connection and between two bytes."""
_BUSY = frozenset({429, 500, 502, 503, 504})
_NO = frozenset({401, 403, 404})
_SAID = 200
"""Characters of a server's message that are passed on."""
_LARGEST = 64 * 1024 * 1024
"""Bytes of a file that is downloaded."""


class _Retry(Retry):
    """Repeats reads and changes that say the whole new value; creations are the caller's."""

    # GitHub answers 403 for its secondary limits, with this header.
    RETRY_AFTER_STATUS_CODES = frozenset({403, 413, 429, 503})

    def get_retry_after(self, response: Any) -> float | None:
        seconds = super().get_retry_after(response)
        return None if seconds is None else min(seconds, _LONGEST_WAIT)

    def increment(self, *arguments: Any, **named: Any) -> Retry:  # type: ignore[override]
        """One try less, and a word to who waits."""
        left = super().increment(*arguments, **named)
        self.tell(f"the forge does not answer as it should; try {_TRIES - int(left.total or 0)}")
        return left

    def tell(self, text: str) -> None:
        """Say what is waited for; without somebody to say it to, to nobody."""


def _telling(told: Tell) -> type[_Retry]:
    """Retries that tell; urllib3 makes a new one for each try, of the same class."""

    class Telling(_Retry):
        def tell(self, text: str) -> None:
            told(text)

    return Telling


class _Bearer(requests.auth.AuthBase):
    """The token, whatever a .netrc says."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Http:
    """One API and one token."""

    def __init__(
        self, api: str, token: str, patience: float, tell: Tell = lambda _text: None
    ) -> None:
        self._api = api
        self._hide = Redactor([token])
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers["User-Agent"] = f"provisioner/{__version__}"
        retry = _telling(tell)(
            total=_TRIES - 1,
            backoff_factor=patience / 60,
            status_forcelist=_BUSY,
            allowed_methods={"GET", "PUT", "PATCH"},
            raise_on_status=False,
        )
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))

    def get(self, path: str, **query: Any) -> Any:
        """The answer of a read."""
        return self._json(self._call("GET", self._api + path, params=query))

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """The answers of a read that comes in pages, one by one."""
        url: str | None = self._api + path
        parameters: Mapping[str, Any] | None = {"per_page": 100, **query}
        while url:
            answer = self._call("GET", url, params=parameters)
            yield self._json(answer)
            # The address of the next page holds the parameters.
            url, parameters = answer.links.get("next", {}).get("url"), None
            if url and not url.startswith(f"{self._api}/"):
                raise ForgeError(f"cannot read {path}: the next page is at another place")

    def change(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """The answer of a change that may be repeated, since it says the whole new value."""
        return self._json(self._call(method, self._api + path, json=body))

    def create(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer of a creation, which is not repeated here.

        Raises:
            ForgeBusy: it is not known to have worked.
        """
        return self._json(self._call("POST", self._api + path, json=body))

    def file(self, path: str) -> bytes:
        """A file, also where the API sends on to; the token stays with the API's host."""
        answer = self._call("GET", self._api + path, stream=True)
        content = b""
        for part in answer.iter_content(1 << 20):
            content += part
            if len(content) > _LARGEST:
                raise ForgeError(f"cannot read {path}: it is larger than {_LARGEST} bytes")
        return content

    def _call(self, method: str, url: str, **how: Any) -> requests.Response:
        what = f"{method} {url.removeprefix(self._api).partition('?')[0]}"
        try:
            answer = self._session.request(method, url, timeout=_TIMEOUT, **how)
        except requests.RequestException as failure:
            reason = type(failure).__name__
            raise ForgeBusy(f"cannot {what}: {self._api} does not answer ({reason})") from None
        if answer.ok:
            return answer
        said = self._said(answer)
        summary = f"cannot {what}: {answer.status_code}{': ' if said else ''}{said}"
        limited = answer.status_code == 403 and "retry-after" in answer.headers
        if answer.status_code in _BUSY or limited:
            raise ForgeBusy(summary, "the forge is busy; run the job again later")
        if answer.status_code in _NO:
            raise ForgeDenied(summary, "see that the token may do this, here and on this object")
        raise ForgeError(summary)

    def _json(self, answer: requests.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise ForgeError(f"{self._api} answered with something that is not JSON") from None

    def _said(self, answer: requests.Response) -> str:
        try:
            body = answer.json()
        except ValueError:
            return ""
        said = (body.get("message") or body.get("error")) if isinstance(body, dict) else None
        return self._hide(str(said or ""))[:_SAID]
