"""How the service refuses requests to endpoints.

The wording is the service's where the emulator's README names an observation, else a guess.
"""

from __future__ import annotations

from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.errors import ApiError


def bad_request(message: str) -> ApiError:
    """The request is not one that the endpoint takes."""
    return ApiError(400, "BAD_REQUEST", message)


def unknown_field(name: str) -> ApiError:
    """A field that hosted models do not know, also when it is null (observed, 2026)."""
    return bad_request(f'Bad request: json: unknown field "{name}"')


def stopped() -> ApiError:
    """Observed text, Sep 2026."""
    return bad_request("The given endpoint is stopped, please retry after starting the endpoint.")


def no_details() -> ApiError:
    """The token of a request to a route-optimized endpoint was not made for it (user reports)."""
    text = "Missing authorization details for accessing model serving endpoints"
    return ApiError(401, "UNAUTHENTICATED", text)


def wrong_url(endpoint: str, url: str) -> ApiError:
    """A route-optimized endpoint is only asked at its own URL; the wording is a guess."""
    return bad_request(f"Endpoint '{endpoint}' is route-optimized and must be queried at {url}.")


def not_ready(endpoint: str) -> ApiError:
    """Nothing is deployed yet."""
    return bad_request(f"The given endpoint '{endpoint}' is not ready, please retry later.")


def starting(entity: str) -> ApiError:
    """An entity that was scaled to zero is on its way up."""
    error = ApiError(
        503,
        "TEMPORARILY_UNAVAILABLE",
        f"Served entity '{entity}' was scaled to zero and is starting, please retry later.",
    )
    error.headers = {"Retry-After": "1"}
    return error


def workspace_rate(endpoint: str) -> ApiError:
    """Databricks' own limit for the workspace (observed text, 2026)."""
    text = f"REQUEST_LIMIT_EXCEEDED: Exceeded workspace QPS rate limit for {endpoint}."
    return ApiError(429, "REQUEST_LIMIT_EXCEEDED", text)


def disabled() -> ApiError:
    """The workspace may not use the model at all (observed text, 2026)."""
    text = (
        "PERMISSION_DENIED: The endpoint is temporarily disabled due to a Databricks-set rate "
        "limit of 0."
    )
    return ApiError(403, "PERMISSION_DENIED", text)


def broken(entity: str) -> ApiError:
    """The entity fails by itself."""
    return ApiError(500, "INTERNAL_ERROR", f"Served entity '{entity}' failed to answer.")


def too_large(limit: int) -> ApiError:
    """The body is too big."""
    return ApiError(413, "BAD_REQUEST", f"Request size cannot exceed {limit} bytes.")


class ProviderError(ApiError):
    """An error of the provider, passed on with its status (observed shape, 2025)."""

    def __init__(self, provider: str, status: int, code: str, message: str) -> None:
        super().__init__(status, "", f"Received error from {provider}")
        self._said: dict[str, Any] = {"error": {"code": code, "message": message}}

    def body(self) -> Json:
        """Two fields, and neither is the usual one."""
        return {"error": self.message, "external_model_message": self._said}


def rejected_key(provider: str, key: str) -> ApiError:
    """The provider does not know the key; that its 401 is passed on is a guess.

    OpenAI repeats the key, without its middle. Here it is whole, where the emulator knows it, so
    that a client which passes it on is found out.
    """
    repeated = f": {key}" if key else ""
    return ProviderError(provider, 401, "invalid_api_key", f"Incorrect API key provided{repeated}.")


def provider_rate(provider: str) -> ApiError:
    """The provider's own limit."""
    return ProviderError(provider, 429, "429", "Requests have exceeded the rate limit.")


def provider_down(provider: str) -> ApiError:
    """The provider is out of order."""
    return ProviderError(provider, 503, "service_unavailable", "The server is unavailable.")
