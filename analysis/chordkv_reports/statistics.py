"""The few statistics that are needed, each with its assumption.

A ratio of two sets of repetitions is that of their geometric means, with Welch's t interval of the difference of the
mean logarithms: repetitions are taken for independent, their logarithms for roughly normal, and nothing is assumed
about equal variances. Unlike a bootstrap it stays honest with few repetitions: it gets wide. With fewer than
REPETITIONS_MIN on a side there is no interval, and nothing can be told."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Sequence

REPETITIONS_MIN = 3


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by Lentz' evaluation of its continued fraction."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    tiny = 1e-300
    c, d = 1.0, 1 / ((1 - (a + b) * x / (a + 1)) or tiny)
    fraction = d
    for m in range(1, 500):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / ((1 + numerator * d) or tiny)
            c = (1 + numerator / c) or tiny
            fraction *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * fraction


def t_quantile(p: float, degrees: float) -> float:
    """The value that Student's t stays below with probability p, 0.5 <= p < 1; degrees may be any positive number."""

    def below(t: float) -> float:
        return 1 - _incomplete_beta(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2

    low, high = 0.0, 1.0
    while below(high) < p:
        high *= 2
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < p else (low, middle)
    return high


@dataclass(frozen=True)
class Ratio:
    """A ratio; its interval is (nan, nan) where there are too few repetitions for one."""

    value: float
    low: float
    high: float
    confidence: float

    @property
    def known(self) -> bool:
        return not math.isnan(self.low)

    def __str__(self) -> str:
        if not self.known:
            return f"{self.value:.3g} (too few repetitions for an interval)"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def ratio(of: Sequence[float], to: Sequence[float], confidence: float = 0.95) -> Ratio:
    """of / to, with its confidence interval. Both have at least one value, and all are positive."""
    logs = [[math.log(value) for value in values] for values in (of, to)]
    means = [sum(values) / len(values) for values in logs]
    difference = means[0] - means[1]
    if min(len(of), len(to)) < REPETITIONS_MIN:
        return Ratio(math.exp(difference), math.nan, math.nan, confidence)
    # The squared standard error of each mean.
    errors = [
        sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)
        for values, mean in zip(logs, means)
    ]
    error = sum(errors)
    if error <= 1e-24:  # all repetitions alike, but for rounding, as counts of messages are
        return Ratio(math.exp(difference), math.exp(difference), math.exp(difference), confidence)
    degrees = error**2 / sum(e**2 / (len(values) - 1) for e, values in zip(errors, logs))
    reach = t_quantile((1 + confidence) / 2, degrees) * math.sqrt(error)
    return Ratio(math.exp(difference), math.exp(difference - reach), math.exp(difference + reach), confidence)
