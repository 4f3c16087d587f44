"""The record: what was applied last, by endpoint.

One JSON document per environment. It is a memory and never a condition: without
it plans are made all the same, they only cannot tell who moved. It holds
references, placeholders and digests, never a secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from provisioner import __version__
from provisioner.diff import leaves
from provisioner.errors import NoRecord, RecordNewer, RecordUnusable
from provisioner.fields import Document

T = TypeVar("T")

FORMAT_VERSION = 1
FOLDER = "/Workspace/Shared/.provisioner"
HISTORY = 5
"""How many earlier documents of an endpoint are kept."""

_PLACEHOLDER = re.compile(r"(\$\{env:([A-Za-z_][A-Za-z0-9_]*)\})(#[0-9a-f]+)?")


@dataclass(frozen=True)
class Entry:
    """What is remembered of one endpoint."""

    id: str
    """The service's id; another one later means deleted and made anew by somebody else."""
    document: Document
    """The declared document as it was applied."""
    history: tuple[Document, ...] = ()
    """Documents that were applied before, the latest first."""
    found: Document | None = None
    """Of a governed endpoint: what was there at first contact, for ``release``."""
    planned_at: int = 0
    """When the run that applied it looked at the workspace, epoch milliseconds by its clock."""
    unfinished: bool = False
    """The document is what an apply brought that was cut short; nothing to go back to."""

    def laid_over(self, other: Entry) -> Entry:
        """This entry, remembering also what another one remembers of the same endpoint."""
        if self.id != other.id:
            return self
        moved = other.document not in ({}, self.document) and not other.unfinished
        past = ((other.document,) if moved else ()) + other.history
        past += tuple(document for document in self.history if document not in past)
        return replace(self, history=past[:HISTORY], found=other.found or self.found)


@dataclass(frozen=True)
class PutSecret:
    """What is remembered of a value that was put into a secret scope."""

    digest: str
    """Of the value, keyed by the record's salt."""
    changed_at: int = 0
    """Epoch milliseconds that the workspace gave it; 0 = not known."""
    landed: bool = True
    """False = the call was about to be made, and what became of it is not known."""


@dataclass(frozen=True)
class Record:
    """What is remembered of one environment."""

    endpoints: Mapping[str, Entry] = field(default_factory=dict)
    retired: Mapping[str, Entry] = field(default_factory=dict)
    """Endpoints that apply deleted, for ``restore``."""
    salt: str = ""
    """Key of the digests of secret values."""
    secrets: Mapping[str, PutSecret] = field(default_factory=dict)
    """Values that were put into secret scopes, by `SCOPE/KEY`."""
    revision: int = 0
    """How many times it was written; so no two records of an environment are the same."""

    def applied(
        self,
        name: str,
        id: str,  # noqa: A002 - the service's word
        document: Document,
        found: Document | None = None,
        planned_at: int = 0,
        *,
        unfinished: bool = False,
    ) -> Record:
        """A copy that remembers a document as the one in force."""
        before = self.endpoints.get(name)
        history: tuple[Document, ...] = ()
        if before is not None:
            if (before.id, before.document) == (id, document):
                planned_at = before.planned_at
            moved = before.document not in ({}, document) and not before.unfinished
            history = ((before.document,) if moved else ()) + before.history
            found = before.found or found
        if history and history[0] == document:
            history = history[1:]  # back to what was applied before it was cut short
        entry = Entry(id, document, history[:HISTORY], found, planned_at, unfinished)
        retired = {key: gone for key, gone in self.retired.items() if key != name}
        return replace(self, endpoints={**self.endpoints, name: entry}, retired=retired)

    def retire(self, name: str) -> Record:
        """A copy in which an endpoint is gone, and can be restored."""
        entry = self.endpoints.get(name)
        retired = self.retired if entry is None else {**self.retired, name: entry}
        return replace(self.forget(name), retired=retired)

    def forget(self, name: str) -> Record:
        """A copy that knows nothing of an endpoint."""
        return replace(
            self,
            endpoints={key: entry for key, entry in self.endpoints.items() if key != name},
            retired={key: entry for key, entry in self.retired.items() if key != name},
        )

    def base(self, name: str, live_id: str) -> Document | None:
        """What was applied last to the endpoint with this id.

        ``None`` = no memory of the endpoint; empty = it is another endpoint of the
        same name, to which nothing was applied yet.
        """
        entry = self.endpoints.get(name)
        if entry is None:
            return None
        return entry.document if entry.id == live_id else {}


