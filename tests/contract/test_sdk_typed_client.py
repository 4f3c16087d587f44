"""The typed client of databricks-sdk against a workspace.

The workspace is the emulator, or a real one with PROVISIONER_LIVE=1, DATABRICKS_HOST and
DATABRICKS_TOKEN; what is created there is named `provisioner-contract-*` and deleted again.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.core import Config
from databricks.sdk.errors import (
    InvalidParameterValue,
    OperationFailed,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
)
from databricks.sdk.service import serving as s

from provisioner.emulator import running
from provisioner.emulator.pristine import CLIENT_SECRET, SERVICE_PRINCIPAL

LIVE = os.environ.get("PROVISIONER_LIVE") == "1"
emulator_only = pytest.mark.skipif(LIVE, reason="needs the emulator's own side")
live = pytest.mark.live


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if LIVE:
        yield os.environ["DATABRICKS_HOST"]
        return
    with running(clock="instant") as address:
        yield address


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkspaceClient]:
    if LIVE:
        yield WorkspaceClient()
        return
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    with connected(Config(host=url, token="any-token")) as client:
        client.api_client.do("POST", "/__emulator/reset")
        yield client


@contextlib.contextmanager
def connected(config: Config) -> Iterator[WorkspaceClient]:
    """A client whose connections do not outlive the test."""
    client = WorkspaceClient(config=config)
    yield client
    client.api_client._api_client._session.close()


@pytest.fixture
def name(client: WorkspaceClient) -> Iterator[str]:
    chosen = f"provisioner-contract-{uuid.uuid4().hex[:8]}"
    yield chosen
    with contextlib.suppress(ResourceDoesNotExist):
        client.serving_endpoints.delete(chosen)


def external(name: str = "gpt", model: str = "gpt-4o-mini") -> s.ServedEntityInput:
    return s.ServedEntityInput(
        name=name,
        external_model=s.ExternalModel(
            provider=s.ExternalModelProvider.OPENAI,
            name=model,
            task="llm/v1/chat",
            openai_config=s.OpenAiConfig(openai_api_key_plaintext="sk-not-a-key"),
        ),
    )


def create(client: WorkspaceClient, name: str) -> s.ServingEndpointDetailed:
    return client.serving_endpoints.create_and_wait(
        name=name,
        config=s.EndpointCoreConfigInput(name=name, served_entities=[external()]),
        tags=[s.EndpointTag(key="purpose", value="contract")],
        timeout=timedelta(minutes=10),
    )


@live
def test_create_and_wait(client: WorkspaceClient, name: str) -> None:
    answer = create(client, name)
    assert answer.name == name
    assert answer.id
    assert answer.state
    assert answer.state.ready is s.EndpointStateReady.READY
    assert answer.state.config_update is s.EndpointStateConfigUpdate.NOT_UPDATING
    assert answer.config
    assert answer.config.served_entities
    assert answer.config.served_models
    assert answer.config.config_version == 1
    assert answer.pending_config is None


@live
def test_get_and_list(client: WorkspaceClient, name: str) -> None:
    created = create(client, name)
    assert client.serving_endpoints.get(name).id == created.id
    listed = {endpoint.name: endpoint for endpoint in client.serving_endpoints.list()}
    assert listed[name].id == created.id
    assert listed[name].tags == [s.EndpointTag(key="purpose", value="contract")]


@live
def test_update_config_and_wait(client: WorkspaceClient, name: str) -> None:
    create(client, name)
    answer = client.serving_endpoints.update_config_and_wait(
        name,
        served_entities=[external("a"), external("b", "gpt-4o")],
        traffic_config=s.TrafficConfig(
            routes=[
                s.Route(served_entity_name="a", traffic_percentage=90),
                s.Route(served_entity_name="b", traffic_percentage=10),
            ]
        ),
        timeout=timedelta(minutes=10),
    )
    assert answer.config
    assert answer.config.config_version == 2
    assert answer.config.traffic_config
    assert {r.served_entity_name: r.traffic_percentage for r in answer.config.traffic_config.routes or []} == {"a": 90, "b": 10}  # fmt: skip  # noqa: E501


@live
def test_gateway_tags_and_notifications(client: WorkspaceClient, name: str) -> None:
    create(client, name)
    limit = s.AiGatewayRateLimit(
        calls=10,
        key=s.AiGatewayRateLimitKey.USER,
        renewal_period=s.AiGatewayRateLimitRenewalPeriod.MINUTE,
    )
    assert client.serving_endpoints.put_ai_gateway(name, rate_limits=[limit]).rate_limits == [limit]
    tags = client.serving_endpoints.patch(
        name, add_tags=[s.EndpointTag(key="team", value="ml")], delete_tags=["purpose"]
    )
    assert tags.tags == [s.EndpointTag(key="team", value="ml")]
    mails = s.EmailNotifications(on_update_failure=["user@example.com"])
    answer = client.serving_endpoints.update_notifications(name, email_notifications=mails)
    assert answer.email_notifications == mails
    endpoint = client.serving_endpoints.get(name)
    assert endpoint.ai_gateway
    assert endpoint.ai_gateway.rate_limits == [limit]


@live
def test_permissions(client: WorkspaceClient, name: str) -> None:
    endpoint_id = create(client, name).id or ""
    me = client.current_user.me().user_name
    query = s.ServingEndpointPermissionLevel.CAN_QUERY
    manage = s.ServingEndpointPermissionLevel.CAN_MANAGE
    users = s.ServingEndpointAccessControlRequest(group_name="users", permission_level=query)
    own = s.ServingEndpointAccessControlRequest(user_name=me, permission_level=manage)
    api = client.serving_endpoints
    api.update_permissions(endpoint_id, access_control_list=[users])
    api.set_permissions(endpoint_id, access_control_list=[own, users])
    answer = api.get_permissions(endpoint_id)
    assert answer.object_type == "serving-endpoint"
    names = {row.group_name or row.user_name for row in answer.access_control_list or []}
    assert names >= {"users", "admins", me}
    levels = api.get_permission_levels(endpoint_id).permission_levels or []
    assert [level.permission_level for level in levels]


@live
def test_errors(client: WorkspaceClient, name: str) -> None:
    with pytest.raises(ResourceDoesNotExist):
        client.serving_endpoints.get(name)
    create(client, name)
    with pytest.raises(ResourceAlreadyExists):
        client.serving_endpoints.create(
            name, config=s.EndpointCoreConfigInput(name=name, served_entities=[external()])
        )
    with pytest.raises(InvalidParameterValue):
        client.serving_endpoints.create(
            f"{name}-bad",
            config=s.EndpointCoreConfigInput(
                name=name, served_entities=[external("a"), external("b")]
            ),
        )


@emulator_only
def test_create_by_model_units(client: WorkspaceClient, name: str) -> None:
    entity = s.PtServedModel(
        entity_name="system.ai.gpt-oss-120b", entity_version="1", provisioned_model_units=50
    )
    answer = client.serving_endpoints.create_provisioned_throughput_endpoint_and_wait(
        name, config=s.PtEndpointCoreConfig(served_entities=[entity])
    )
    assert answer.config
    assert (answer.config.served_entities or [])[0].provisioned_model_units == 50
    entity.provisioned_model_units = 100
    answer = client.serving_endpoints.update_provisioned_throughput_endpoint_config_and_wait(
        name, config=s.PtEndpointCoreConfig(served_entities=[entity])
    )
    assert answer.config
    assert (answer.config.served_entities or [])[0].provisioned_model_units == 100


@emulator_only
def test_failed_update_raises(client: WorkspaceClient, name: str) -> None:
    create(client, name)
    rule = {"outcome": "failed", "message": "no capacity", "logs": "boom", "times": 1}
    client.api_client.do("POST", "/__emulator/builds", body=rule)
    with pytest.raises(OperationFailed):
        client.serving_endpoints.update_config_and_wait(name, served_entities=[external()])
    assert client.serving_endpoints.build_logs(name, "gpt").logs == "boom"


@emulator_only
def test_update_in_progress(client: WorkspaceClient, name: str) -> None:
    client.api_client.do("POST", "/__emulator/builds", body={"outcome": "never", "times": 1})
    client.serving_endpoints.create(
        name, config=s.EndpointCoreConfigInput(name=name, served_entities=[external()])
    )
    with pytest.raises(ResourceConflict, match="currently updating"):
        client.serving_endpoints.update_config(name, served_entities=[external()])


@emulator_only
def test_neighbouring_services(client: WorkspaceClient) -> None:
    client.secrets.create_scope("contract")
    client.secrets.put_secret("contract", "key", string_value="value")
    assert [secret.key for secret in client.secrets.list_secrets("contract")] == ["key"]
    champion = client.registered_models.get("main.ml.churn_classifier").aliases or []
    assert {alias.alias_name: alias.version_num for alias in champion}["champion"] == 2
    versions = client.model_versions.list("main.ml.churn_classifier", max_results=2)
    assert [version.version for version in versions] == [3, 2, 1]
    assert client.model_versions.get_by_alias("main.ml.churn_classifier", "champion").version == 2
    found = list(client.groups.list(filter='displayName eq "ml-engineers"'))
    assert [group.display_name for group in found] == ["ml-engineers"]
    assert client.get_workspace_id() == 1234567890123456


@emulator_only
@pytest.mark.usefixtures("client")
def test_service_principal_signs_in(url: str) -> None:
    config = Config(host=url, client_id=SERVICE_PRINCIPAL, client_secret=CLIENT_SECRET)
    with connected(config) as machine:
        assert machine.current_user.me().user_name == SERVICE_PRINCIPAL
        assert machine.config.auth_type == "oauth-m2m"


@live
def test_the_metastore_tells_the_region(client: WorkspaceClient) -> None:
    told = client.metastores.summary()
    assert told.cloud
    assert told.region
    assert told.global_metastore_id == f"{told.cloud}:{told.region}:{told.metastore_id}"
