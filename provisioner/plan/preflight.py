"""What would make an apply fail although the plan is right: rights, schemas, accounts, room.

Asked only for endpoints that are made or rolled out. What cannot be known is said
once, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from provisioner.catalog import Catalog
from provisioner.errors import Problem, error, notice, warning
from provisioner.plan import quotas
from provisioner.plan.model import Action, Desired, EndpointPlan, Plan
from provisioner.plan.passed_on import missing_targets
from provisioner.plan.quotas import Others
from provisioner.plan.secrets import uses
from provisioner.wire.answers import Live
from provisioner.wire.document import is_application_id, principal

EVERYBODY = "account users"
"""The group of Unity Catalog that everybody is in."""
ADMINS = "admins"
"""The group of those who manage a workspace, all its secret scopes included."""
_TABLES = ("ai_gateway.inference_table_config", "config.auto_capture_config")
_PROFILE = "instance_profile_arn"


class Preflight(Enum):
    """How much is asked of a workspace before a plan is shown."""

    OFF = "off"
    EXISTENCE = "existence"
    """Whether what is referred to exists."""
    FULL = "full"
    """Also whether those who need it have the right to it."""


@dataclass(frozen=True, order=True)
class Securable:
    """An object of Unity Catalog that rights are granted on."""

    kind: str
    """FUNCTION, which models are, or SCHEMA."""
    name: str


@dataclass(frozen=True)
class Grants:
    """Who may do what with a securable, what it inherits included."""

    owner: str
    rights: Mapping[str, frozenset[str]]
    """By principal, in lower case."""


@dataclass(frozen=True)
class Account:
    """A user or service principal of the workspace."""

    active: bool
    groups: frozenset[str] = frozenset()


class Unknown(Enum):
    """Why there is no answer."""

    MISSING = "missing"
    """There is no such thing."""
    HIDDEN = "hidden"
    """The caller may not look."""


@dataclass(frozen=True)
class Questions:
    """What to ask a workspace."""

    securables: frozenset[Securable] = frozenset()
    accounts: frozenset[str] = frozenset()
    """Creators of endpoints that are rolled out, other than the caller."""
    acls: frozenset[str] = frozenset()
    """Secret scopes that those creators have to read."""


@dataclass(frozen=True)
class Answers:
    """What the workspace said, and what is known without asking."""

    caller: str
    """Key of the caller's own permission row."""
    groups: frozenset[str] = frozenset()
    """Those of the caller."""
    cloud: str = ""
    """AWS, AZURE or GCP; empty = not known."""
    others: Others = field(default_factory=Others)
    """The rest of the workspace, as far as it is known."""
    protected: bool = False
    """Whether this is production."""
    hidden_scopes: frozenset[str] = frozenset()
    """Secret scopes that the caller may not list, which needs the right READ."""
    securables: Mapping[Securable, Grants | Unknown] = field(default_factory=dict)
    accounts: Mapping[str, Account | Unknown] = field(default_factory=dict)
    acls: Mapping[str, Mapping[str, str] | Unknown] = field(default_factory=dict)
    """Rights on secret scopes by principal."""
    unknown: tuple[str, ...] = ()
    """What could not be found out before, in words."""


@dataclass(frozen=True)
class _Deed:
    """An endpoint that is made or changed, and by whose rights."""

    entry: EndpointPlan
    actor: str
    """The creator, whose rights the service looks at; of a new endpoint the caller."""
    live: Live | None
    locate: Callable[[str], Any]

    @property
    def creates(self) -> bool:
        return self.entry.action in {Action.CREATE, Action.REPLACE}

    @property
    def rolls_out(self) -> bool:
        """Whether the service looks at the creator's rights again."""
        return self.creates or any(step.call.endswith("/config") for step in self.entry.steps)

    @property
    def document(self) -> Mapping[str, Any]:
        return self.entry.declared or {}

    def entities(self) -> Mapping[str, Mapping[str, Any]]:
        """What is served, by name."""
        return _entities(self.document) if self.rolls_out else {}

    def models(self) -> Iterator[tuple[str, Securable]]:
        """Models of Unity Catalog that were not served before, each with its path."""
        before = {} if self.creates or self.live is None else _entities(self.live.document)
        for name, entity in self.entities().items():
            model = str(entity.get("entity_name") or "").lower()
            known = str(before.get(name, {}).get("entity_name") or "").lower()
            if model.count(".") == 2 and model != known:
                path = f"config.served_entities[{name}].entity_name"
                yield path, Securable("FUNCTION", model)

    def schemas(self) -> Iterator[tuple[str, Securable]]:
        """Schemas that tables are going to be made in, each with its path."""
        changed = [change.path for change in self.entry.changes]
        for path in _TABLES:
            block = _at(self.document, path)
            names = [str(block.get(part) or "") for part in ("catalog_name", "schema_name")]
            moved = any(one.startswith(path) for one in changed)
            if all(names) and moved and block.get("enabled") is not False:
                yield path, Securable("SCHEMA", ".".join(names).lower())
        path = "telemetry_config.table_names"
        for table in _at(self.document, path).values():
            schema = str(table).lower().rpartition(".")[0]
            if schema.count(".") == 1 and any(one.startswith(path) for one in changed):
                yield path, Securable("SCHEMA", schema)

    def scopes(self) -> dict[str, str]:
        """Secret scopes that the configuration refers to, each with a path that does."""
        found = uses(self.entry.name, self.document) if self.rolls_out else ()
        return {secret.scope: use.path for secret, use in found}