def together(began: Record, ours: Record, theirs: Record) -> Record:
    """What there is now, ``theirs``, with what we changed since we ``began``.

    Of an endpoint that both applied the later plan counts: it was made of what the
    earlier one had applied, or else it would have been stale. The history is that of
    both: we may not have been able to read theirs. Of a secret ours counts.
    """
    endpoints = _laid(began.endpoints, ours.endpoints, theirs.endpoints, _is_later)
    for name, entry in endpoints.items():
        other = theirs.endpoints.get(name)
        if other is not None and entry is not other and other != began.endpoints.get(name):
            endpoints[name] = entry.laid_over(other)
    return replace(
        theirs,
        endpoints=endpoints,
        retired=_laid(began.retired, ours.retired, theirs.retired),
        salt=theirs.salt or ours.salt,
        secrets=_laid(began.secrets, ours.secrets, theirs.secrets),
    )


def _is_later(theirs: Entry, ours: Entry) -> bool:
    return theirs.planned_at > ours.planned_at


def _laid(
    began: Mapping[str, T],
    ours: Mapping[str, T],
    theirs: Mapping[str, T],
    is_later: Callable[[T, T], bool] = lambda _theirs, _ours: False,
) -> dict[str, T]:
    touched = {name for name in {*began, *ours} if began.get(name) != ours.get(name)}
    both = touched & ours.keys() & theirs.keys()
    touched -= {name for name in both if is_later(theirs[name], ours[name])}
    kept = {name: entry for name, entry in theirs.items() if name not in touched}
    return kept | {name: entry for name, entry in ours.items() if name in touched}


def default_path(project: str, environment: str) -> str:
    """Where a record is kept in the workspace's file store."""
    return f"{FOLDER}/{project}/{environment}.json"


def sealed(
    document: Document, salt: str, base: Document | None, value_of: Callable[[str], str | None]
) -> dict[str, Any]:
    """A document whose plaintext fields carry a digest of the value that they stand for.

    Other fields are left as they are, whatever they look like.
    So a rotated value shows as a change. ``value_of`` gives the value of an
    environment variable; where it is not known, what was applied last is taken to
    be in force still, which lets plans be made without any secret.
    """
    remembered = {} if base is None else {path: leaf.value for path, leaf in leaves(base).items()}
    replaced: dict[tuple[str, ...], str] = {}
    for path, leaf in leaves(document).items():
        is_plaintext = path.endswith("_plaintext") and isinstance(leaf.value, str)
        if is_plaintext and (found := _PLACEHOLDER.fullmatch(leaf.value)):
            placeholder, last = found.group(1), remembered.get(path)
            if (value := value_of(found.group(2))) is not None:
                replaced[leaf.keys] = f"{placeholder}#{digest(salt, value)}"
            elif isinstance(last, str) and last.startswith(placeholder):
                replaced[leaf.keys] = last
    return _with(document, replaced)


def digest(salt: str, value: str) -> str:
    """A short digest of a secret value, keyed by the record's salt."""
    return hmac.new(salt.encode(), value.encode(), hashlib.sha256).hexdigest()[:16]


def _with(document: Document, values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    result = dict(document)
    for keys, value in values.items():
        first, rest = keys[0], keys[1:]
        result[first] = _with(result[first], {rest: value}) if rest else value
    return result


_NOT_OURS = "it is something else, which is left as it is"


def parse(content: bytes) -> Record:
    """Read a record.

    Raises:
        RecordNewer: a newer tool wrote it.
        NoRecord: it was never one.
        RecordUnusable: it is damaged.
    """
    try:
        data = json.loads(content)
    except ValueError as failure:
        # Half of one that was cut short begins as a whole one does.
        if content.strip() and not content.lstrip().startswith(b"{"):
            raise NoRecord(_NOT_OURS) from failure
        raise RecordUnusable("it is damaged") from failure
    if not isinstance(data, dict) or "format_version" not in data:
        raise NoRecord(_NOT_OURS)
    try:
        version = data["format_version"]
        if version != FORMAT_VERSION:
            raise RecordNewer(f"it has format {version}, this tool reads {FORMAT_VERSION}")
        return Record(
            endpoints={name: _entry(entry) for name, entry in data["endpoints"].items()},
            retired={name: _entry(entry) for name, entry in data.get("retired", {}).items()},
            salt=str(data.get("salt", "")),
            secrets={name: _put(entry) for name, entry in data.get("secrets", {}).items()},
            revision=int(data.get("revision", 0)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise RecordUnusable("it is damaged") from failure


def _entry(data: Mapping[str, Any]) -> Entry:
    documents = [data["document"], *data.get("history", ())]
    if not all(isinstance(document, dict) for document in documents):
        raise TypeError("a document is a mapping")
    found = data.get("found")
    planned_at = int(data.get("planned_at", 0))
    unfinished = data.get("unfinished") is True
    return Entry(str(data["id"]), documents[0], tuple(documents[1:]), found, planned_at, unfinished)


def _put(data: Mapping[str, Any]) -> PutSecret:
    return PutSecret(str(data["digest"]), int(data["changed_at"]), data["landed"] is True)


def dump(record: Record) -> bytes:
    """Write a record; the same memory gives the same bytes."""
    data = {"format_version": FORMAT_VERSION, "tool_version": __version__, **asdict(record)}
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False).encode()
