"""Values that may have been meant where a model got a wrong one, or none."""

from __future__ import annotations

from collections.abc import Iterator
from operator import getitem
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from provisioner.spec.tree import Path

_TRUTH = {
    **dict.fromkeys(("true", "yes", "on", "y"), True),
    **dict.fromkeys(("false", "no", "off", "n"), False),
}
_TEXTS = ("unknown-1", "unknown-2")


def kind_at(model: type[BaseModel], path: Path) -> Any:
    """The annotation of the value at a path of keys and indices; Any where nothing is known."""
    kind: Any = model
    for step in path:
        kind = _bare(kind)
        if _is_model(kind):
            field = kind.model_fields.get(str(step))
            about = tuple(field.metadata) if field else ()
            kind = field.annotation if field else Any
            kind = getitem(Annotated, (kind, *about)) if about else kind
        else:
            inside = get_args(kind)
            kind = inside[1 if get_origin(kind) is dict else 0] if inside else Any
    return kind


def is_container(kind: Any) -> bool:
    """Whether a value is a map or a list."""
    kind = _bare(kind)
    return _is_model(kind) or kind is dict or get_origin(kind) in (tuple, dict)


def guesses(kind: Any, written: Any = None, names: tuple[str, ...] = ()) -> tuple[Any, ...]:
    """Plain values that fit an annotation, at least one.

    Only one where what was written leaves no doubt; otherwise so many that nothing which
    depends on the value is the same for all. ``names`` are texts that may be meant.
    """
    if get_origin(kind) in (Union, UnionType):
        members = (one for one in get_args(kind) if one is not type(None))
        return tuple(value for one in members for value in guesses(one, written, names))
    about: list[Any] = []
    if get_origin(kind) is Annotated:
        kind, *about = get_args(kind)
        if get_origin(kind) in (Union, UnionType):
            return guesses(kind, written, names)
        for said in about:
            shown = (said.json_schema or {}) if isinstance(said, WithJsonSchema) else {}
            if values := shown.get("enum") or shown.get("examples"):
                return _nearest(tuple(values), written)
    if get_origin(kind) is Literal:
        return _nearest(get_args(kind), written)
    if _is_model(kind):
        return tuple(_objects(kind, names))
    if kind in (int, float):
        return _numbers(kind, written, dict(_bounds(about)))
    return _others(kind, written, names)


def _others(kind: Any, written: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    if kind is bool:
        meant = _TRUTH.get(str(written).lower())
        return (True, False) if meant is None else (meant,)
    if kind is str:
        is_number = isinstance(written, (int, float)) and not isinstance(written, bool)
        return (str(written),) if is_number else (*_TEXTS, *names)
    if get_origin(kind) is tuple:
        return [], [guesses(get_args(kind)[0])[0]], _whole(kind)
    return ({},) if is_container(kind) else _TEXTS


def _nearest(values: tuple[Any, ...], written: Any) -> tuple[Any, ...]:
    same = tuple(value for value in values if str(value).lower() == str(written).lower())
    return same or values


def _numbers(kind: type, written: Any, bounds: dict[str, float]) -> tuple[Any, ...]:
    low, high = bounds.get("ge", 0), bounds.get("le")
    if isinstance(written, str):
        try:
            meant = kind(written)
        except ValueError:
            meant = None
        if meant is not None and low <= meant and (high is None or meant <= high):
            return (meant,)
    least = low or (0 if high == 1 else 1)
    return kind(least), kind(least + 1000 if high is None else high)


def _bounds(about: list[Any]) -> Iterator[tuple[str, float]]:
    for said in about:
        if isinstance(said, FieldInfo):
            yield from _bounds(said.metadata)
        for name in ("ge", "le"):
            if hasattr(said, name):
                yield name, getattr(said, name)


def _objects(model: type[BaseModel], names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Objects of what is required, with other values each, and one with everything."""
    required = {
        name: guesses(kind_at(model, (name,)), None, names)
        for name, field in model.model_fields.items()
        if field.is_required()
    }
    for index in range(max(map(len, required.values()), default=1)):
        yield {name: values[index % len(values)] for name, values in required.items()}
    yield _whole(model)


def _whole(kind: Any) -> Any:
    """A value with everything that may be in it."""
    bare = _bare(kind)
    if get_origin(bare) is tuple:
        return [_whole(get_args(bare)[0])] * 2
    if not _is_model(bare):
        return guesses(kind)[0]
    names = (name for name in bare.model_fields if name != "api_extra")
    return {name: _whole(kind_at(bare, (name,))) for name in names}


def _bare(kind: Any) -> Any:
    """An annotation without what is said about it, and without null."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _bare(next(one for one in get_args(kind) if one is not type(None)))
    return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
