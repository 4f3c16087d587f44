"""Where things are offered: geographies, what is offered in which, and how a region stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Literal

from provisioner.catalog.reading import Provenance

Cloud = Literal["AWS", "AZURE", "GCP"]
"""As the SDK and the workspace name it."""
Feature = Literal["pay_per_token", "provisioned_throughput", "custom_model", "external_model"]
"""What is served, as far as its place matters."""


class Standing(str, Enum):
    """What the facts say of a feature in a region."""

    OFFERED = "offered"
    CROSS_GEO = "cross_geo"
    """Only where requests may leave the workspace's geography."""
    NOT_OFFERED = "not_offered"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Geography:
    """Regions that facts speak of together."""

    id: str
    name: str
    """As it stands in a sentence."""
    regions: Mapping[Cloud, tuple[str, ...]]
    """Names of regions, or globs of them."""
    provenance: Provenance
    note: str | None = None


@dataclass(frozen=True)
class RegionalOffer:
    """Where one cloud has a feature; each list names geographies or single regions."""

    id: str
    cloud: Cloud
    features: tuple[Feature, ...]
    provenance: Provenance
    offered: tuple[str, ...] = ()
    cross_geo: tuple[str, ...] = ()
    """Where it is offered only if requests may leave the geography."""
    not_offered: tuple[str, ...] = ()
    note: str | None = None


@dataclass(frozen=True)
class Atlas:
    """The geographies and the offers together. Regions are written as their cloud writes them."""

    geographies: tuple[Geography, ...]
    offers: tuple[RegionalOffer, ...]

    def locate(self, region: str) -> tuple[Cloud, tuple[str, ...]] | None:
        """The cloud of a region and the geographies that it is in; None = not known.

        It is in one of those that ship, and a team may add others.
        """
        found = [
            (cloud, geography.id)
            for geography in self.geographies
            for cloud, globs in geography.regions.items()
            if any(fnmatchcase(region, glob) for glob in globs)
        ]
        return (found[0][0], tuple(place for _, place in found)) if found else None

    def within(self, region: str, places: Sequence[str]) -> bool | None:
        """Whether a region is among ``places``, geographies or regions; None = not known."""
        found = self.locate(region)
        if found is None:
            return True if region in places else None
        return not {region, *found[1]}.isdisjoint(places)

    def standing(self, feature: Feature, region: str) -> Standing:
        """What is said of a feature in a region.

        What names the region itself counts first, then what is said of a team's own geographies.
        """
        found = self.locate(region)
        said: dict[str, Standing] = {}
        for offer in self.offers:
            if feature in offer.features and (found is None or offer.cloud == found[0]):
                for kind in (Standing.NOT_OFFERED, Standing.CROSS_GEO, Standing.OFFERED):
                    said |= dict.fromkeys(getattr(offer, kind.value), kind)
        places = (region, *reversed(found[1])) if found else (region,)
        return next((said[place] for place in places if place in said), Standing.UNKNOWN)

    def is_known(self, feature: Feature) -> bool:
        """Whether anything says where a feature is offered."""
        return any(offer.offered for offer in self.offers if feature in offer.features)

    def names(self, places: Iterable[str]) -> str:
        """Places in words."""
        known = {one.id: one.name for one in self.geographies}
        return " and ".join(known.get(place, place) for place in places)

    def unknown_among(self, places: Iterable[str]) -> Iterator[str]:
        """Places that are no geography and no region of one."""
        known = {one.id for one in self.geographies}
        return (one for one in places if one not in known and self.locate(one) is None)
