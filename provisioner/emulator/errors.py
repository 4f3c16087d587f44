"""Errors of the emulated workspace, in the service's wire form.

``{"error_code": ..., "message": ...}``; clients of the real service choose an exception by
``error_code`` first and HTTP status second (databricks-sdk 0.156, errors/mapper).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class StateUnusable(ValueError):
    """The state file cannot be read; the message says what to do about it."""


class ApiError(Exception):
    """Refuses a request; handlers raise it before they change anything."""

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message
        self.headers: Mapping[str, str] = {}

    def body(self) -> dict[str, Any]:
        """What the answer says."""
        return {"error_code": self.error_code, "message": self.message}


def invalid(message: str) -> ApiError:
    """The content of the request is refused."""
    return ApiError(400, "INVALID_PARAMETER_VALUE", message)


def missing(message: str) -> ApiError:
    """The object does not exist."""
    return ApiError(404, "RESOURCE_DOES_NOT_EXIST", message)


def exists(message: str) -> ApiError:
    """The name is taken (status 409; some clients report 400, confidence medium)."""
    return ApiError(409, "RESOURCE_ALREADY_EXISTS", message)


def conflict(message: str) -> ApiError:
    """Another update is in progress."""
    return ApiError(409, "RESOURCE_CONFLICT", message)


def denied(message: str) -> ApiError:
    """The caller lacks a right."""
    return ApiError(403, "PERMISSION_DENIED", message)


def unauthenticated() -> ApiError:
    """There is no usable token."""
    return ApiError(401, "UNAUTHENTICATED", "Credential was not sent or was of an unsupported type")
