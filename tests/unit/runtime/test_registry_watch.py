"""What polling the registry makes of its answers. Mlflow's methods are replaced, nothing else."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from modelcycle.api.modeldeployment import FollowedModel
from modelcycle.registry import PENDING, Origin, RegisteredModel, Version
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.registry_watch import RegistryWatch
from modelcycle.runtime.store import Key

from tests.builders.registry import a_registered_model, a_version

IRIS, WINE = Key("ModelDeployment", "team", "iris"), Key("ModelDeployment", "team", "wine")
ONE = a_registered_model(a_version(1), champion=1)
TWO = a_registered_model(a_version(1), a_version(2), champion=2)
OTHER = a_registered_model(a_version(1, name="wine"), name="wine")


class Answers(Mlflow):
    """A registry that answers what it holds, until it is down. calls: how often each question was asked."""

    def __init__(self, *models: RegisteredModel) -> None:
        super().__init__("http://mlflow:5000")
        self.calls: Counter[str] = Counter()
        self.down = ""
        self.down_for: set[str] = set()
        self.running: set[str] = set()
        self.commit = ""
        self.hold(*models)

    def hold(self, *models: RegisteredModel) -> None:
        self.held = {model.name: model for model in models}

    def _asked(self, question: str) -> None:
        self.calls[question] += 1
        if self.down or question in self.down_for:
            raise RegistryError(self.down or f"no answer to {question}")

    async def models(self) -> list[RegisteredModel]:
        """With the newest version only, as MLflow's search answers."""
        self._asked("models")
        return [RegisteredModel(m.name, m.aliases, m.versions[-1:]) for m in self.held.values()]

    async def versions(self, model: str) -> tuple[Version, ...]:
        self._asked("versions")
        return self.held[model].versions

    async def download_uri(self, version: Version) -> str:
        self._asked("download_uri")
        return f"file:///mlruns/{version.number}"

    async def origin_of(self, run_id: str) -> Origin:
        self._asked("origin_of")
        return Origin(f"team/{run_id}", self.commit, running=run_id in self.running)


class Watched:
    """A RegistryWatch that IRIS follows iris with, and whom it woke since the last look."""

    def __init__(self, mlflow: Answers, poll_seconds: float = 3600) -> None:
        self.woken: list[Key] = []
        self.awake = asyncio.Event()
        self.greeted = 0
        self.is_greeted = True
        self.watch = RegistryWatch(mlflow, "/mlruns", poll_seconds, self._wake, self._greet)
        self.watch.follow(IRIS, "iris")

    async def _greet(self) -> bool:
        self.greeted += 1
        return self.is_greeted

    def _wake(self, key: Key) -> None:
        self.woken.append(key)
        self.awake.set()

    async def poll(self) -> list[Key]:
        self.woken.clear()
        await self.watch.poll()
        return self.woken

    def champion(self) -> int | str | None:
        """The number that iris@champion means, or why it means none."""
        resolution = self.watch.resolution(FollowedModel(name="iris", alias="champion"))
        if resolution is None:
            return None
        return resolution.version.number if resolution.version else resolution.reason


async def test_before_the_first_answer_nothing_is_known() -> None:
    watched = Watched(Answers(ONE))
    assert watched.champion() is None
    assert watched.watch.problem == ""


async def test_the_first_answer_wakes_those_who_follow() -> None:
    watched = Watched(Answers(ONE))
    assert await watched.poll() == [IRIS]
    assert watched.champion() == 1


async def test_a_model_that_is_not_there_is_an_answer_too() -> None:
    watched = Watched(Answers())
    assert await watched.poll() == [IRIS]
    assert watched.champion() == "ModelNotFound"


async def test_an_answer_that_is_as_before_wakes_nobody_and_costs_one_request() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    mlflow.calls.clear()
    assert await watched.poll() == []
    assert mlflow.calls == {"models": 1}


@pytest.mark.parametrize(
    ("then", "champion"),
    [
        pytest.param((TWO,), 2, id="a version is registered and the alias moves"),
        pytest.param((a_registered_model(a_version(1)),), "AliasNotFound", id="the alias goes"),
        pytest.param((), "ModelNotFound", id="the model goes"),
    ],
)
async def test_a_change_wakes_those_who_follow_when(
    then: tuple[RegisteredModel, ...], champion: int | str
) -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    mlflow.hold(*then)
    assert await watched.poll() == [IRIS]
    assert watched.champion() == champion


