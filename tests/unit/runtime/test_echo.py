"""Liveness by echo, with a clock that the test turns."""

from modelcycle.runtime.echo import PATIENCE_SECONDS, Echo
from modelcycle.runtime.store import Key

A, B = Key("TrainingRun", "team", "a"), Key("TrainingRun", "team", "b")
LONG = PATIENCE_SECONDS + 1


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def echo_with(clock: Clock) -> Echo:
    return Echo(clock)


def test_an_operator_that_never_wrote_is_well() -> None:
    clock = Clock()
    echo = echo_with(clock)
    clock.pass_by(LONG)
    assert echo.deaf_to() is None


def test_a_write_has_its_time_to_come_back() -> None:
    clock = Clock()
    echo = echo_with(clock)
    echo.expect(A, 10)
    clock.pass_by(PATIENCE_SECONDS)
    assert echo.deaf_to() is None
    clock.pass_by(1)
    assert echo.deaf_to() == A


def test_a_write_that_came_back_is_well() -> None:
    clock = Clock()
    echo = echo_with(clock)
    echo.expect(A, 10)
    echo.seen(A, 10)
    clock.pass_by(LONG)
    assert echo.deaf_to() is None


def test_a_newer_version_tells_that_the_write_was_seen() -> None:
    clock = Clock()
    echo = echo_with(clock)
    echo.expect(A, 10)
    echo.seen(A, 12)
    clock.pass_by(LONG)
    assert echo.deaf_to() is None


def test_an_older_version_tells_nothing() -> None:
    clock = Clock()
    echo = echo_with(clock)
    echo.expect(A, 10)
    echo.seen(A, 9)
    clock.pass_by(LONG)
    assert echo.deaf_to() == A


def test_what_is_seen_of_another_resource_tells_nothing() -> None:
    clock = Clock()
    echo = echo_with(clock)
    echo.expect(A, 10)
    echo.seen(B, 99)
    clock.pass_by(LONG)
    assert echo.deaf_to() == A


def test_more_writes_do_not_buy_a_deaf_operator_more_time() -> None:
    clock = Clock()
    echo = echo_with(clock)
    echo.expect(A, 10)
    clock.pass_by(PATIENCE_SECONDS - 1)
    echo.expect(A, 20)
    clock.pass_by(2)
    assert echo.deaf_to() == A


def test_a_resource_that_is_gone_owes_no_echo() -> None:
    clock = Clock()
    echo = echo_with(clock)
    echo.expect(A, 10)
    echo.gone(A)
    echo.gone(B)
    clock.pass_by(LONG)
    assert echo.deaf_to() is None
