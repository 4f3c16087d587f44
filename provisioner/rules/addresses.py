"""Addresses of people and of roles: that they can be some."""

from __future__ import annotations

import re
from collections.abc import Iterator

from provisioner.errors import Problem, warning
from provisioner.rules.judged import Judged, served

_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PROFILE = re.compile(r"arn:aws[a-z-]*:iam::\d+:instance-profile/\S+")
_BEDROCK = "external_model.amazon_bedrock_config"


def mail_addresses(endpoint: Judged) -> Iterator[Problem]:
    """Who is to get a mail has an address."""
    mails = endpoint.spec.email_notifications
    for key in ("on_update_success", "on_update_failure"):
        for index, address in enumerate(getattr(mails, key, None) or ()):
            if not _MAIL.fullmatch(address):
                where = endpoint.where(f"email_notifications.{key}[{index}]")
                summary = f"`{address}` is no mail address" if address else "an address is empty"
                yield warning("bad-mail-address", summary, "write NAME@DOMAIN", where)


def instance_profiles(endpoint: Judged) -> Iterator[Problem]:
    """An instance profile is named in full."""
    for path, entity in served(endpoint):
        bedrock = entity.external_model and entity.external_model.amazon_bedrock_config
        for place, holder in ((path, entity), (f"{path}.{_BEDROCK}", bedrock)):
            arn = holder.instance_profile_arn if holder else None
            if arn and not _PROFILE.fullmatch(arn):
                where = endpoint.where(f"{place}.instance_profile_arn")
                summary = f"`{arn}` is not the ARN of an instance profile"
                hint = "write arn:aws:iam::ACCOUNT:instance-profile/NAME"
                yield warning("bad-instance-profile", summary, hint, where)
