"""The world of one test: the cluster, the registry, their users, the operator, and time.

Each public method with `pick` is something that can happen; pick chooses among the ways it can.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from modelcycle.api.modeldeployment import APPROVE, RETRY
from modelcycle.plan import VERSION_LABEL, Body
from modelcycle.runtime.resources import WATCHED
from modelcycle.runtime.store import Key

from tests.builders.base import MODEL, merged
from tests.builders.children import PodBuilder
from tests.builders.resources import (
    ModelDeploymentBuilder,
    a_model_deployment,
    a_training_run,
    a_training_schedule,
    a_training_sweep,
)
from tests.convergence.cluster import REFUSED, ApiServer, DeathError, MemoryCluster, controller
from tests.convergence.controllers import Controllers, ready, stumbled
from tests.convergence.crowding import NO_NODE, NO_VOLUME
from tests.convergence.laws import Laws
from tests.convergence.process import ORPHANS, POLL, RELIST, TAGS, Process
from tests.convergence.registry import BEHAVIOURS, GOOD, HANGS, ODD, MemoryRegistry
from tests.convergence.schedule_laws import a_schedule_is_settled
from tests.convergence.settled import (
    a_deployment_is_settled,
    a_run_is_over,
    its_runs_know_their_commit,
    the_registry_tells_where_versions_serve,
)
from tests.convergence.sweep_laws import a_sweep_is_settled

T = TypeVar("T")
PROGRESS_DEADLINE_SECONDS, KEEP_PREVIOUS_SECONDS = 120, 10
# What the attempts of a training do.
SCRIPTS = (
    ["logs registers"],
    ["logs"],
    ["logs fails"],
    ["logs registers fails", "logs registers"],
    ["logs registers fails", "logs"],
    ["fails", "logs registers fails"],
    ["logs registers leaves"],
    ["logs fails leaves", "logs leaves"],
    ["logs registers fails leaves", "logs registers"],
)
# From this pick on a training is one of two nodes.
NODES_FROM = 18
ALIAS = "champion"
CANARY: Body = {
    "type": "Canary",
    "canary": {"steps": [{"weight": 10, "pauseSeconds": 30}, {"weight": 40, "pauseSeconds": 30}]},
}
# Where there is no room for two, the new one takes the place of the old one.
GIVES_WAY: Body = {"type": "BlueGreen", "recreateWhenUnschedulable": True}
GATEWAY: Body = {"host": "a.example.org", "ingressClassName": None, "gateway": {"name": "public"}}
INGRESS: Body = {"host": "a.example.org", "ingressClassName": "nginx", "gateway": None}
PARITY: Body = {"maxChangedFraction": 0.1}
BETTER = {"metric": "accuracy", "betterThan": ALIAS, "higherIsBetter": True}
PROMOTE = {"alias": ALIAS, "when": [BETTER]}
# Of a TrainingRun: all that may be changed of it besides suspend.
LIMITS: tuple[Body, ...] = (
    {"ttlSecondsAfterFinished": 0},
    {"ttlSecondsAfterFinished": 100},
    {"ttlSecondsAfterFinished": None},
    {"pendingDeadlineSeconds": 20},
    {"pendingDeadlineSeconds": None},
)
SOURCES = (None, {"git": {"url": "https://example.org/flowers.git"}}, {"configMap": {"name": "code"}})


class World:
    """
    Attributes:
        excuses: by UID of a TrainingRun, the reasons for which it may end before its Job does.
        robbed: UIDs of TrainingRuns whose Job somebody deleted.
        lost_events: whether the watch has lost any: then the operator's liveness may fail, and should.
    """

    def __init__(self) -> None:
        self.server = ApiServer()
        self.registry = MemoryRegistry()
        self.controllers = Controllers(self.server, self.registry)
        self.laws = Laws(self.server, self.registry, self.controllers)
        self.registry.law = self.laws.no_run_is_ended_that_goes_on
        self.cluster = MemoryCluster(self.server, self.laws.judge)
        self.excuses: dict[str, set[str]] = defaultdict(set)
        self.robbed: set[str] = set()
        self.lost_events = False
        self.the_claim_comes_or_goes()
        self.the_config_map_comes_or_goes()
        self.operator = self._started()

    def _started(self) -> Process:
        operator = Process(self.cluster, self.registry)
        self.laws.operator = operator
        return operator

    # The operator and what connects it

    def the_operator_sends_or_receives(self, pick: int) -> None:
        if work := [*self.operator.work(), POLL, RELIST, ORPHANS, TAGS]:
            self.operator.advance(chosen(work, pick))

    def the_operator_finishes_a_pass(self, pick: int) -> None:
        if work := self.operator.work():
            self.operator.finish(chosen(work, pick))

    def the_operator_crashes(self, pick: int = 0) -> None:
        self.operator.crash()
        self.cluster.faults.clear()
        self.operator = self._started()

    def all_goes_well_for_a_while(self, pick: int = 0) -> None:
        for _ in range(1 + pick % 4):
            self.the_watch_catches_up()
            self.the_registry_is_polled()
            for key in self.operator.work():
                self.operator.finish(key)
            self.everybody_acts()
            self.seconds_pass(5)

    def a_request_gets_lost(self, pick: int) -> None:
        self.cluster.faults.append("the request is lost" if pick % 2 else "the answer is lost")

    def the_watch_delivers(self, pick: int) -> None:
        if kinds := self._undelivered():
            self.operator.see(chosen(kinds, pick))

    def the_watch_loses_an_event(self, pick: int) -> None:
        if kinds := self._undelivered():
            self.server.events[chosen(kinds, pick)].pop(0)
            self.lost_events = True

    def the_watch_catches_up(self, pick: int = 0) -> None:
        for kind in self._undelivered():
            while self.server.events[kind]:
                self.operator.see(kind)

    def _undelivered(self) -> list[str]:
        own = [r.kind for r in WATCHED]
        return [kind for kind in own if self.server.events[kind]]

    # The cluster

    def somebody_acts(self, pick: int) -> None:
        if actions := self.controllers.actions():
            chosen(actions, pick)()

    def everybody_acts(self, pick: int = 0) -> None:
        """As far as they get without the operator."""
        for _ in range(1000):
            if not (actions := self.controllers.actions()):
                return
            actions[0]()
        raise AssertionError("the controllers do not come to rest")

    def time_passes(self, pick: int) -> None:
        self.seconds_pass(chosen((1, 5, 15, 30, 5, 15, 1, 150), pick))

    def seconds_pass(self, seconds: float) -> None:
        self.server.now += timedelta(seconds=seconds)
        self.operator.fire_timers()

    def the_claim_comes_or_goes(self, pick: int = 0) -> None:
        self._comes_or_goes("PersistentVolumeClaim", "mlruns")

    def the_config_map_comes_or_goes(self, pick: int = 0) -> None:
        self._comes_or_goes("ConfigMap", "code")

    def _comes_or_goes(self, kind: str, name: str) -> None:
        if body := self.server.find(kind, name):
            self.server.remove(body)
        else:
            self.server.create({"kind": kind, "metadata": {"name": name}})

    def a_quota_comes_or_goes(self, pick: int = 0) -> None:
        self.server.forbids = not self.server.forbids

    def pods_of_jobs_are_refused_or_allowed(self, pick: int = 0) -> None:
        self.server.refuses_pods = not self.server.refuses_pods

    def all_nodes_are_full_or_free(self, pick: int = 0) -> None:
        self.server.full = not self.server.full

    def there_is_room_for_one_revision_or_more(self, pick: int) -> None:
        self.server.crowded = chosen((NO_NODE, NO_VOLUME, "", NO_NODE), pick)

    def a_node_is_drained(self, pick: int) -> None:
        """A training pod of a Job that can stand it is evicted."""
        pods = [pod for pod in self.server.all("Pod") if self._stands_eviction(pod)]
        if pods:
            pod = chosen(pods, pick)
            self.server.update(PodBuilder(pod).disrupted().but(status={"phase": "Failed"}).content)

    def _stands_eviction(self, pod: Body) -> bool:
        owner = pod["metadata"]["ownerReferences"][0]
        job = self.server.find("Job", owner["name"])
        alone = owner["kind"] == "Job" and job and "parallelism" not in job["spec"]
        return bool(alone) and pod["status"]["phase"] == "Running"

    def a_ready_pod_stumbles(self, pick: int = 0) -> None:
        if pods := [pod for pod in self.server.all("Pod") if ready(pod)]:
            pod = chosen(pods, pick)
            self.laws.outside.add(pod["metadata"]["uid"])
            self.server.update(stumbled(pod))

    def a_version_breaks(self, pick: int) -> None:
        """Its pods are not ready any more, and never will be again."""
        good = [n for n, behaviour in self.registry.behaviour.items() if behaviour in (GOOD, ODD)]
        if not good:
            return
        number = chosen(good, pick)
        self.registry.behaviour[number] = HANGS
        for pod in self.server.all("Pod"):
            if pod["metadata"]["labels"].get(VERSION_LABEL) == str(number) and ready(pod):
                self.laws.outside.add(pod["metadata"]["uid"])
                self.server.update(stumbled(pod))

    # The registry

    def the_registry_is_polled(self, pick: int = 0) -> None:
        self.operator.finish(POLL)

    def the_registry_goes_down_or_up(self, pick: int = 0) -> None:
        self.registry.up = not self.registry.up

    def the_registry_stumbles(self, pick: int = 0) -> None:
        self.registry.stumbles += 1

    def orphans_are_looked_for(self, pick: int = 0) -> None:
        self.operator.finish(ORPHANS)

    def where_versions_serve_is_told(self, pick: int = 0) -> None:
        self.operator.finish(TAGS)

    def a_version_is_registered(self, pick: int = 0) -> None:
        self.registry.register(chosen(BEHAVIOURS, pick))

    def the_alias_moves(self, pick: int) -> None:
        if self.registry.made:
            self.registry.aliases = {ALIAS: chosen(list(self.registry.made), pick)}

    def the_alias_goes_to_and_fro(self, pick: int) -> None:
        """The operator sees it, while the watch is slow."""
        for there in (pick, pick // 5):
            self.the_alias_moves(there)
            self.the_registry_is_polled()
            for key in self.operator.work() * 3:
                self.operator.finish(key)

    def the_registry_is_restored_from_a_backup(self, pick: int) -> None:
        """The newest version is gone, and what pointed to it points to the one before."""
        if len(self.registry.made) < 2:
            return
        newest = max(self.registry.made)
        del self.registry.made[newest]
        before = max(self.registry.made)
        self.registry.aliases = {name: min(n, before) for name, n in self.registry.aliases.items()}

    def the_alias_vanishes(self, pick: int = 0) -> None:
        self.registry.aliases = {}

    # Users

    def somebody_trains(self, pick: int) -> None:
        name = f"run-{pick % 2}"
        if not self.server.find("TrainingRun", name):
            model = {"name": MODEL, "promote": chosen((None, None, PROMOTE), pick // 2)}
            experiment = chosen(("one", "two", None), pick)
            run = a_training_run(name).with_spec(
                args=chosen(SCRIPTS, pick),
                backoffLimit=1,
                experiment=experiment,
                model=model,
                source=chosen(SOURCES, pick // 4),
            )
            if pick >= NODES_FROM:
                run = run.on_nodes(2).with_spec(backoffLimit=0)
            self.server.create(run.but(metadata={"uid": None}).content)

    def somebody_schedules(self, pick: int) -> None:
        """Trainings every minute."""
        if not self.server.find("TrainingSchedule", "s"):
            policy = chosen(("Forbid", "Allow", "Replace"), pick)
            template = {"spec": {"args": chosen(SCRIPTS, pick), "backoffLimit": 1}}
            schedule = a_training_schedule("s", "* * * * *").with_spec(
                concurrencyPolicy=policy, successfulRunsHistoryLimit=pick % 3, template=template
            )
            self.server.create(schedule.but(metadata={"uid": None, "creationTimestamp": None}).content)

    def somebody_suspends_or_resumes(self, pick: int) -> None:
        if run := self._some("TrainingRun", pick):
            self.server.update(merged(run, {"spec": {"suspend": not run["spec"].get("suspend")}}))

    def somebody_changes_how_long_a_run_may_wait_and_stay(self, pick: int) -> None:
        if run := self._some("TrainingRun", pick):
            spec = chosen(LIMITS, pick // 2)
            if spec.get("pendingDeadlineSeconds"):
                self.excuses[run["metadata"]["uid"]].add("PendingDeadlineExceeded")
            self.server.update(merged(run, {"spec": spec}))

    def somebody_sweeps(self, pick: int) -> None:
        """Trainings with three parameters, of which some fail."""
        if not self.server.find("TrainingSweep", "sweep"):
            does = {"values": ["logs registers 0.7", "fails", "logs registers 0.95"]}
            template = {
                "args": ["$(PARAM_does)"],
                "model": {"name": MODEL, "promote": chosen((PROMOTE, None), pick)},
            }
            sweep = a_training_sweep("sweep").with_spec(
                params={"C": None, "does": does},
                template={"spec": {**template, "params": None}},
                parallelism=1 + pick % 3,
                maxFailed=chosen((None, 0), pick // 3),
                objective={"goal": chosen((None, 0.7), pick // 6)},
            )
            self.server.create(sweep.but(metadata={"uid": None}).content)

    def somebody_suspends_a_sweep_or_not(self, pick: int = 0) -> None:
        if body := self.server.find("TrainingSweep", "sweep"):
            self.server.update(merged(body, {"spec": {"suspend": not body["spec"].get("suspend", False)}}))

    def somebody_deploys(self, pick: int) -> None:
        name = chosen("ab", pick)
        if not self.server.find("ModelDeployment", name):
            spec = chosen(
                ({}, {"strategy": CANARY}, {"strategy": CANARY, "route": GATEWAY}, {"strategy": GIVES_WAY}),
                pick // 6,
            )
            self.server.create(following(a_model_deployment(name).with_spec(**spec), pick).content)

    def somebody_changes_a_spec(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            env = chosen(({"name": "X", "value": "1"}, {"name": REFUSED}, None), pick)
            self.server.update(merged(body, {"spec": {"env": [env] if env else None}}))

    def somebody_scales(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            self.server.update(merged(body, {"spec": {"replicas": pick % 3}}))

    def somebody_wants_to_approve_or_not(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            self.server.update(
                merged(body, {"spec": {"promotion": chosen(("Manual", "Automatic"), pick // 2)}})
            )

    def somebody_changes_the_strategy(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            strategies = ({"type": "Recreate"}, {"type": "BlueGreen"}, CANARY, GIVES_WAY)
            others = {"canary": None, "recreateWhenUnschedulable": None}
            strategy = {"type": "BlueGreen", **others, **chosen(strategies, pick // 2)}
            self.server.update(merged(body, {"spec": {"strategy": strategy}}))

    def somebody_changes_the_way_in(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            route = chosen((GATEWAY, GATEWAY, INGRESS, None), pick // 2)
            self.server.update(merged(body, {"spec": {"route": route}}))

    def the_gateway_sleeps_or_wakes(self, pick: int = 0) -> None:
        self.controllers.gateway_works = not self.controllers.gateway_works

    def the_gateway_api_is_installed_or_not(self, pick: int = 0) -> None:
        if not self.server.all("HTTPRoute"):
            self.server.gateway_api = not self.server.gateway_api

    def somebody_wants_parity_or_not(self, pick: int) -> None:
        """With a tenth of the rows, with all of them, or with more rows than there are."""
        if body := self._some("ModelDeployment", pick):
            parity = chosen((PARITY, None, {"maxChangedFraction": 1}, {**PARITY, "minRows": 99}), pick // 2)
            self.server.update(merged(body, {"spec": {"parity": parity}}))

    def clients_ask_for_nothing_or_do(self, pick: int = 0) -> None:
        self.registry.idle = not self.registry.idle

    def the_pods_do_not_answer_the_operator_or_do(self, pick: int = 0) -> None:
        self.registry.mute = not self.registry.mute

    def the_pods_say_nothing_of_their_traffic_or_do(self, pick: int = 0) -> None:
        self.registry.quiet = not self.registry.quiet

    def somebody_approves(self, pick: int) -> None:
        """What waits, or what does not."""
        if body := self._some("ModelDeployment", pick):
            waiting = body.get("status", {}).get("candidate", {"version": "1"})
            token = chosen(("", "/again", f"/{self.server.version}"), pick // 2)
            self._annotate(body, APPROVE, f"{waiting['version']}{token}")

    def somebody_says_to_retry(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            rejected = body.get("status", {}).get("rejected") or [{"version": "1"}]
            self._annotate(body, RETRY, f"{rejected[0]['version']}/{chosen(('a', 'b'), pick // 2)}")

    def _annotate(self, body: Body, name: str, value: str) -> None:
        self.server.update(merged(body, {"metadata": {"annotations": {name: value}}}))

    def somebody_holds_or_lets_go(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            self.server.update(merged(body, {"spec": {"hold": not body["spec"].get("hold", False)}}))

    def somebody_requires_accuracy(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            require = chosen(([{"metric": "accuracy", "atLeast": 0.8}], None), pick // 2)
            self.server.update(merged(body, {"spec": {"require": require}}))

    def somebody_follows_something_else(self, pick: int) -> None:
        if body := self._some("ModelDeployment", pick):
            self.server.update(following(ModelDeploymentBuilder(body), pick // 2).content)

    def somebody_annotates(self, pick: int) -> None:
        if body := self._some(
            chosen(("ModelDeployment", "TrainingRun", "Service", "Deployment"), pick), pick
        ):
            stamp = {"annotations": {"at": str(self.server.version)}}
            self.server.update(merged(body, {"metadata": stamp}))

    def somebody_deletes(self, pick: int) -> None:
        kind = chosen(
            (
                "Deployment",
                "Job",
                "ModelDeployment",
                "TrainingRun",
                "Pod",
                "Service",
                "TrainingSchedule",
                "TrainingSweep",
                "HTTPRoute",
                "Ingress",
            ),
            pick,
        )
        body = self._some(kind, pick // 10)
        if body is None or (kind == "Pod" and VERSION_LABEL not in body["metadata"]["labels"]):
            return
        self.server.remove(body)
        self.laws.outside.add(body["metadata"]["uid"])
        self.laws.outside |= {pod["metadata"]["uid"] for pod in self.server.owned("Pod", body)}
        if kind == "Job":
            self.robbed.add(controller(body))

    def _some(self, kind: str, pick: int) -> Body | None:
        bodies = self.server.all(kind)
        return chosen(bodies, pick) if bodies else None

    # The end

    def all_trouble_ends(self) -> None:
        self.cluster.faults.clear()
        self.registry.up, self.registry.stumbles, self.server.forbids = True, 0, False
        self.registry.mute = False
        self.server.refuses_pods, self.server.full, self.server.crowded = False, False, ""
        self.server.gateway_api, self.controllers.gateway_works = True, True
        for run in self.server.all("TrainingRun"):
            self.server.update(merged(run, {"spec": {"suspend": False}}))
        for sweep in self.server.all("TrainingSweep"):
            self.server.update(merged(sweep, {"spec": {"suspend": False}}))
        for kind, name in (("PersistentVolumeClaim", "mlruns"), ("ConfigMap", "code")):
            if not self.server.find(kind, name):
                self._comes_or_goes(kind, name)
        # The clock never rests.
        for schedule in self.server.all("TrainingSchedule"):
            self.server.update(merged(schedule, {"spec": {"suspend": True}}))

    def settles(self) -> None:
        """Everybody acts, and time passes, until nobody has anything left to do."""
        self._comes_to_rest()
        self.seconds_pass(1000)
        assert self.lost_events or not self.operator.context.echo.deaf_to(), (
            "liveness fails though all is well"
        )
        self.operator.woken.add(RELIST)
        self._comes_to_rest()
        for _ in range(2):
            self.operator.finish(ORPHANS)
        self.operator.finish(TAGS)

    def _comes_to_rest(self) -> None:
        version, since = self.server.version, self.server.now
        for _ in range(400):
            self._goes_on()
            if version != self.server.version:
                version, since = self.server.version, self.server.now
            # Whoever waits for somebody outside to tell more asks again and again.
            asks_in_vain = (self.server.now - since).total_seconds() > 1000
            if asks_in_vain or not (timers := self.operator.timers.values()):
                return
            self.seconds_pass((min(timers) - self.server.now).total_seconds())
        raise AssertionError(f"the operator never rests: {self.operator.timers}")

    def _goes_on(self) -> None:
        for _ in range(200):
            before = self.server.version
            self.the_watch_catches_up()
            self.the_registry_is_polled()
            self._works_off()
            self.everybody_acts()
            if self.server.version == before and not self._undelivered():
                return
        raise AssertionError("the world never rests")

    def _works_off(self) -> None:
        for _ in range(5000):
            if not (work := self.operator.work()):
                return
            # The watch can be faster than the answers to the operator's own writes.
            self._works(work[0])
            self.the_watch_catches_up()
        raise AssertionError("the operator keeps itself busy")

    def goes_on_until(self, so: Callable[[], object]) -> None:
        """Everybody acts, one step after the other, until something is so."""
        for _ in range(1000):
            if so():
                return
            self.the_watch_catches_up()
            if work := self.operator.work():
                self._works(work[0])
            elif actions := self.controllers.actions():
                actions[0]()
            else:
                self.seconds_pass(5)
        raise AssertionError("it never came to that")

    def the_operator_works(self) -> None:
        """All that it has to do, while the watch shows nothing."""
        while work := self.operator.work():
            self._works(work[0])

    def _works(self, key: Key) -> None:
        try:
            self.operator.advance(key)
        except DeathError:
            self.the_operator_crashes()

    def check(self) -> None:
        """All has come to what was wanted, and then nothing is written, not even by an operator that starts."""
        assert "RUNNING" not in self.registry.runs_of("").values(), "an MLflow run was left running"
        for run in self.server.all("TrainingRun"):
            uid = run["metadata"]["uid"]
            a_run_is_over(run, self.controllers, uid in self.robbed, self.excuses[uid])
            if uid in self.controllers.outcomes:
                its_runs_know_their_commit(run, self.registry)
        for schedule in self.server.all("TrainingSchedule"):
            a_schedule_is_settled(self.server, schedule)
        for sweep in self.server.all("TrainingSweep"):
            a_sweep_is_settled(self.server, sweep)
        for deployment in self.server.all("ModelDeployment"):
            a_deployment_is_settled(self.server, self.registry, deployment)
        the_registry_tells_where_versions_serve(self.server, self.registry)
        self.cluster.writes.clear()
        self.registry.tagged = 0
        self.the_operator_crashes()
        self.settles()
        assert self.cluster.writes == [], "there are writes at rest"
        assert self.registry.tagged == 0, "tags are written at rest"


def following(deployment: ModelDeploymentBuilder, pick: int) -> ModelDeploymentBuilder:
    deadlines = {
        "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
        "keepPreviousSeconds": KEEP_PREVIOUS_SECONDS,
    }
    builder = deployment.with_spec(**deadlines)
    return chosen(
        (builder.following_alias(ALIAS), builder.following_latest(), builder.following_version(2)), pick
    )


def chosen(options: Sequence[T], pick: int) -> T:
    return options[pick % len(options)]
