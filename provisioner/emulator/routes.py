"""The whole table of the workspace API; everything else answers 501."""

from __future__ import annotations

from provisioner.emulator.calls import Routes
from provisioner.emulator.endpoint_parts import ROUTES as PARTS
from provisioner.emulator.endpoint_reports import ROUTES as REPORTS
from provisioner.emulator.endpoint_routes import ROUTES as ENDPOINTS
from provisioner.emulator.files import ROUTES as FILES
from provisioner.emulator.grants import ROUTES as GRANTS
from provisioner.emulator.inference.routes import ROUTES as INFERENCE
from provisioner.emulator.oidc import ROUTES as OIDC
from provisioner.emulator.permissions import ROUTES as PERMISSIONS
from provisioner.emulator.scim import ROUTES as SCIM
from provisioner.emulator.secret_scopes import ROUTES as SECRETS
from provisioner.emulator.unity_catalog import ROUTES as UNITY_CATALOG

ROUTES = Routes(
    OIDC,
    REPORTS,  # before the endpoints, whose names would match their first part
    ENDPOINTS,
    PARTS,
    INFERENCE,
    PERMISSIONS,
    SECRETS,
    UNITY_CATALOG,
    GRANTS,
    FILES,
    SCIM,
)
