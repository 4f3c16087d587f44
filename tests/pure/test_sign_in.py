"""One sign-in serves many calls, and not for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from provisioner.workspace.sign_in import kept_for_a_while


def test_headers_are_fetched_once_for_many_threads_and_again_later() -> None:
    now = 0.0
    fetched = 0

    def authenticate() -> dict[str, str]:
        nonlocal fetched
        fetched += 1
        return {"Authorization": f"Bearer {fetched}"}

    headers = kept_for_a_while(authenticate, lambda: now)
    with ThreadPoolExecutor(8) as pool:
        signed = list(pool.map(lambda _: headers()["Authorization"], range(50)))
    assert set(signed) == {"Bearer 1"}
    now = 301.0
    assert headers() == {"Authorization": "Bearer 2"}


def test_what_a_caller_does_to_its_headers_is_its_own() -> None:
    headers = kept_for_a_while(lambda: {"Authorization": "x"})
    headers()["Authorization"] = "changed"
    assert headers() == {"Authorization": "x"}
