"""The lines of a file as people may see them: as they are, with the secrets in them hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import yaml

from provisioner.fields import table
from provisioner.redaction import HIDDEN, SECRETIVE, look_of, without_keys

_REFERENCE = re.compile(r"(?i:\s*\{\{[^{}]*secrets[^{}]*\}\}\s*)|\$\{(?:var\.|env:)[^{}]*\}|")
_WORDS = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"}


def lines_of(raw: bytes) -> list[str]:
    """Every line of a YAML file, without values that are secrets by name or by look."""
    text = raw.decode()
    for start, end in sorted(_secrets(text), reverse=True):
        breaks = "\n" * text.count("\n", start, end)
        text = text[:start] + HIDDEN + breaks + text[end:]
    return [without_keys(line) for line in text.splitlines()]


def _secrets(text: str) -> set[tuple[int, int]]:
    """Where secrets begin and end in a text."""
    try:
        documents = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.YAMLError:
        return set()  # nothing is written into such a file, either
    return {
        (node.start_mark.index, node.end_mark.index)
        for holder, key, node in _scalars(documents)
        if look_of(node.value)
        or (_is_secret_field(holder, key) and not _REFERENCE.fullmatch(node.value))
    }


def _scalars(documents: Sequence[yaml.Node | None]) -> Iterator[tuple[str, str, yaml.Node]]:
    """Every scalar of documents, also keys, with its key and the key above that."""
    waiting = [("", "", document) for document in documents if document]
    seen: set[int] = set()
    for holder, key, node in waiting:
        if isinstance(node, yaml.ScalarNode):
            if node.tag not in _WORDS:
                yield holder, key, node
        elif id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, yaml.MappingNode):
                for name, value in node.value:
                    waiting += [("", "", name), (key, str(name.value), value)]
            else:
                waiting += [(holder, key, item) for item in node.value]


def _is_secret_field(holder: str, key: str) -> bool:
    name = key.removesuffix("_plaintext")
    return name != key or bool(SECRETIVE.search(name)) or (holder, name) in _secret_fields()


@lru_cache(maxsize=1)
def _secret_fields() -> frozenset[tuple[str, str]]:
    """Fields of the API that hold secrets, each with the object that it is in."""
    paths = [path.split(".") for path, field in table().fields.items() if field.secret]
    return frozenset((path[-2], path[-1].removesuffix("_plaintext")) for path in paths)