def _entities(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return _at(document, "config.served_entities")


def _at(document: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    found: Any = document
    for key in path.split("."):
        found = (found or {}).get(key)
    return found if isinstance(found, Mapping) else {}


def _deeds(
    plan: Plan, wanted: Iterable[Desired], live: Mapping[str, Live], caller: str
) -> list[_Deed]:
    places = {want.name: want.locate for want in wanted}
    return [
        _Deed(entry, _actor(entry, live.get(entry.name), caller), live.get(entry.name), locate)
        for entry in plan.endpoints
        if entry.steps and (locate := places.get(entry.name))
    ]


def _actor(entry: EndpointPlan, live: Live | None, caller: str) -> str:
    if live is None or not live.creator or entry.action is Action.REPLACE:
        return caller
    kind = "service_principal" if is_application_id(live.creator) else "user"
    return principal(kind, live.creator)


def questions(
    plan: Plan, wanted: Iterable[Desired], live: Mapping[str, Live], caller: str
) -> Questions:
    """What to ask; nothing for endpoints that stay as they are."""
    deeds = _deeds(plan, wanted, live, caller)
    others = [deed for deed in deeds if deed.actor != caller and deed.rolls_out]
    return Questions(
        securables=frozenset(
            found for deed in deeds for _, found in (*deed.models(), *deed.schemas())
        ),
        accounts=frozenset(deed.actor for deed in others),
        acls=frozenset(scope for deed in others for scope in deed.scopes()),
    )


def judge(
    plan: Plan,
    wanted: Iterable[Desired],
    live: Mapping[str, Live],
    answers: Answers,
    facts: Catalog,
) -> tuple[Problem, ...]:
    """What the answers rule out or make doubtful."""
    wanted = tuple(wanted)
    run = _Judge(_deeds(plan, wanted, live, answers.caller), answers, facts)
    return (
        *run.problems(),
        *quotas.exceeded(plan, wanted, live, answers.others, facts),
        *missing_targets(plan, wanted, answers.others.names),
        *run.not_known(quotas.unpublished(plan, live, facts)),
    )


def not_known(questions: Sequence[str]) -> Iterator[Problem]:
    """What could not be found out, in words, as one notice."""
    if questions:
        first, *more = questions
        rest = f", and {len(more)} more" if len(more) > 1 else f"; {more[0]}" if more else ""
        hint = "the service will say when it is applied; --no-preflight asks nothing of this"
        yield notice("not-checked", f"not to be known from here: {first}{rest}", hint)


class _Judge:
    """Judges a plan by the answers, and remembers what they leave open."""

    def __init__(self, deeds: list[_Deed], answers: Answers, facts: Catalog) -> None:
        self._deeds = deeds
        self._answers = answers
        self._facts = facts
        self._open: dict[str, None] = dict.fromkeys(answers.unknown)
        self._accounts = {
            answers.caller: Account(active=True, groups=answers.groups),
            **{who: one for who, one in answers.accounts.items() if isinstance(one, Account)},
        }

    def problems(self) -> Iterator[Problem]:
        yield from self._creators()
        yield from self._scopes()
        for deed in self._deeds:
            yield from self._models(deed)
            yield from self._schemas(deed)
            yield from self._cloud(deed)
        yield from self._persons()

    def not_known(self, besides: Iterable[str] = ()) -> Iterator[Problem]:
        """What could not be asked, once for all endpoints."""
        return not_known((*self._open, *besides))

    def _creators(self) -> Iterator[Problem]:
        """The creator's rights are looked at again with every roll-out."""
        for who, found in sorted(self._answers.accounts.items()):
            names = [d.entry.name for d in self._deeds if d.actor == who and d.rolls_out]
            if found is Unknown.HIDDEN:
                self._open[f"whether {_name(who)}, who created {names[0]}, is still there"] = None
            elif found is Unknown.MISSING or (isinstance(found, Account) and not found.active):
                what = "is not in the workspace" if found is Unknown.MISSING else "is inactive"
                yield warning(
                    "creator-gone",
                    f"{_name(who)}, who created {', '.join(names)}, {what}: "
                    "the service will refuse a new configuration",
                    "only replacing the endpoint helps, best by a service principal",
                )

    def _scopes(self) -> Iterator[Problem]:
        needed: dict[tuple[str, str], list[tuple[_Deed, str]]] = {}
        for deed in self._deeds:
            for scope, path in deed.scopes().items():
                needed.setdefault((scope, deed.actor), []).append((deed, path))
        for (scope, who), places in sorted(needed.items()):
            names = ", ".join(deed.entry.name for deed, _ in places)
            deed, path = places[0]
            summary = f"{_name(who)} has no right to read the secret scope {scope}, used by {names}"
            hint = f"databricks secrets put-acl {scope} {_name(who)} READ"
            if who == self._answers.caller:
                if scope in self._answers.hidden_scopes:
                    yield error("secret-not-readable", summary, hint, deed.locate(path))
            elif self._reads(scope, who) is False:
                yield warning("secret-not-readable", summary, hint, deed.locate(path))

    def _reads(self, scope: str, who: str) -> bool | None:
        acl, account = self._answers.acls.get(scope), self._accounts.get(who)
        if not isinstance(acl, Mapping) or account is None:
            if acl is not Unknown.MISSING and account is not None:
                self._open[f"whether {_name(who)} may read the secret scope {scope}"] = None
            return None
        names = self._names(who)
        return ADMINS in names or any(one.lower() in names for one in acl)

    def _models(self, deed: _Deed) -> Iterator[Problem]:
        for path, model in deed.models():
            if self._may(deed.actor, model, {"EXECUTE"}) is False:
                summary = f"{deed.entry.name}: {_name(deed.actor)} seems to have no right to use "
                hint = f"GRANT EXECUTE ON FUNCTION {model.name} TO `{_name(deed.actor)}`"
                yield warning(
                    "model-not-executable", f"{summary}{model.name}", hint, deed.locate(path)
                )

    def _schemas(self, deed: _Deed) -> Iterator[Problem]:
        for path, schema in dict.fromkeys(deed.schemas()):
            if self._answers.securables.get(schema) is Unknown.MISSING:
                summary = f"{deed.entry.name}: there is no schema {schema.name} for its tables"
                hint = f"CREATE SCHEMA {schema.name}, or name another one"
                yield error("schema-missing", summary, hint, deed.locate(path))
            elif self._may(deed.actor, schema, {"CREATE_TABLE", "USE_SCHEMA"}) is False:
                summary = (
                    f"{deed.entry.name}: {_name(deed.actor)} seems to have no right to make "
                    f"tables in {schema.name}"
                )
                hint = f"GRANT USE SCHEMA, CREATE TABLE ON SCHEMA {schema.name} TO "
                hint += f"`{_name(deed.actor)}`"
                yield warning("schema-not-writable", summary, hint, deed.locate(path))

    def _may(self, who: str, what: Securable, wanted: set[str]) -> bool | None:
        """Whether somebody has all of some rights; ``None`` = not to be known."""
        grants = self._answers.securables.get(what)
        if not isinstance(grants, Grants) or who not in self._accounts:
            if who in self._accounts:
                self._open[f"who may use {what.name}"] = None
            return None
        names = self._names(who) | {EVERYBODY}
        if grants.owner.lower() in names:
            return True
        held = frozenset().union(*(grants.rights.get(name, frozenset()) for name in names))
        return "ALL_PRIVILEGES" in held or wanted <= held

    def _names(self, who: str) -> set[str]:
        account = self._accounts[who]
        return {_name(who).lower(), *(group.lower() for group in account.groups)}

    def _cloud(self, deed: _Deed) -> Iterator[Problem]:
        if self._answers.cloud in {"", "AWS"}:
            return
        for name, entity in deed.entities().items():
            model = entity.get("external_model") or {}
            bedrock = model.get("amazon_bedrock_config") or {}
            if entity.get(_PROFILE) or bedrock.get(_PROFILE):
                path = f"config.served_entities[{name}]"
                summary = (
                    f"{deed.entry.name}: `{_PROFILE}` is for workspaces on AWS, "
                    f"this is {self._answers.cloud}"
                )
                yield error("wrong-cloud", summary, "remove it", deed.locate(path))

    def _persons(self) -> Iterator[Problem]:
        made = [deed.entry.name for deed in self._deeds if deed.creates]
        if made and self._answers.protected and self._answers.caller.startswith("user:"):
            yield warning(
                "person-creates",
                f"{', '.join(made)} would be created by a person, {_name(self._answers.caller)}",
                "endpoints cannot be updated any more when their creator leaves: "
                "apply as a service principal",
            )


def _name(who: str) -> str:
    return who.partition(":")[2]
