"""Edits of a project on trial: in memory, each made on what the one before left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.importing.accepting import Act, Edit
from provisioner.project import Project, open_project
from provisioner.project.layers import Layer
from provisioner.project.rewrite import CannotRewrite, kind_at, with_entry, with_value, without
from provisioner.spec import Reached

_ENTITY = re.compile(r"config\.served_entities\[[^\]]*\]")
_REPEATS = 20
"""How often one thing may be taken out: once for every file that says it."""


@dataclass
class Attempt:
    """Edits on their way, each made on what the one before left."""

    root: Path
    environment: str
    name: str
    texts: dict[str, bytes]
    project: Project

    def make(self, edit: Edit) -> None:
        """Make one edit, in the file that decides."""
        if edit.act is Act.REMOVE:
            self._remove(edit)
        elif edit.act is Act.ADD:
            self._add(edit)
        else:
            self._name_first(edit.path)
            layer, reached = self._decides(edit.path)
            self._write(layer, with_value(self._raw(layer), reached.node.where, edit.value))

    def _saying(self, path: str) -> Iterator[tuple[Layer, Reached]]:
        """The files that say something at a path, the one that decides first."""
        for layer in self.project.layers(self.environment, self.name):
            if reached := layer.reach(path):
                yield layer, reached

    def _decides(self, path: str) -> tuple[Layer, Reached]:
        for found in self._saying(path):
            return found
        raise CannotRewrite("no line of a file says it")

    def _remove(self, edit: Edit) -> None:
        for _ in range(_REPEATS):
            found = next(self._saying(edit.path), None)
            if found is None:
                return
            layer, reached = found
            raw = without(self._raw(layer), reached.place, member=reached.is_member)
            self._write(layer, raw)
        raise CannotRewrite("it is said in too many places")

    def _add(self, edit: Edit) -> None:
        layer, reached = self._decides(edit.holder)
        raw, node = self._raw(layer), reached.node
        if edit.holder == "permissions":
            node = node.get("rows") or node
        value = _in_form(edit, kind_at(raw, node.where))
        self._write(layer, with_entry(raw, node.where, edit.key, value))

    def _name_first(self, path: str) -> None:
        """Write down the name of a served entity that is made of what changes."""
        found = _ENTITY.match(path)
        if found is None:
            return
        for layer, entity in list(self._saying(found[0])):
            name = layer.reach(f"{found[0]}.name")
            if name and entity.node.where == name.node.where:
                raw = with_entry(self._raw(layer), entity.node.where, "name", name.node.plain())
                self._write(layer, raw)

    def _raw(self, layer: Layer) -> bytes:
        known = self.texts.get(layer.file)
        return (self.root / layer.file).read_bytes() if known is None else known

    def _write(self, layer: Layer, raw: bytes) -> None:
        self.texts[layer.file] = raw
        self.project = open_project(self.root, self.texts)


def _in_form(edit: Edit, kind: str) -> Any:
    """What is added, in the form that the file uses: a map by name or a list of items."""
    if edit.holder == "config.traffic_config.routes" and kind == "map":
        return edit.value["traffic_percentage"]
    if edit.holder == "tags" and kind == "list":
        return {"key": edit.key, "value": edit.value}
    return edit.value
