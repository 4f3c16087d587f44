"""External models: one class for each provider's block."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from provisioner.spec.base import ApiObject, SecretPlaintext, SecretReference

Provider = Literal[
    "ai21labs",
    "amazon-bedrock",
    "anthropic",
    "cohere",
    "custom",
    "databricks-model-serving",
    "google-cloud-vertex-ai",
    "openai",
    "palm",
]
Task = Literal["llm/v1/chat", "llm/v1/completions", "llm/v1/embeddings"]
_BedrockProvider = Literal["ai21labs", "amazon", "anthropic", "cohere"]


def _in_any_case(words: tuple[str, ...]) -> str:
    """A pattern of words; JSON Schema cannot say that case does not count."""
    spelled = ("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in w) for w in words)
    return f"^({'|'.join(spelled)})$"


def _known_bedrock_provider(text: str) -> str:
    known = get_args(_BedrockProvider)
    if text.lower() not in known:
        expected = " or ".join(f"'{name}'" for name in known)
        raise PydanticCustomError("literal_error", "unknown", {"expected": expected})
    return text


class OpenAiConfig(ApiObject):
    """OpenAI itself, or Azure OpenAI by key or by Microsoft Entra."""

    openai_api_type: Literal["openai", "azure", "azuread"] | None = None
    """Where the model runs and how to sign in; `openai` when it is not written."""
    openai_api_key: SecretReference | None = None
    """Secret that holds the API key."""
    openai_api_key_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the API key."""
    openai_api_base: str | None = None
    """Base URL; required for Azure."""
    openai_api_version: str | None = None
    """Version of the Azure API, a date; required for Azure."""
    openai_deployment_name: str | None = None
    """Name of the deployment in Azure; required for Azure."""
    openai_organization: str | None = None
    """Organization at OpenAI; refused for Azure."""
    microsoft_entra_tenant_id: str | None = None
    """Entra tenant; required for `azuread`."""
    microsoft_entra_client_id: str | None = None
    """Entra client; required for `azuread`."""
    microsoft_entra_client_secret: SecretReference | None = None
    """Secret that holds the Entra client secret."""
    microsoft_entra_client_secret_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the Entra client secret."""


class AnthropicConfig(ApiObject):
    """Anthropic."""

    anthropic_api_key: SecretReference | None = None
    """Secret that holds the API key."""
    anthropic_api_key_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the API key."""


class CohereConfig(ApiObject):
    """Cohere."""

    cohere_api_key: SecretReference | None = None
    """Secret that holds the API key."""
    cohere_api_key_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the API key."""
    cohere_api_base: str | None = None
    """Base URL, when it is not the public one."""


class Ai21LabsConfig(ApiObject):
    """AI21 Labs."""

    ai21labs_api_key: SecretReference | None = None
    """Secret that holds the API key."""
    ai21labs_api_key_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the API key."""


class PalmConfig(ApiObject):
    """PaLM."""

    palm_api_key: SecretReference | None = None
    """Secret that holds the API key."""
    palm_api_key_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the API key."""


class AmazonBedrockConfig(ApiObject):
    """Amazon Bedrock, by a key pair, an instance profile or a service credential."""

    aws_region: str
    """Region in which the model is enabled."""
    bedrock_provider: Annotated[
        str,
        AfterValidator(_known_bedrock_provider),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "enum": list(get_args(_BedrockProvider))},
                    {"type": "string", "pattern": _in_any_case(get_args(_BedrockProvider))},
                ],
                "examples": list(get_args(_BedrockProvider)),
            }
        ),
    ]
    """Who made the model; upper and lower case are the same."""
    aws_access_key_id: SecretReference | None = None
    """Secret that holds the access key's id."""
    aws_access_key_id_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the access key's id."""
    aws_secret_access_key: SecretReference | None = None
    """Secret that holds the secret access key."""
    aws_secret_access_key_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the secret access key."""
    instance_profile_arn: str | None = None
    """Instance profile that may call the model."""
    uc_service_credential_name: str | None = None
    """Service credential in Unity Catalog that may call the model."""


class GoogleCloudVertexAiConfig(ApiObject):
    """Google Cloud Vertex AI."""

    project_id: str
    """Google Cloud project of the service account."""
    region: str
    """Region of the model."""
    private_key: SecretReference | None = None
    """Secret that holds the service account's private key."""
    private_key_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the service account's private key."""


class DatabricksModelServingConfig(ApiObject):
    """An endpoint of another Databricks workspace."""

    databricks_workspace_url: str
    """URL of the other workspace."""
    databricks_api_token: SecretReference | None = None
    """Secret that holds a token of the other workspace."""
    databricks_api_token_plaintext: SecretPlaintext | None = None
    """Environment variable that holds a token of the other workspace."""


class ApiKeyAuth(ApiObject):
    """A key that is sent in a header of its own."""

    key: str
    """Name of the header."""
    value: SecretReference | None = None
    """Secret that holds the key."""
    value_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the key."""


class BearerTokenAuth(ApiObject):
    """A bearer token."""

    token: SecretReference | None = None
    """Secret that holds the token."""
    token_plaintext: SecretPlaintext | None = None
    """Environment variable that holds the token."""


class CustomProviderConfig(ApiObject):
    """Any service that speaks the API of OpenAI."""

    custom_provider_url: str
    """URL of the service."""
    api_key_auth: ApiKeyAuth | None = None
    """Sign in by an API key."""
    bearer_token_auth: BearerTokenAuth | None = None
    """Sign in by a bearer token."""


class ExternalModel(ApiObject):
    """A model that runs at another provider."""

    provider: Provider
    """Who runs the model."""
    name: str
    """The provider's own name of the model."""
    task: Task
    """What the model does."""
    ai21labs_config: Ai21LabsConfig | None = None
    """How to reach AI21 Labs."""
    amazon_bedrock_config: AmazonBedrockConfig | None = None
    """How to reach Amazon Bedrock."""
    anthropic_config: AnthropicConfig | None = None
    """How to reach Anthropic."""
    cohere_config: CohereConfig | None = None
    """How to reach Cohere."""
    custom_provider_config: CustomProviderConfig | None = None
    """How to reach a service of your own."""
    databricks_model_serving_config: DatabricksModelServingConfig | None = None
    """How to reach the other workspace."""
    google_cloud_vertex_ai_config: GoogleCloudVertexAiConfig | None = None
    """How to reach Vertex AI."""
    openai_config: OpenAiConfig | None = None
    """How to reach OpenAI or Azure OpenAI."""
    palm_config: PalmConfig | None = None
    """How to reach PaLM."""
