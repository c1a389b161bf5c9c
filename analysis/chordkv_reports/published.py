"""What others measured: the benchmark of the distributed-systems course that this program's ancestor was written for
(NTUA, 2020-21; 10 nodes, 500 inserts, 500 queries, each from a random node). Figures are as their authors published
them."""

from __future__ import annotations

from dataclasses import dataclass

RANKS = 10


@dataclass(frozen=True)
class Published:
    phase: str
    consistency: str
    replicas: tuple[int, ...]
    per_second: tuple[float, ...]
    source: str
    short: str


def _seconds_for_500(*seconds: float) -> tuple[float, ...]:
    return tuple(500 / value for value in seconds)


_FAY = ("FayStatha's report, operations/s", "FayStatha")
_JAVA = ("nickst74's report (Java), 500 operations / its seconds", "nickst74")
_K = (1, 3, 5)
PUBLISHED = [
    Published("insert", "linearizable", _K, (37.4, 28.0, 22.3), *_FAY),
    Published("insert", "eventual", _K, (34.0, 34.8, 34.4), *_FAY),
    Published("query", "linearizable", _K, (39.9, 27.8, 23.1), *_FAY),
    Published("query", "eventual", _K, (38.1, 50.4, 62.9), *_FAY),
    Published("insert", "linearizable", _K, _seconds_for_500(2.19, 3.00, 3.72), *_JAVA),
    Published("insert", "eventual", _K, _seconds_for_500(2.11, 3.15, 2.97), *_JAVA),
    Published("query", "linearizable", _K, _seconds_for_500(1.92, 1.86, 1.87), *_JAVA),
    Published("query", "eventual", _K, _seconds_for_500(1.85, 1.68, 1.60), *_JAVA),
]
# The program that this one succeeds, on 3 nodes.
SEED_PER_SECOND = (4.7, 5.2)


@dataclass(frozen=True)
class PublishedStale:
    consistency: str
    replicas: tuple[int, ...]
    counts: tuple[int, ...]
    source: str


STALE = [
    PublishedStale("eventual", (5, 8, 10), (4, 15, 35), "chordify's report, stale reads"),
    PublishedStale("linearizable", (5, 8, 10), (0, 0, 0), "chordify's report, stale reads"),
]
# Keys of the busiest percentile of nodes over the mean, by virtual nodes (Stoica et al., SIGCOMM 2001, section 6.2).
P99_OVER_MEAN = {1: 4.8, 20: 1.6}
