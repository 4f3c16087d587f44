"""Metrics as the service, Prometheus and a broken exporter write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.wire.metrics import Counts, Reading, Traffic, reading

_BY_THE_MINUTE = """\
# HELP request_count_total The number of requests
# TYPE request_count_total gauge
request_count_total{endpoint_name="e",served_entity_name="old"} 190.0 1750000020000
request_count_total{endpoint_name="e",served_entity_name="new"} 10.0 1750000020000
# TYPE request_4xx_count_total gauge
request_4xx_count_total{endpoint_name="e",served_entity_name="new"} 2.0 1750000020000
# TYPE request_5xx_count_total gauge
request_5xx_count_total{endpoint_name="e",served_entity_name="new"} 1.0 1750000020000
# TYPE request_latency_ms histogram
request_latency_ms_bucket{endpoint_name="e",served_entity_name="new",le="100.0"} 5.0 1750000020000
request_latency_ms_bucket{endpoint_name="e",served_entity_name="new",le="1000.0"} 10.0 1750000020000
request_latency_ms_bucket{endpoint_name="e",served_entity_name="new",le="+Inf"} 10.0 1750000020000
request_latency_ms_sum{endpoint_name="e",served_entity_name="new"} 3000.0 1750000020000
cpu_usage_percentage{endpoint_name="e",served_entity_name="new"} 2.3 1750000020000
# EOF
"""


def test_what_the_service_writes() -> None:
    found = reading(_BY_THE_MINUTE)
    assert found.of_last_minute
    assert found.time == 1750000020.0
    assert found.entities["old"].requests == 190
    new = found.entities["new"]
    assert (new.requests, new.client_errors, new.errors) == (10, 2, 1)
    assert new.latency_ms(0.5) == 100
    assert new.latency_ms(0.99) == pytest.approx(982)


def test_what_prometheus_means_by_the_name() -> None:
    text = (
        '# TYPE request_count counter\nrequest_count_total{served_model_name="new"} 7 1750000020\n'
    )
    found = reading(text)
    assert not found.of_last_minute
    assert found.time == 1750000020.0
    assert found.entities == {"new": Counts(requests=7)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>no metrics</html>",
        "request_count_total 5",
        'request_count_total{served_entity_name=""} 5',
        'request_count_total{served_entity_name="new"} many',
        'request_count_total{served_entity_name="new"} NaN',
        'request_count_total{served_entity_name="new"',
    ],
)
def test_what_tells_nothing(text: str) -> None:
    assert reading(text).entities == {}


def test_an_odd_name_is_a_name() -> None:
    text = r'request_count_total{a="}{",served_entity_name="x \" y",b="1"} 5'
    assert [count.requests for count in reading(text).entities.values()] == [5]


def test_latency_above_the_largest_bound_is_no_number() -> None:
    assert Counts(buckets={100: 1, math.inf: 10}).latency_ms(0.99) == math.inf
    assert Counts().latency_ms(0.99) is None
    assert Counts(buckets={100: 0, math.inf: 0}).latency_ms(0.99) is None


def _gauge(requests: float, time: float | None) -> Reading:
    return Reading({"new": Counts(requests=requests)}, of_last_minute=True, time=time)


def _seen(traffic: Traffic) -> float | None:
    found = traffic.of(["new"])
    return None if found is None else found.requests


def test_only_whole_minutes_after_the_first_reading_count() -> None:
    """The first reading is of a minute that is over, and the next may have begun before it."""
    traffic = Traffic.since(_gauge(50, 60), 0)
    steps = [(60, 10), (120, 20), (120, 30), (180, 70), (180, 80), (240, 130)]
    counts = [50, 40, 40, 7, 7, 5]
    seen = []
    for (time, at), count in zip(steps, counts, strict=True):
        traffic = traffic.and_then(_gauge(count, time), at)
        seen.append(_seen(traffic))
    assert seen == [0, 0, 0, 7, 7, 12]


def test_without_times_our_clock_tells_the_minutes() -> None:
    traffic = Traffic.since(_gauge(50, None), 1000)
    seen = []
    for at, count in ((1030, 40), (1060, 30), (1090, 20), (1120, 7), (1150, 6), (1180, 5)):
        traffic = traffic.and_then(_gauge(count, None), at)
        seen.append(_seen(traffic))
    assert seen == [0, 0, 0, 7, 7, 12]


def test_counters_that_begin_anew() -> None:
    """A served entity that was deployed again counts from nothing."""
    counter = [
        Reading({"new": Counts(requests=n)}, of_last_minute=False) for n in (100, 130, 10, 15)
    ]
    traffic = Traffic.since(counter[0], 0)
    for at, found in enumerate(counter[1:]):
        traffic = traffic.and_then(found, at)
    assert _seen(traffic) == 45


def test_what_is_not_told_is_not_nothing() -> None:
    nothing = Reading({}, of_last_minute=False)
    traffic = Traffic.since(nothing, 0)
    assert _seen(traffic) is None
    came = Reading({"new": Counts(requests=5)}, of_last_minute=False)
    traffic = traffic.and_then(came, 1).and_then(nothing, 2).and_then(came, 3)
    assert _seen(traffic) == 5


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=30))
def test_a_counter_counts_whatever_is_looked_at(requests: list[int]) -> None:
    """However often somebody looks, the sum is that of what came."""
    total, traffic = 0, Traffic.since(Reading({"new": Counts()}, of_last_minute=False), 0)
    for at, number in enumerate(requests):
        total += number
        now = Reading({"new": Counts(requests=total)}, of_last_minute=False)
        traffic = traffic.and_then(now, at)
    assert _seen(traffic) == total
