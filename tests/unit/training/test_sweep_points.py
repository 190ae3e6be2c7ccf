"""The parameters of each run of a sweep."""

from typing import Any

import pytest
from modelcycle.api.trainingsweep import TrainingSweepSpec
from modelcycle.training.sweep_points import Params, TooManyError, points


def of(params: dict[str, Any], **search: Any) -> tuple[Params, ...]:
    objective = {"metric": "accuracy", "higherIsBetter": True}
    spec = {"params": params, "search": search, "objective": objective, "template": {"spec": {}}}
    return points(TrainingSweepSpec.model_validate(spec))


def drawn(space: dict[str, Any], runs: int = 500, seed: int = 1) -> list[float]:
    return [float(point["x"]) for point in of({"x": space}, type="Random", maxRuns=runs, seed=seed)]


def test_a_grid_is_every_combination_the_last_parameter_by_name_changing_fastest() -> None:
    assert of({"b": {"values": ["x", "y"]}, "a": {"values": ["2", "1"]}}) == (
        {"a": "2", "b": "x"},
        {"a": "2", "b": "y"},
        {"a": "1", "b": "x"},
        {"a": "1", "b": "y"},
    )


def test_a_value_that_is_given_twice_is_tried_once() -> None:
    assert of({"a": {"values": ["1", "2", "1"]}}) == ({"a": "1"}, {"a": "2"})


@pytest.mark.parametrize(
    ("sizes", "fits"), [((10, 10, 10), True), ((1000,), True), ((1001 // 7, 7, 2), False)]
)
def test_a_grid_has_at_most_a_thousand_points(sizes: tuple[int, ...], fits: bool) -> None:
    params = {f"p{i}": {"values": [str(n) for n in range(size)]} for i, size in enumerate(sizes)}
    if fits:
        assert len(of(params)) == 1000
        return
    with pytest.raises(
        TooManyError, match=r"The grid has 2002 points, and a sweep at most 1000 runs: give fewer"
    ):
        of(params)


def test_chance_draws_the_same_points_for_the_same_seed_and_others_for_another() -> None:
    space = {"min": 0, "max": 1}
    assert drawn(space) == drawn(space)
    assert drawn(space) != drawn(space, seed=2)


def test_more_runs_begin_with_the_same_points() -> None:
    """Which run has which parameters does not depend on how many there are."""
    assert drawn({"min": 0, "max": 1}, runs=5) == drawn({"min": 0, "max": 1})[:5]


def test_these_very_points_are_drawn_in_every_version_of_python() -> None:
    space = {"x": {"min": 0.001, "max": 10, "scale": "Log"}, "y": {"values": ["a", "b", "c"]}}
    assert of(space, type="Random", maxRuns=3, seed=7) == (
        {"x": "0.0197393", "y": "a"},
        {"x": "0.401548", "y": "a"},
        {"x": "0.139164", "y": "b"},
    )


@pytest.mark.parametrize(
    ("space", "low", "high", "below_middle", "middle"),
    [
        ({"min": 10, "max": 20}, 10, 20, 0.5, 15),
        ({"min": -1, "max": 1, "scale": "Linear"}, -1, 1, 0.5, 0),
        ({"min": 0.0001, "max": 1, "scale": "Log"}, 0.0001, 1, 0.5, 0.01),
    ],
)
def test_numbers_are_spread_evenly_between_min_and_max(
    space: dict[str, Any], low: float, high: float, below_middle: float, middle: float
) -> None:
    values = drawn(space)
    assert low <= min(values) <= max(values) <= high
    assert sum(value < middle for value in values) / len(values) == pytest.approx(below_middle, abs=0.07)


@pytest.mark.parametrize("scale", ["Linear", "Log"])
def test_whole_numbers_are_drawn_from_the_first_to_the_last(scale: str) -> None:
    space = {"min": 0.5, "max": 8, "integer": True, "scale": scale}
    assert sorted(drawn(space)) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        pytest.param({"min": 3, "max": 3}, [3.0], id="min is max"),
        pytest.param({"min": 0.2, "max": 0.8, "integer": True}, [], id="no whole number is between them"),
        pytest.param({"values": ["1", "2", "1"]}, [1.0, 2.0], id="there are few values"),
        pytest.param({"min": 1, "max": 1.0000001}, [1.0], id="they cannot be told apart"),
    ],
)
def test_no_point_is_drawn_twice_also_where(space: dict[str, Any], expected: list[float]) -> None:
    assert sorted(drawn(space)) == expected


def test_a_thousand_points_are_all_drawn_where_there_are_no_more() -> None:
    params = {"a": {"min": 1, "max": 100, "integer": True}, "b": {"values": [str(n) for n in range(10)]}}
    assert len(of(params, type="Random", maxRuns=1000)) == 1000


def test_numbers_have_six_digits() -> None:
    assert of({"x": {"min": 1e-7, "max": 1e-7}}, type="Random", maxRuns=1) == ({"x": "1e-07"},)
    assert of({"x": {"min": 123456.789, "max": 123456.789}}, type="Random", maxRuns=1) == ({"x": "123457"},)
