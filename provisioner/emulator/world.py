"""One emulated workspace with everything that makes it behave: data, clock, rules, counters."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field

from provisioner.emulator.answers import Json
from provisioner.emulator.builds import Builds
from provisioner.emulator.clock import Mode, now_ms
from provisioner.emulator.conditions import Conditions
from provisioner.emulator.faults import Faults
from provisioner.emulator.inference.ledger import Ledger
from provisioner.emulator.state import Store


@dataclass
class World:
    """Only ``store`` is kept across restarts; the rest belongs to the process."""

    store: Store
    mode: Mode
    faults: Faults = field(default_factory=Faults)
    builds: Builds = field(default_factory=Builds)
    conditions: Conditions = field(default_factory=Conditions)
    ledger: Ledger = field(default_factory=Ledger)
    requests: list[Json] = field(default_factory=list)
    """What the workspace was asked, in order of arrival."""

    def now_ms(self) -> int:
        """The time in the workspace."""
        return now_ms(self.mode, self.store.workspace)

    def new_number(self) -> int:
        """A number that this workspace has not used yet."""
        self.store.workspace["counter"] += 1
        return int(self.store.workspace["counter"])

    def new_id(self) -> str:
        """32 hex digits; random with the real clock, else repeatable."""
        number = self.new_number()
        if self.mode == "real":
            return uuid.uuid4().hex
        return hashlib.sha256(f"id {number}".encode()).hexdigest()[:32]

    def reset(self) -> None:
        """Back to the start, rules and recordings included."""
        self.store.reset()
        self.faults, self.builds, self.requests = Faults(), Builds(), []
        self.conditions, self.ledger = Conditions(), Ledger()
        self.store.save()
