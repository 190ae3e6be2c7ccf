"""Who may move a model's aliases."""

from modelcycle.runtime.store import Key
from modelcycle.runtime.turns import Turns

A, B, C = (Key("TrainingRun", "team", name) for name in "abc")


def test_a_turn_is_one_resources_and_it_may_take_it_again() -> None:
    turns = Turns()
    assert turns.take("iris", A)
    assert turns.take("iris", A)
    assert not turns.take("iris", B)


def test_another_models_turn_is_free() -> None:
    turns = Turns()
    assert turns.take("iris", A)
    assert turns.take("wine", B)


def test_a_turn_that_ends_answers_whoever_waited_once() -> None:
    turns = Turns()
    turns.take("iris", A)
    turns.take("iris", B)
    turns.take("iris", C)
    assert turns.give_back(A) == {B, C}
    assert turns.take("iris", C)
    assert turns.give_back(C) == set()


def test_who_has_no_turn_gives_none_back() -> None:
    turns = Turns()
    turns.take("iris", A)
    turns.take("iris", B)
    assert turns.give_back(B) == set()
    assert not turns.take("iris", B)
