"""Whatever happens, in whatever order: the laws hold at every write, and in the end all is as it was wanted.

A failure prints the shortest story that hypothesis finds. The examples are the same ones every time, unless
CONVERGENCE_EXAMPLES=10000 asks for so many new ones; with --hypothesis-seed they are the same ones again.
"""

import os
from collections.abc import Callable

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from modelcycle.plan import Body

from tests.convergence.story import a_world, change
from tests.convergence.world import CANARY, GATEWAY, GIVES_WAY, World

EXAMPLES = os.environ.get("CONVERGENCE_EXAMPLES")
EXAMPLES_BY_DEFAULT, STEPS, PICKS = 750, 120, 24

Happening = Callable[[World, int], None]


def nothing_happens(world: World, pick: int) -> None:
    """What a step shrinks to."""


HAPPENINGS: tuple[Happening, ...] = (
    nothing_happens,
    *[World.the_operator_finishes_a_pass] * 3,
    *[World.the_operator_sends_or_receives] * 3,
    *[World.all_goes_well_for_a_while] * 3,
    *[World.the_watch_delivers] * 3,
    *[World.somebody_acts] * 3,
    *[World.the_registry_is_polled] * 2,
    *[World.the_alias_moves] * 2,
    *[World.somebody_deploys] * 2,
    *[World.a_version_is_registered] * 2,
    World.orphans_are_looked_for,
    World.where_versions_serve_is_told,
    World.the_watch_catches_up,
    World.the_watch_loses_an_event,
    World.everybody_acts,
    World.time_passes,
    World.a_request_gets_lost,
    World.the_operator_crashes,
    World.somebody_trains,
    World.somebody_schedules,
    World.somebody_sweeps,
    World.somebody_suspends_a_sweep_or_not,
    World.the_claim_comes_or_goes,
    World.the_config_map_comes_or_goes,
    World.a_quota_comes_or_goes,
    World.pods_of_jobs_are_refused_or_allowed,
    World.all_nodes_are_full_or_free,
    World.there_is_room_for_one_revision_or_more,
    World.a_node_is_drained,
    World.somebody_suspends_or_resumes,
    World.somebody_changes_how_long_a_run_may_wait_and_stay,
    World.a_ready_pod_stumbles,
    World.a_version_breaks,
    World.the_registry_goes_down_or_up,
    World.the_registry_stumbles,
    World.the_alias_goes_to_and_fro,
    World.the_alias_vanishes,
    World.somebody_changes_a_spec,
    World.somebody_scales,
    World.somebody_follows_something_else,
    World.somebody_wants_to_approve_or_not,
    *[World.somebody_changes_the_strategy] * 2,
    *[World.somebody_changes_the_way_in] * 2,
    World.the_gateway_sleeps_or_wakes,
    World.the_gateway_api_is_installed_or_not,
    *[World.somebody_wants_parity_or_not] * 2,
    World.clients_ask_for_nothing_or_do,
    World.the_pods_say_nothing_of_their_traffic_or_do,
    World.the_pods_do_not_answer_the_operator_or_do,
    *[World.somebody_approves] * 2,
    World.somebody_says_to_retry,
    World.somebody_holds_or_lets_go,
    World.somebody_requires_accuracy,
    World.the_registry_is_restored_from_a_backup,
    World.somebody_annotates,
    World.somebody_deletes,
)


# Most of what can go wrong goes wrong when one version serves, as the spec says, and another one comes.
SERVES: tuple[Body | None, ...] = (
    None,
    {},
    {"strategy": GIVES_WAY},
    {"strategy": {"type": "Recreate"}},
    {"strategy": CANARY, "replicas": 2},
    {"strategy": CANARY, "route": GATEWAY},
)


def begun(serves: Body | None) -> World:
    if serves is None:
        return World()
    world = a_world()
    change(world, **serves)
    return world


STORIES = st.lists(st.integers(0, len(HAPPENINGS) * PICKS - 1), min_size=STEPS, max_size=STEPS)


@settings(
    max_examples=int(EXAMPLES or EXAMPLES_BY_DEFAULT),
    derandomize=EXAMPLES is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.sampled_from(SERVES),
    STORIES,
    st.sets(st.sampled_from(HAPPENINGS), max_size=len(set(HAPPENINGS)) // 2),
)
def test_whatever_happens_the_world_comes_to_what_was_wanted(
    serves: Body | None, story: list[int], never: set[Happening]
) -> None:
    world = begun(serves)
    note(f"serves: {serves}")
    for step in story:
        happens, pick = HAPPENINGS[step // PICKS], step % PICKS
        if happens not in never | {nothing_happens}:
            note(f"{happens.__name__} {pick}")
            happens(world, pick)
    world.all_trouble_ends()
    world.settles()
    world.check()
