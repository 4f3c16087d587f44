"""Hold a tree against a model; every deviation becomes a problem with its place.

No message repeats a value: it could be a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from provisioner.errors import Problem, Where, did_you_mean, error, fixable, removable
from provisioner.redaction import is_mask
from provisioner.spec.tree import Node, Path, document_path

Model = TypeVar("Model", bound=BaseModel)

_TYPES = {
    "string_type": ("text", "put it in quotes"),
    "int_type": ("a whole number", ""),
    "int_from_float": ("a whole number", ""),
    "float_type": ("a number", ""),
    "bool_type": ("true or false", "yes, no, on, off and quoted words are text"),
    "tuple_type": ("a list", "start each item with `- `"),
    "dict_type": ("a map", "write `key: value` lines"),
    "model_type": ("a map", "write `key: value` lines"),
}
_HINTS = {
    "secret-literal": "write {{secrets/SCOPE/KEY}}; in a field that ends in _plaintext"
    " write ${env:NAME}; a value must not stand in a file",
    "version-not-text": "put the version in quotes",
    "secret-source": "write ${env:NAME}, {file: PATH} or {command: [PROGRAM, ARGUMENT]};"
    " a value must not stand in a file",
}
_BAD_VALUES = {
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "finite_number": "must be a finite number",
    "string_pattern_mismatch": "must match {pattern}",
}
_SPACED = re.compile(r"\s*\{\{\s*secrets\s*/\s*([^/{}\s]+)\s*/\s*([^/{}\s]+)\s*\}\}\s*")
"""A reference with blanks, which is no secret itself."""
_API_NAMES = {
    "permission_level": "level",
    "user_name": "user",
    "group_name": "group",
    "service_principal_name": "service_principal",
}
"""What the permissions API calls the keys of a row."""


class Fault(NamedTuple):
    """One value that does not fit."""

    path: Path
    kind: Literal["unknown", "missing", "wrong"]
    homes: tuple[Path, ...] = ()
    """Where an unknown key may belong, from the root; an empty path stands for nowhere."""


@dataclass(frozen=True)
class Rejected:
    """What is wrong with a tree that does not fit its model."""

    problems: tuple[Problem, ...]
    faults: tuple[Fault, ...]


def check(model: type[Model], tree: Node) -> Model | Rejected:
    """The model of a tree, or everything that is wrong with it."""
    try:
        return model.model_validate(tree.plain())
    except ValidationError as invalid:
        details = invalid.errors(include_url=False)
    short = {(key,) for key in getattr(model, "short_keys", ())}
    found = [_deviation(model, tree, detail) for detail in details if detail["loc"] not in short]
    meant = {_keys(home) for _, fault in found for home in fault.homes}
    problems, faults = zip(
        *(
            (problem, fault)
            for problem, fault in found
            # What is only mistyped, or stands in another place, is not missing.
            if fault.kind != "missing" or _keys(fault.path) not in meant
        ),
        strict=True,
    )
    return Rejected(problems, faults)


def _keys(path: Path) -> Path:
    return tuple(step for step in path if isinstance(step, str))


def _deviation(model: type[BaseModel], tree: Node, detail: ErrorDetails) -> tuple[Problem, Fault]:
    loc = detail["loc"]
    if detail["type"] == "extra_forbidden":
        return _unknown_key(model, tree, loc)
    if detail["type"] == "missing":
        parent, holder = document_path(tree, loc[:-1])
        summary = f"{parent}: `{loc[-1]}` is missing" if parent else f"`{loc[-1]}` is missing"
        return error("missing-key", summary, where=holder.where), Fault(loc, "missing")
    return _wrong_value(tree, detail), Fault(loc, "wrong")


def _wrong_value(tree: Node, detail: ErrorDetails) -> Problem:
    kind = detail["type"]
    path, node = document_path(tree, detail["loc"])
    subject = f"{path}: " if path else ""
    context = detail.get("ctx", {})
    if kind in _TYPES:
        wanted, hint = _TYPES[kind]
        summary = f"{subject}must be {wanted}, not {_word(detail['input'])}"
        if kind == "string_type" and isinstance(detail["input"], list | tuple | dict):
            hint = "write a single value there"
        if not hint and isinstance(detail["input"], str):
            hint = "write digits, without quotes"
        return error("wrong-type", summary, hint, node.where)
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(context["expected"]))
        written = str(detail["input"])
        right = next((word for word in allowed if word.lower() == written.lower()), "")
        hint = f"did you mean `{right}`?" if right else _nearest(written, allowed)
        problem = error("bad-value", f"{subject}this value is not allowed here", hint, node.where)
        return fixable(problem, written, right) if right else problem
    if kind in _BAD_VALUES:
        summary = subject + _BAD_VALUES[kind].format_map(context)
        return error("bad-value", summary, where=node.where)
    if kind == "secret-literal":
        return _no_reference(subject, detail, node.where)
    return error(kind, subject + detail["msg"], _HINTS.get(kind, ""), node.where)


def _no_reference(subject: str, detail: ErrorDetails, where: Where) -> Problem:
    text = str(detail["input"])
    spaced = _SPACED.fullmatch(text) if detail["msg"].startswith("must refer") else None
    if spaced:
        right = f"{{{{secrets/{spaced[1]}/{spaced[2]}}}}}"
        problem = error(
            "secret-literal", f"{subject}has blanks in a reference", f"write {right}", where
        )
        return fixable(problem, text, right)
    if is_mask("secret", text):
        said = f"{subject}is a mask or a placeholder: it {detail['msg'].partition(',')[0]}"
        return error("secret-literal", said, _HINTS["secret-literal"], where)
    return error("secret-literal", subject + detail["msg"], _HINTS["secret-literal"], where)


def _unknown_key(model: type[BaseModel], tree: Node, loc: Path) -> tuple[Problem, Fault]:
    key = str(loc[-1])
    parent, holder = document_path(tree, loc[:-1])
    where = holder.key_place(key)
    owner = _model_at(model, loc[:-1])
    home = _home(model, key)
    if key in _set_by_the_service(owner):
        place = f"{parent}: " if parent else ""
        hint = "the service sets it: remove it"
        problem = error("unknown-key", f"{place}`{key}` cannot be written here", hint, where)
        return removable(problem, key), Fault(loc, "unknown")
    summary = f"{parent}: unknown key `{key}`" if parent else f"unknown key `{key}`"
    if home:
        problem = error("unknown-key", summary, f"its place is `{home}`", where)
        return problem, Fault(loc, "unknown", (tuple(home.split(".")), ()))
    known = sorted({*owner.model_fields, *getattr(owner, "short_keys", ())}) if owner else []
    ours = _API_NAMES.get(key, "")
    meant = ours if ours in known else _surely(key, known)
    hint = f"did you mean `{meant}`?" if meant else _nearest(key, known)
    problem = error("unknown-key", summary, hint, where)
    # A name that is only implied has the place of what it names.
    written = {name for name, child in holder.entries.items() if child.where != holder.where}
    free = [name for name in known if name not in written]
    if meant in free:
        return fixable(problem, key, meant), Fault(loc, "unknown", ((*loc[:-1], meant),))
    homes = [(*loc[:-1], name) for name in _close(key, free, 0.6)]
    return problem, Fault(loc, "unknown", (*homes, ()))


def _set_by_the_service(owner: type[BaseModel] | None) -> frozenset[str]:
    """What answers hold beside the fields of a class."""
    from provisioner.fields import table  # only mistakes need it

    return table().output_only.get(getattr(owner, "part_of_answers", ""), frozenset())


def _close(word: str, known: list[str], likeness: float) -> list[str]:
    from difflib import get_close_matches  # only mistakes need it

    return get_close_matches(word, known, n=2, cutoff=likeness)


def _surely(word: str, known: list[str]) -> str:
    """The only name that a word differs from by a slip of the hand; else empty."""
    close = _close(word, known, 0.85)
    return close[0] if len(close) == 1 else ""


def _home(model: type[BaseModel], key: str, path: str = "") -> str:
    """The path at which a key is known; empty when it is known nowhere."""
    if key in model.model_fields and path:
        return f"{path}.{key}"
    for name, field in model.model_fields.items():
        for below in _models_in(field.annotation):
            if found := _home(below, key, f"{path}.{name}" if path else name):
                return found
    return ""


def _nearest(word: str, known: list[str]) -> str:
    """A hint with the nearest match, or else with everything that is possible."""
    return did_you_mean(word, known, f"known here: {', '.join(known)}")


def _word(value: Any) -> str:
    """The kind of a value, in the words of a person who writes YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number" if isinstance(value, int) else "a number with a fraction"
    if isinstance(value, str):
        return "text"
    return "a map" if isinstance(value, Mapping) else "a list"


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The class of the object at a path of keys and indices."""
    found: type[BaseModel] | None = model
    named = False
    for step in loc:
        if named:
            named = False  # a name that a person chose
        elif isinstance(step, str) and found:
            field = found.model_fields.get(step)
            named = field is not None and get_origin(field.annotation) is dict
            found = next(_models_in(field.annotation), None) if field else None
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
