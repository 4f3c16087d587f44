"""What the metrics call tells of requests.

Names, types, buckets' ends and the trailing time are those of exports that others published in
2026; the labels are a guess (the emulator's README says more). The counts are gauges in spite of
their names: requests of one minute, not of a lifetime.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provisioner.emulator.clock import Mode
from provisioner.emulator.inference.ledger import Sample

MINUTE_MS = 60_000
_BUCKETS = (
    5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000,
    300_000, 600_000,
)  # fmt: skip
_COUNTS = {
    "request_count_total": (range(600), "Requests"),
    "request_4xx_count_total": (range(400, 500), "Answers with a 4xx status"),
    "request_5xx_count_total": (range(500, 600), "Answers with a 5xx status"),
}


def exposition(
    samples: Iterable[Sample], endpoint: str, entities: list[str], mode: Mode, now_ms: int
) -> str:
    """The metrics of an endpoint as Prometheus text.

    With a manual clock they are of the last full minute, as the service's are. Otherwise of the
    60 seconds up to now, so that nobody has to wait for them.
    """
    end = now_ms // MINUTE_MS * MINUTE_MS if mode == "manual" else now_ms + 1
    mine = [s for s in samples if s.endpoint == endpoint and 0 < end - s.at_ms <= MINUTE_MS]
    names = [*entities, *sorted({s.entity for s in mine} - set(entities))]
    groups = {name: [s for s in mine if s.entity == name] for name in names}
    lines = _lines(endpoint, groups, end if mode == "manual" else now_ms)
    return "\n".join([*lines, "# EOF", ""])


def _lines(endpoint: str, groups: dict[str, list[Sample]], at_ms: int) -> Iterator[str]:
    for metric, (statuses, text) in _COUNTS.items():
        yield f"# HELP {metric} {text} during the last minute"
        yield f"# TYPE {metric} gauge"
        for entity, samples in groups.items():
            count = sum(sample.status in statuses for sample in samples)
            yield f"{metric}{{{_labels(endpoint, entity)}}} {float(count)} {at_ms}"
    yield "# HELP request_latency_ms Round trip during the last minute, in milliseconds"
    yield "# TYPE request_latency_ms histogram"
    for entity, samples in groups.items():
        labels = _labels(endpoint, entity)
        latencies = [sample.latency_ms for sample in samples]
        for end in (*_BUCKETS, float("inf")):
            within = float(sum(latency <= end for latency in latencies))
            shown = "+Inf" if end == float("inf") else float(end)
            yield f'request_latency_ms_bucket{{{labels},le="{shown}"}} {within} {at_ms}'
        yield f"request_latency_ms_sum{{{labels}}} {float(sum(latencies))} {at_ms}"
        yield f"request_latency_ms_count{{{labels}}} {float(len(latencies))} {at_ms}"


def _labels(endpoint: str, entity: str) -> str:
    labels = {"endpoint_name": endpoint, "served_entity_name": entity}
    return ",".join(f'{key}="{value}"' for key, value in labels.items() if value)
