"""Models of one's own, in the forms of MLflow's scoring server, and feature specs."""

from __future__ import annotations

import random
from typing import Any

from provisioner.emulator.answers import Json
from provisioner.emulator.inference import tokens
from provisioner.emulator.inference.models import Model
from provisioner.emulator.inference.refusals import bad_request
from provisioner.emulator.inference.replies import Reply

FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_LABELS = {"client_request_id", "usage_context", "params", "databricks_options"}


def reply(model: Model, sent: Json) -> Reply:
    """One prediction a row: a number that depends on the row alone."""
    body = {key: value for key, value in sent.items() if value is not None}
    given = [form for form in FORMS if form in body]
    if len(given) != 1 or set(body) - {*given, *_LABELS}:
        raise bad_request(
            "The input must be a JSON dictionary with exactly one of the input fields "
            f"{sorted(FORMS)}. Received dictionary with input fields: {sorted(body)}."
        )
    rows = _rows(given[0], body[given[0]])
    key = "outputs" if model.task == "features" else "predictions"
    return Reply({key: [_prediction(model, row) for row in rows]})


def _rows(form: str, value: Any) -> list[Any]:
    match form:
        case "dataframe_split":
            return _split_rows(value)
        case "dataframe_records":
            if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
                raise bad_request("dataframe_records must be a list of records.")
            return value
        case "instances":
            if not isinstance(value, list):
                raise bad_request("instances must be a list of rows.")
            return value
    if isinstance(value, dict):  # named tensors: as many rows as the longest has
        columns = [column if isinstance(column, list) else [column] for column in value.values()]
        return [list(row) for row in zip(*columns, strict=False)]
    return value if isinstance(value, list) else [value]


def _split_rows(value: Any) -> list[Any]:
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise bad_request("dataframe_split must have columns and data.")
    columns = value.get("columns")
    if not isinstance(columns, list | None):
        raise bad_request("dataframe_split: columns must be a list.")
    for row in value["data"]:
        if not isinstance(row, list) or (columns is not None and len(row) != len(columns)):
            width = "columns" if columns is None else f"{len(columns)} columns"
            raise bad_request(f"dataframe_split: every row of data must fit the {width}.")
    return list(value["data"])


def _prediction(model: Model, row: Any) -> float:
    dice = random.Random(tokens.digest(model.name, row))  # noqa: S311 - repeatable
    return round(dice.random(), 6)
