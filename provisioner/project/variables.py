"""Interpolation: ``${var.NAME}`` anywhere, ``${env:NAME}`` for secret values only."""

from __future__ import annotations

import re
from operator import is_

from provisioner.errors import Problem, Where, did_you_mean, error
from provisioner.spec import MAX_DEPTH, Node

MAX_SIZE = 50_000
"""Values and characters that the variables of one document may bring in."""

_ENV_ALONE = "`${env:NAME}` may only be the whole value of a field that ends in _plaintext"
_TOKEN = re.compile(r"\$\$\{|\$\{var\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)\}|(?P<env>\$\{env:)|\$\{")
_WHOLE = re.compile(r"\$\{var\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)\}")
_FREE_NAMES = {"tags", "environment_vars"}
_FROM_ENVIRONMENT = re.compile(r"\$\{env:[A-Za-z_][A-Za-z0-9_]*\}")


class Variables:
    """The variables of one environment, each resolved once."""

    def __init__(self, written: Node | None) -> None:
        self.problems: list[Problem] = []
        """What is wrong with the definitions and with every use so far."""
        self.unusable: set[Where] = set()
        """Places of texts that stay as written because of a problem."""
        self._written = written.entries if written else {}
        self._resolved: dict[str, Node | None] = {}
        self._resolving: list[str] = []
        self._budget = MAX_SIZE
        self._depth = 0
        for name in self._written:
            self._value(name, self._written[name].where)

    def fill(self, node: Node) -> Node:
        """The same tree with every variable replaced; wrong uses stay as written.

        A replaced value is placed where it is used. The problems are collected.
        """
        self._budget = MAX_SIZE
        return self._fill(node, "")

    def _fill(self, node: Node, key: str) -> Node:
        value = node.value
        if isinstance(value, str):
            return self._text(node, value, key) if "${" in value else node
        self._depth += 1
        if isinstance(value, dict):
            # Tags and variables of models have names of somebody's own, and are no secrets.
            free = key in _FREE_NAMES
            filled = {
                name: self._fill(child, "" if free else name) for name, child in value.items()
            }
            if not all(map(is_, filled.values(), value.values())):
                node = Node(filled, node.where, node.keys)
        elif isinstance(value, tuple):
            items = tuple(self._fill(child, key) for child in value)
            if not all(map(is_, items, value)):
                node = Node(items, node.where)
        self._depth -= 1
        return node

    def _text(self, node: Node, text: str, key: str) -> Node:
        is_secret = key.endswith("_plaintext")
        if is_secret and _FROM_ENVIRONMENT.fullmatch(text):
            return node
        result = self._replaced(text, node.where)
        if result is None:
            self.unusable.add(node.where)
            return node
        literal = isinstance(result.value, str) and _FROM_ENVIRONMENT.fullmatch(result.value)
        # Only written out does it name an environment variable; a text that merely comes to
        # look like that would be a secret in a file, which the models refuse.
        return node if is_secret and literal else result

    def _replaced(self, text: str, where: Where) -> Node | None:
        if whole := _WHOLE.fullmatch(text):
            found = self._value(whole["name"], where)
            return found.moved(where) if found and self._afford(found, where) else None
        joined = self._joined(text, where)
        return None if joined is None else Node(joined, where)

    def _joined(self, text: str, where: Where) -> str | None:
        """A text with every token replaced; None when one of them is wrong."""
        parts: list[str | None] = []
        end = 0
        for token in _TOKEN.finditer(text):
            parts += [text[end : token.start()], self._part(token, where)]
            end = token.end()
        known = [part for part in parts if part is not None]
        return "".join([*known, text[end:]]) if len(known) == len(parts) else None

    def _part(self, token: re.Match[str], where: Where) -> str | None:
        """What stands in a text for one token; None when it is wrong."""
        if token[0] == "$${":
            return "${"
        if token["name"]:
            found = self._value(token["name"], where)
            return self._word(token["name"], found, where) if found else None
        if token["env"]:
            self._fail("env-not-allowed", _ENV_ALONE, "use `${var.NAME}` for other things", where)
        else:
            hint = "write `$${` for the two characters themselves"
            self._fail("bad-interpolation", "`${` must begin `${var.NAME}`", hint, where)
        return None

    def _word(self, name: str, found: Node, where: Where) -> str | None:
        """A variable's value as a part of a text; None when it cannot be one."""
        value = found.value
        if value is None or isinstance(value, (dict, tuple)):
            kind = "null" if value is None else "a map" if found.entries else "a list"
            summary = f"`{name}` is {kind} and cannot be part of a text"
            self._fail("bad-interpolation", summary, "text, numbers and booleans can", where)
            return None
        if not self._afford(found, where):
            return None
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _value(self, name: str, where: Where) -> Node | None:
        """The resolved variable; None when it cannot be had, which is then a problem."""
        if name in self._resolved:
            return self._resolved[name]
        if name not in self._written:
            known = ", ".join(sorted(self._written)) or "none"
            hint = did_you_mean(name, self._written, f"defined here: {known}")
            self._fail("unknown-variable", f"there is no variable `{name}`", hint, where)
            return None
        if name in self._resolving:
            chain = " -> ".join([*self._resolving[self._resolving.index(name) :], name])
            self._fail("variable-cycle", f"variables use each other: {chain}", "", where)
            return None
        if self._depth >= MAX_DEPTH:
            self._fail("too-deep", f"variables nest more than {MAX_DEPTH} levels", "", where)
            return None
        return self._resolve(name)

    def _resolve(self, name: str) -> Node | None:
        before, self._budget = self._budget, MAX_SIZE
        self._resolving.append(name)
        self._depth += 1
        count = len(self.problems)
        node: Node | None = self._fill(self._written[name], "")
        self._resolving.pop()
        self._depth -= 1
        self._budget = before
        if len(self.problems) > count:
            node = None
        self._resolved[name] = node
        return node

    def _afford(self, node: Node, where: Where) -> bool:
        size, depth = _measure(node)
        self._budget -= size
        if self._budget < 0:
            self._fail("too-large", "variables make this too large", "", where)
        elif depth > MAX_DEPTH:
            self._fail("too-deep", f"variables nest more than {MAX_DEPTH} levels", "", where)
        return self._budget >= 0 and depth <= MAX_DEPTH

    def _fail(self, code: str, summary: str, hint: str, where: Where) -> None:
        self.problems.append(error(code, summary, hint, where))


def _measure(node: Node) -> tuple[int, int]:
    """How much a tree holds, in values and characters, and how deep it is."""
    size, depth = 1 + (len(node.value) if isinstance(node.value, str) else 0), 0
    for child in node.value.values() if isinstance(node.value, dict) else node.items:
        below, levels = _measure(child)
        size, depth = size + below, max(depth, levels + 1)
    return size, depth
