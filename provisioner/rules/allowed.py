"""What the environment's policy allows, judged before anything is planned.

What a list allows is imported where there is one: most policies have none, and pay for none.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.errors import Problem, error
from provisioner.rules.capacity import PROVISIONED, architecture_of
from provisioner.rules.judged import Environment, Judged, Setting, nearest, served
from provisioner.spec import kind_of_entity


def within_the_lists(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """Providers, models, regions, hosts and secret scopes are allowed ones."""
    if setting.policy.has_lists:
        from provisioner.plan.allowed import not_allowed

        entities = {
            entity.name or str(index): entity.api_data()
            for index, (_, entity) in enumerate(served(endpoint))
        }
        yield from not_allowed(entities, setting.policy, endpoint.where)


def allowed_architectures(endpoint: Judged, setting: Setting) -> Iterator[Problem]:
    """Provisioned models are of allowed families."""
    allowed = setting.policy.allowed_architectures
    if allowed is None:
        return
    from provisioner.plan.allowed import HINT, outside, summary_of

    for path, entity in served(endpoint):
        if kind_of_entity(entity) not in PROVISIONED:
            continue
        family = architecture_of(entity, setting.facts)
        if family is None or outside(allowed, family.id):
            what = f"architecture {family.id}" if family else "what is not known"
            summary = summary_of(what, "allowed_architectures", setting.policy)
            hint = HINT if family else "write the `architecture` that the model is based on"
            yield error("architecture-not-allowed", summary, hint, endpoint.where(path))


def known_architectures(environment: Environment) -> Iterator[Problem]:
    """A policy allows architectures that there are."""
    known = [one.id for one in environment.facts.architectures]
    for index, name in enumerate(environment.spec.policy.allowed_architectures or ()):
        if name not in known:
            where = environment.where(f"policy.allowed_architectures[{index}]")
            summary = f"there is no architecture `{name}` in the catalog"
            yield error("unknown-architecture", summary, nearest(name, known), where)


def synced_scopes(environment: Environment) -> Iterator[Problem]:
    """Secrets are put into allowed scopes only."""
    spec = environment.spec
    if spec.policy.allowed_secret_scopes is None:
        return
    from provisioner.plan.allowed import scopes_not_allowed

    scopes = [
        *((name.partition("/")[0], environment.where(f"secrets[{name}]")) for name in spec.secrets),
        *((name, environment.where(f"create_scopes[{name}]")) for name in spec.create_scopes),
    ]
    yield from scopes_not_allowed(scopes, spec.policy)