async def test_an_older_version_that_becomes_ready_late_wakes_once() -> None:
    late = a_registered_model(replace(a_version(1), status=PENDING), a_version(2), champion=1)
    registry = Answers(late)
    watched = Watched(registry)
    await watched.poll()
    registry.hold(a_registered_model(a_version(1), a_version(2), champion=1))
    assert await watched.poll() == [IRIS]
    assert await watched.poll() == []


async def test_a_change_of_another_model_wakes_nobody_else() -> None:
    mlflow = Answers(ONE, OTHER)
    watched = Watched(mlflow)
    watched.watch.follow(WINE, "wine")
    assert sorted(await watched.poll(), key=str) == [IRIS, WINE]
    mlflow.hold(TWO, OTHER)
    assert await watched.poll() == [IRIS]


async def test_a_model_that_nobody_follows_is_not_asked_about() -> None:
    mlflow = Answers(ONE, OTHER)
    await Watched(mlflow).poll()
    assert mlflow.calls["versions"] == 1


async def test_who_does_not_follow_any_more_is_not_woken() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    watched.watch.unfollow(IRIS)
    mlflow.hold(TWO)
    assert await watched.poll() == []


async def test_who_follows_another_model_is_woken_by_that_one() -> None:
    mlflow = Answers(ONE, OTHER)
    watched = Watched(mlflow)
    await watched.poll()
    watched.watch.follow(IRIS, "wine")
    assert await watched.poll() == [IRIS]
    mlflow.hold(TWO, OTHER)
    assert await watched.poll() == []


# Outages.


async def test_a_registry_that_is_down_at_start_is_said_at_once() -> None:
    mlflow = Answers(ONE)
    mlflow.down = "MLflow does not answer."
    watched = Watched(mlflow)
    assert await watched.poll() == [IRIS]
    assert watched.watch.problem == "MLflow does not answer."
    assert watched.champion() is None


async def test_one_lost_answer_is_no_outage_and_two_are() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    mlflow.down = "MLflow does not answer."
    assert await watched.poll() == []
    assert watched.watch.problem == ""
    assert await watched.poll() == [IRIS]
    assert watched.watch.problem == "MLflow does not answer."


async def test_an_outage_keeps_the_last_answer() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    mlflow.down = "MLflow does not answer."
    await watched.poll()
    await watched.poll()
    assert watched.champion() == 1


async def test_an_outage_has_one_wording_and_wakes_once() -> None:
    mlflow = Answers()
    watched = Watched(mlflow)
    mlflow.down = "Connection refused."
    await watched.poll()
    mlflow.down = "Timeout."
    assert await watched.poll() == []
    assert watched.watch.problem == "Connection refused."


async def test_the_end_of_an_outage_wakes_everybody_also_where_nothing_has_changed() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    mlflow.down = "MLflow does not answer."
    await watched.poll()
    await watched.poll()
    mlflow.down = ""
    assert await watched.poll() == [IRIS]
    assert watched.watch.problem == ""


async def test_lost_answers_that_are_not_in_a_row_are_no_outage() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    for down in ("", "lost", "", "lost", ""):
        mlflow.down = down
        await watched.poll()
        assert watched.watch.problem == ""


async def test_a_change_is_not_missed_when_half_of_the_answer_is_lost() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    mlflow.hold(TWO)
    mlflow.down_for = {"versions"}
    await watched.poll()
    assert watched.champion() == 1
    mlflow.down_for = set()
    assert await watched.poll() == [IRIS]
    assert watched.champion() == 2


# Files.


async def test_where_a_version_lies_and_who_made_it_is_asked_once() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    for _ in range(3):
        files, origin = await watched.watch.files(a_version(1))
        assert (files.path, origin.training_run) == ("/mlruns/1", "team/run-1")
    assert (mlflow.calls["download_uri"], mlflow.calls["origin_of"]) == (1, 1)


