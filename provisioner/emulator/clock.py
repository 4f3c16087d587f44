"""What time it is in the emulated workspace.

The virtual modes begin at a fixed epoch and move one millisecond with each mutating request, so
that the same requests give the same workspace, byte for byte.
"""

from __future__ import annotations

import time
from typing import Any, Literal, get_args

Mode = Literal["real", "instant", "manual"]
MODES: tuple[str, ...] = get_args(Mode)

EPOCH_MS = 1_750_000_000_000  # 2025-06-15T15:06:40Z, for no other reason than being round

SECONDS: dict[Mode, dict[str, float]] = {
    # Shortened: nobody waits for a demonstration. The service takes minutes.
    "real": {"external": 0.6, "custom": 2.0, "tokens_per_second": 2.0, "model_units": 0.0},
    "instant": {"external": 0.0, "custom": 0.0, "tokens_per_second": 0.0, "model_units": 0.0},
    # Reported durations: seconds for external models, 5-15 minutes for custom models on CPU,
    # longer for provisioned throughput. Model units are documented as instantaneous
    # (databricks-sdk 0.156 docstring).
    "manual": {"external": 5.0, "custom": 600.0, "tokens_per_second": 900.0, "model_units": 0.0},
}
"""How long a deployment takes by the kind of its entities."""


def now_ms(mode: Mode, workspace: dict[str, Any]) -> int:
    """The time in milliseconds since 1970."""
    return int(time.time() * 1000) if mode == "real" else int(workspace["now_ms"])


def tick(mode: Mode, workspace: dict[str, Any]) -> None:
    """Let time pass for a mutating request.

    The real time is stored as well: it is where a virtual clock continues on the same file.
    """
    later = int(workspace["now_ms"]) + 1
    workspace["now_ms"] = max(later, int(time.time() * 1000)) if mode == "real" else later
