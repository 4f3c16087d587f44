"""Tokens for route-optimized endpoints, which are asked outside of the workspace."""

from __future__ import annotations

from requests import RequestException

from provisioner.workspace.sdk import Config


class NoQueryToken(Exception):
    """There is no token to ask a route-optimized endpoint with; says why."""


class QueryTokens:
    """Exchanges the caller's OAuth token for those that endpoints take, and keeps them."""

    def __init__(self, config: Config) -> None:
        from databricks.sdk.data_plane import DataPlaneTokenSource

        self._source = DataPlaneTokenSource(str(config.host), config.oauth_token)

    def get(self, authorization: str) -> str:
        """A token for what ``authorization`` asks for, as the endpoint's GET answer words it.

        Raises:
            NoQueryToken: the caller did not sign in with OAuth, or gets none.
        """
        try:
            token = self._source.token("", authorization)  # type: ignore[no-untyped-call]
            return str(token.access_token)
        except (ValueError, NotImplementedError, RequestException) as failure:
            raise NoQueryToken(
                f"no token for a route-optimized endpoint: {_in_words(failure)}"
            ) from failure


def _in_words(failure: Exception) -> str:
    return str(failure) if isinstance(failure, ValueError) else type(failure).__name__
