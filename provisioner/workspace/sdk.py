"""The parts of databricks-sdk that this tool needs, without the rest.

``import databricks.sdk`` loads the clients of all services, which costs two
seconds of CPU; its ``core`` alone loads in a fraction of that. A placeholder for
the package lets its submodules be imported one by one, and turns into the real
package as soon as somebody asks it for a name that only the real one has.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType
from typing import Any

_PACKAGE = "databricks.sdk"


def _import_lazily() -> None:
    if _PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader

    def load_on_demand(name: str) -> Any:
        if name.startswith("__") or importlib.util.find_spec(f"{_PACKAGE}.{name}"):
            raise AttributeError(name)  # the import system then imports the submodule
        _become_real(module, loader)
        return getattr(module, name)

    module.__getattr__ = load_on_demand  # type: ignore[method-assign]
    sys.modules[_PACKAGE] = module


def _become_real(module: ModuleType, loader: Any) -> None:
    del module.__getattr__
    loader.exec_module(module)


_import_lazily()

from databricks.sdk import errors as errors  # noqa: E402
from databricks.sdk.clock import Clock as Clock  # noqa: E402
from databricks.sdk.core import ApiClient as ApiClient  # noqa: E402
from databricks.sdk.core import Config as Config  # noqa: E402
from databricks.sdk.credentials_provider import (  # noqa: E402
    OAuthCredentialsProvider as OAuthCredentialsProvider,
)
from databricks.sdk.credentials_provider import (  # noqa: E402
    OauthCredentialsStrategy as OauthCredentialsStrategy,
)
from databricks.sdk.errors.base import DatabricksError as DatabricksError  # noqa: E402
from databricks.sdk.oauth import Token as Token  # noqa: E402
