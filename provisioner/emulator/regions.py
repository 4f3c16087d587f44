"""Where the workspace is, and what it lacks there, by the catalog's facts."""

from __future__ import annotations

from provisioner.catalog import Feature, catalog
from provisioner.emulator.answers import Json
from provisioner.emulator.errors import ApiError, invalid

_SERVING = ("/api/2.0/serving-endpoints", "/serving-endpoints")


def require_serving(workspace: Json, path: str) -> None:
    """Refuse all of serving where there is no Model Serving at all.

    Observed by workspaces in such a region (databrickslabs/ucx issues 1617 and 2082, its tests
    have the code); confidence high for 2024.
    """
    if path.startswith(_SERVING) and _lacks(workspace, "custom_model"):
        message = "Model serving is not enabled for your shard. "
        message += "Please contact your organization admin or Databricks support."
        raise ApiError(404, "FEATURE_DISABLED", message)


def require_throughput(workspace: Json) -> None:
    """Refuse provisioned throughput where it is not offered; the text is a guess."""
    if _lacks(workspace, "provisioned_throughput"):
        raise invalid(f"Provisioned throughput is not supported in region {workspace['region']}.")


def is_absent(workspace: Json, endpoint: Json) -> bool:
    """Whether an endpoint of Databricks' own is none of this region's.

    That it is missing from LIST and 404 to GET is a guess, confidence medium: documents say
    that such models are supported in other regions only.
    """
    if "id" in endpoint or not endpoint["name"].startswith("databricks-"):
        return False
    known = {model.endpoint: model.regions for model in catalog().pay_per_token}
    places = known.get(endpoint["name"], ())
    outside = bool(places) and catalog().atlas.within(workspace["region"], places) is False
    return outside or _lacks(workspace, "pay_per_token")


def cloud_of(region: str) -> str | None:
    """The cloud that a region is of, where that is known."""
    found = catalog().atlas.locate(region)
    return found[0] if found else None


def _lacks(workspace: Json, feature: Feature) -> bool:
    standing = catalog().atlas.standing(feature, workspace["region"])
    return standing.value == "not_offered"