async def test_a_registry_is_greeted_once_and_again_after_an_outage() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    for _ in range(2):
        await watched.poll()
    assert watched.greeted == 1
    mlflow.down = "MLflow does not answer."
    await watched.poll()
    mlflow.down = ""
    await watched.poll()
    assert watched.greeted == 2


async def test_a_greeting_that_was_not_the_time_for_is_made_up_for() -> None:
    watched = Watched(Answers(ONE))
    watched.is_greeted = False
    await watched.poll()
    watched.is_greeted = True
    for _ in range(2):
        await watched.poll()
    assert watched.greeted == 2


async def test_a_run_that_is_under_way_is_asked_for_again() -> None:
    mlflow = Answers(ONE)
    mlflow.running = {"run-1"}
    watched = Watched(mlflow)
    await watched.poll()
    assert (await watched.watch.files(a_version(1)))[1].running
    mlflow.running = set()
    assert not (await watched.watch.files(a_version(1)))[1].running


async def test_a_question_that_got_no_answer_is_asked_again() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    mlflow.down_for = {"origin_of"}
    with pytest.raises(RegistryError):
        await watched.watch.files(a_version(1))
    mlflow.down_for = set()
    assert (await watched.watch.files(a_version(1)))[0].path == "/mlruns/1"


async def test_all_versions_are_those_of_the_last_answer() -> None:
    watched = Watched(Answers(TWO))
    assert watched.watch.versions("iris") == ()
    await watched.poll()
    assert watched.watch.versions("iris") == TWO.versions
    assert watched.watch.versions("wine") == ()


async def test_a_version_that_was_deleted_is_forgotten() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    await watched.poll()
    await watched.watch.files(a_version(1))
    mlflow.hold(a_registered_model(a_version(2), champion=2))
    await watched.poll()
    await watched.watch.files(a_version(1))
    assert mlflow.calls["download_uri"] == 2


# The loop.


@contextlib.asynccontextmanager
async def polling(watched: Watched) -> AsyncIterator[None]:
    task = asyncio.create_task(watched.watch.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_following_a_model_that_was_never_seen_is_a_reason_to_look_now() -> None:
    mlflow = Answers(ONE, OTHER)
    watched = Watched(mlflow)
    async with polling(watched), asyncio.timeout(5):
        await watched.awake.wait()
        watched.awake.clear()
        watched.woken.clear()
        watched.watch.follow(WINE, "wine")
        await watched.awake.wait()
    assert watched.woken == [WINE]


async def test_a_nudge_is_a_reason_to_look_now() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow)
    async with polling(watched), asyncio.timeout(5):
        await watched.awake.wait()
        watched.awake.clear()
        mlflow.hold(TWO)
        watched.watch.nudge()
        await watched.awake.wait()
    assert watched.champion() == 2


async def test_without_a_nudge_the_next_look_comes_by_itself() -> None:
    mlflow = Answers(ONE)
    watched = Watched(mlflow, poll_seconds=0.01)
    async with polling(watched), asyncio.timeout(5):
        await watched.awake.wait()
        watched.awake.clear()
        mlflow.hold(TWO)
        await watched.awake.wait()
    assert watched.champion() == 2


async def test_what_is_known_of_a_run_that_goes_on_is_answered_while_the_registry_is_away() -> None:
    mlflow = Answers(ONE)
    mlflow.running.add(a_version(1).run_id)
    watched = Watched(mlflow)
    await watched.poll()
    known = await watched.watch.files(a_version(1))
    mlflow.down = "MLflow does not answer."
    assert await watched.watch.files(a_version(1)) == known


async def test_a_run_of_which_more_is_known_is_asked_for_again_by_those_who_follow_its_version() -> None:
    of_another_run = replace(a_version(1, name="wine"), run_id="run-of-wine")
    mlflow = Answers(ONE, a_registered_model(of_another_run, name="wine"))
    watched = Watched(mlflow)
    watched.watch.follow(WINE, "wine")
    await watched.poll()
    await watched.watch.files(a_version(1))
    watched.woken.clear()
    mlflow.commit = "c0ffee"
    watched.watch.origin_changed("run-of-nobody")
    assert watched.woken == []
    watched.watch.origin_changed(a_version(1).run_id)
    assert watched.woken == [IRIS]
    assert (await watched.watch.files(a_version(1)))[1].commit == "c0ffee"
