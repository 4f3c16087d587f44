"""The geographies know the regions that Databricks lists, and a region stands as the facts say."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.catalog import FactsInvalid, Standing, catalog, catalog_with

# Databricks docs, "Databricks clouds and regions" for AWS and GCP; Azure Databricks docs,
# "Azure Databricks regions", of which the end could not be read.
LISTED = {
    "AWS": """
        ap-northeast-1 japan, ap-northeast-2 korea, ap-south-1 india, ap-southeast-1 asia,
        ap-southeast-2 australia, ap-southeast-3 asia, ca-central-1 canada, eu-central-1 europe,
        eu-west-1 europe, eu-west-2 uk, eu-west-3 europe, sa-east-1 brazil, us-east-1 us,
        us-east-2 us, us-gov-west-1 us-gov, us-west-1 us, us-west-2 us""",
    "GCP": """
        asia-northeast1 japan, asia-south1 india, asia-southeast1 asia,
        australia-southeast1 australia, europe-west1 europe, europe-west2 uk, europe-west3 europe,
        me-central2 saudi-arabia, northamerica-northeast1 canada, southamerica-east1 brazil,
        us-central1 us, us-east1 us, us-east4 us, us-west1 us, us-west4 us""",
    "AZURE": """
        australiacentral australia, australiacentral2 australia, australiaeast australia,
        australiasoutheast australia, brazilsouth brazil, canadacentral canada, canadaeast canada,
        centralindia india, centralus us, chinaeast2 china, chinaeast3 china, chinanorth2 china,
        chinanorth3 china, eastasia asia, eastus us, eastus2 us, eastus2euap us,
        francecentral europe, germanywestcentral europe, japaneast japan, japanwest japan,
        koreacentral korea, mexicocentral mexico, northcentralus us, northeurope europe,
        norwayeast europe, qatarcentral qatar, southafricanorth south-africa, southcentralus us,
        southeastasia asia, southindia india, swedencentral europe, switzerlandnorth europe,
        switzerlandwest europe, uaenorth uae, uksouth uk, ukwest uk, usgovaz us-gov,
        usgovva us-gov, westcentralus us, westeurope europe, westindia india, westus us,
        westus2 us, westus3 us""",
}
ATLAS = catalog().atlas


@pytest.mark.parametrize("cloud", LISTED)
def test_every_listed_region_is_in_one_geography_of_its_cloud(cloud: str) -> None:
    wanted = dict(pair.split() for pair in LISTED[cloud].split(","))
    assert {region: ATLAS.locate(region) for region in wanted} == {
        region: (cloud, (place,)) for region, place in wanted.items()
    }


def test_offers_name_known_places_and_contradict_themselves_nowhere() -> None:
    places = {place.id for place in ATLAS.geographies}
    said: set[tuple[str, str, str]] = set()
    for offer in ATLAS.offers:
        named = [*offer.offered, *offer.cross_geo, *offer.not_offered]
        assert set(named) <= places, offer.id
        cells = {(offer.cloud, feature, place) for feature in offer.features for place in named}
        assert len(cells) == len(named) * len(offer.features), offer.id
        assert not said & cells, offer.id
        said |= cells
    for model in catalog().pay_per_token:
        assert {*model.regions, *model.processed_in} <= places
        assert bool(model.regions) == bool(model.regions_as_of), model.endpoint


def test_what_is_not_known_is_no_answer() -> None:
    assert ATLAS.locate("ap-new-9") is None
    assert ATLAS.within("ap-new-9", ["us"]) is None
    assert ATLAS.within("eu-west-1", ["us"]) is False
    assert ATLAS.standing("pay_per_token", "ap-new-9") is Standing.UNKNOWN
    assert ATLAS.standing("external_model", "us-east-1") is Standing.UNKNOWN
    assert ATLAS.standing("pay_per_token", "us-gov-west-1") is Standing.UNKNOWN


def team(**facts: Any) -> Any:
    return catalog_with(facts).atlas


def test_a_team_corrects_a_region_and_adds_one() -> None:
    checked = {"checked": "2026-11-24"}
    atlas = team(
        geographies=[{"id": "mars", "name": "Mars", "regions": {"AWS": ["ma-*"]}, **checked}],
        regional_offers=[
            {"id": "azure-foundation-models", "offered": ["us", "qatarcentral"], **checked},
            {
                "id": "ours",
                "cloud": "AWS",
                "features": ["custom_model"],
                "offered": ["us-east-1"],
                "not_offered": ["mars", "us"],
                **checked,
            },
        ],
    )
    assert atlas.standing("pay_per_token", "qatarcentral") is Standing.OFFERED
    assert atlas.standing("custom_model", "ma-west-1") is Standing.NOT_OFFERED
    assert atlas.standing("custom_model", "us-east-1") is Standing.OFFERED
    assert atlas.standing("custom_model", "us-east-2") is Standing.NOT_OFFERED
    assert atlas.names(["mars", "us", "eu-west-1"]) == "Mars and the United States and eu-west-1"


def test_a_team_may_speak_of_a_part_of_a_geography() -> None:
    checked = {"checked": "2026-11-24"}
    regions = {"AWS": ["eu-central-1"], "AZURE": ["germanywestcentral"]}
    part = {"id": "germany", "name": "Germany", "regions": regions, **checked}
    atlas = team(geographies=[part])
    assert [atlas.within("eu-central-1", [place]) for place in ("germany", "europe", "us")] == [
        True,
        True,
        False,
    ]
    assert atlas.within("eu-west-1", ["germany"]) is False
    assert atlas.standing("pay_per_token", "germanywestcentral") is Standing.OFFERED
    offer = {"id": "azure-foundation-models", "cross_geo": ["germany"], **checked}
    atlas = team(geographies=[part], regional_offers=[offer])
    assert atlas.standing("pay_per_token", "germanywestcentral") is Standing.CROSS_GEO


def test_a_cloud_that_is_none_is_refused() -> None:
    mars = {"id": "mars", "name": "Mars", "regions": {"aws": ["ma-*"]}, "checked": "2026-11-24"}
    with pytest.raises(FactsInvalid, match=r"regions.aws: must be one of AWS, AZURE, GCP"):
        team(geographies=[mars])


def test_a_place_that_is_none_is_refused_where_it_stands() -> None:
    with pytest.raises(FactsInvalid) as refused:
        team(
            pay_per_token=[
                {
                    "endpoint": "databricks-bge-large-en",
                    "regions": ["us", "uss", "eu-west-1"],
                    "checked": "2026-11-24",
                }
            ],
            regional_offers=[
                {"id": "aws-serving", "offered": ["us-est-1"], "checked": "2026-11-24"}
            ],
        )
    assert [str(one).split(": ")[0] for one in refused.value.wrong] == [
        "pay_per_token[0].regions[1]",
        "regional_offers[0].offered[0]",
    ]
    assert "`uss` is no geography and no region of one" in str(refused.value)
