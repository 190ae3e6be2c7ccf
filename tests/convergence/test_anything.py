"""Whatever happens, in whatever order: the laws hold at every write, and in the end all is as it was wanted.

A failure prints the shortest story that hypothesis finds. CONVERGENCE_EXAMPLES=5000 looks for new ones.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.convergence.world import World

EXAMPLES = os.environ.get("CONVERGENCE_EXAMPLES")
STEPS = 80
# How often a thing happens, beside the others.
HAPPENINGS = (
    *[World.the_operator_finishes_a_pass] * 8,
    *[World.the_operator_sends_or_receives] * 8,
    *[World.all_goes_well_for_a_while] * 6,
    *[World.the_watch_delivers] * 6,
    *[World.the_watch_catches_up] * 4,
    *[World.the_watch_loses_an_event] * 1,
    *[World.somebody_acts] * 8,
    *[World.everybody_acts] * 4,
    *[World.the_registry_is_polled] * 4,
    *[World.time_passes] * 4,
    *[World.a_request_gets_lost] * 2,
    *[World.the_operator_crashes] * 1,
    *[World.a_version_is_registered] * 3,
    *[World.the_alias_moves] * 4,
    *[World.somebody_deploys] * 3,
    *[World.somebody_trains] * 2,
    World.the_claim_comes_or_goes,
    World.a_quota_comes_or_goes,
    World.a_ready_pod_stumbles,
    World.a_version_breaks,
    World.the_registry_goes_down_or_up,
    World.the_registry_stumbles,
    World.the_alias_vanishes,
    World.somebody_changes_a_spec,
    World.somebody_scales,
    World.somebody_follows_something_else,
    World.somebody_annotates,
    World.somebody_deletes,
)


class AnythingHappens(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.broken = False

    @rule(happens=st.sampled_from([h.__name__ for h in HAPPENINGS]), pick=st.integers(0, 11))
    def and_then(self, happens: str, pick: int) -> None:
        self.broken = True
        getattr(self.world, happens)(pick)
        self.broken = False

    def teardown(self) -> None:
        if not self.broken:
            self.world.all_trouble_ends()
            self.world.settles()
            self.world.check()


TestAnythingHappens = AnythingHappens.TestCase
TestAnythingHappens.settings = settings(
    max_examples=int(EXAMPLES or 400),
    stateful_step_count=STEPS,
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
