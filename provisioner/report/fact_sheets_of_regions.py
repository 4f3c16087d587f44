"""What is said of geographies, and of what the clouds offer in them."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.catalog import Catalog, Geography, RegionalOffer, View
from provisioner.report.fact_rows import listed, maybe, row, sentence
from provisioner.report.facts import Row, Said

COLUMNS = (
    *("cloud", "features", "offered", "cross-Geo", "not offered"),
    *("place", "AWS", "AZURE", "GCP", "note"),
)


def rows(view: View, facts: Catalog) -> Iterator[Row]:
    """The offers first: they are what is judged by."""
    for offer in facts.regional_offers:
        yield row(view, offer, offer.id, _offer(offer), aliases=(offer.cloud, *offer.features))
    for place in facts.geographies:
        aliases = (place.name, *(one for named in place.regions.values() for one in named))
        yield row(view, place, place.id, _geography(place), aliases=aliases)


def _offer(offer: RegionalOffer) -> Iterator[Said | None]:
    yield maybe("cloud", offer.cloud, offer.cloud)
    features = ", ".join(feature.replace("_", " ") for feature in offer.features)
    yield maybe("features", features, features)
    yield listed("offered", offer.offered)
    yield listed("cross-Geo", offer.cross_geo)
    yield listed("not offered", offer.not_offered)
    if not (offer.offered or offer.cross_geo or offer.not_offered):
        yield maybe("offered", "not known", "not known")
    yield sentence("note", offer.note)


def _geography(place: Geography) -> Iterator[Said | None]:
    yield maybe("place", place.name, place.name)
    for cloud, names in place.regions.items():
        yield listed(cloud, names)
    yield sentence("note", place.note)
