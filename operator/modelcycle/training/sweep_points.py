"""The parameters of each run of a sweep: the same ones whenever they are worked out."""

import math
import random
from collections.abc import Iterator, Mapping
from itertools import islice, product

from modelcycle.api.trainingsweep import RUNS_MAX, Space, TrainingSweepSpec

Params = dict[str, str]
# Enough to come upon each of a thousand equally likely points; where some hardly ever come, they are left out.
DRAWS_MAX = 20 * RUNS_MAX


class TooManyError(ValueError):
    """A grid of more points than a sweep may have runs; the message says what to do."""


def points(spec: TrainingSweepSpec) -> tuple[Params, ...]:
    """The varying parameters of run 0, 1, 2 and so on. Raises TooManyError.

    A grid is in the order of its values, the last parameter by name changing fastest. Random draws a point at most
    once: of few values there may be fewer points than maxRuns.
    """
    spaces = dict(sorted(spec.params.items()))
    if spec.search.type == "Random":
        return tuple(islice(_drawn(spaces, spec.search.seed), spec.search.max_runs))
    size = _size(spaces)
    if size > RUNS_MAX:
        raise TooManyError(
            f"The grid has {size} points, and a sweep at most {RUNS_MAX} runs: give fewer values, or draw some of them "
            "with search.type Random and maxRuns."
        )
    combinations = product(*(_values(space) for space in spaces.values()))
    return tuple(dict(zip(spaces, point, strict=True)) for point in combinations)


def _values(space: Space) -> tuple[str, ...]:
    return tuple(dict.fromkeys(space.values or ()))


def _size(spaces: Mapping[str, Space]) -> float:
    """How many points there are: infinitely many where a parameter is any number between two."""
    return math.prod(_count(space) for space in spaces.values())


def _count(space: Space) -> float:
    if space.values is not None:
        return len(_values(space))
    low, high = _bounds(space)
    if space.integer:
        return max(0, high - low)
    return math.inf if high > low else 1


def _bounds(space: Space) -> tuple[float, float]:
    """The smallest number, and the one that all are below, or, of a range of any numbers, the greatest."""
    low, high = space.min or 0.0, space.max or 0.0
    return (math.ceil(low), math.floor(high) + 1) if space.integer else (low, high)


def _drawn(spaces: Mapping[str, Space], seed: int) -> Iterator[Params]:
    """Only random() is used: of Random's methods it alone is promised to stay the same in every Python."""
    chance, seen, left = random.Random(seed), set[tuple[str, ...]](), _size(spaces)  # noqa: S311 - no secret
    for _ in range(DRAWS_MAX):
        if len(seen) >= left:
            return
        point = {name: _value(space, chance.random()) for name, space in spaces.items()}
        if (key := tuple(point.values())) not in seen:
            seen.add(key)
            yield point


def _value(space: Space, share: float) -> str:
    """The value that lies at a share, from 0 to below 1, of the way through a space."""
    if space.values is not None:
        values = _values(space)
        return values[int(share * len(values))]
    low, high = _bounds(space)
    number = low * (high / low) ** share if space.scale == "Log" else low + (high - low) * share
    return str(min(math.floor(number), int(high) - 1)) if space.integer else f"{number:.6g}"
