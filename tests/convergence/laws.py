"""What must never happen, judged at each write of the operator."""

import json
from collections import defaultdict
from datetime import datetime

from modelcycle.api.modeldeployment import ModelDeployment
from modelcycle.plan import DEPLOYMENT_LABEL, REVISION_LABEL, Body
from modelcycle.serving.revision import name as revision_name
from modelcycle.training.observed import POD_TAG

from tests.builders.base import DEFAULTS
from tests.convergence.cluster import REFUSED, ApiServer, controller
from tests.convergence.controllers import Controllers, ready
from tests.convergence.process import Process
from tests.convergence.registry import CRASHES, ERRS, UNSERVABLE, MemoryRegistry
from tests.convergence.schedule_laws import (
    a_run_is_made_when_it_is_due_and_once,
    only_the_oldest_run_is_deleted,
)
from tests.convergence.sweep_laws import a_sweep_starts_what_it_may


class Laws:
    """
    Attributes:
        operator: the process that is judged, with what it has seen.
        made: names of all Deployments that it has made.
        ends: by UID of a TrainingRun, the reason of each terminal status that was written.
        outside: UIDs of pods and Deployments that somebody or something else than the operator took away or
            made unready: until the operator has seen that, it cannot know.
        past_parity: UID of a ModelDeployment and candidate revision, where parity was not wanted by the time that it
            got past it.
    """

    def __init__(self, server: ApiServer, registry: MemoryRegistry, controllers: Controllers) -> None:
        self.server = server
        self.controllers = controllers
        self.registry = registry
        self.operator: Process
        self.made: set[str] = set()
        self.outside: set[str] = set()
        self.ends: dict[str, list[str]] = defaultdict(list)
        self.past_parity: set[tuple[str, str]] = set()

    def judge(self, before: Body | None, after: Body | None) -> None:
        """A write of the operator that has just been carried out."""
        kind = (after or before or {})["kind"]
        if kind in ("TrainingRun", "TrainingSweep"):
            self._of_a_run(before, after)
        elif kind == "Job" and before and not after:
            self._only_what_is_over_is_stopped(before)
        elif kind == "ModelDeployment" and before and after:
            self._a_version_is_rejected_for_what_it_is(before, after)
            self._note_who_is_past_parity(after)
            self._what_serves_goes_first_where_it_must(before, after)
        elif kind == "Job" and after and not before:
            self._a_job_is_made_once(after)
        elif kind == "Service" and after:
            self._clients_are_sent_somewhere(before, after)
        elif kind == "HTTPRoute" and after:
            self._a_gateway_leads_to_a_canary_that_is_proven(after)
        elif kind in ("Service", "Deployment") and before and not after:
            self._nobody_deletes_what_a_gateway_leads_to(before)
            if kind == "Deployment":
                self._nobody_deletes_what_serves(before)
        elif kind == "Deployment" and after:
            self._a_revision_gets_pods(before, after)

    def _clients_are_sent_somewhere(self, before: Body | None, after: Body) -> None:
        if before and not selected(after):
            self._clients_are_sent_to_a_canary_that_is_proven(after)
        elif self._serves(after) and (before is None or not selected(before)):
            # They could meet its pods all along: now the candidate's no more, or until somebody deleted the Service.
            return
        elif selected(before) != selected(after):
            if not self._room_is_given_back(before, after):
                self._clients_are_sent_to_what_is_proven(after)
            self._clients_are_sent_to_what_is_approved(selected(before), after)
            self._clients_are_sent_to_what_answers_alike(after, selected(after))

    def _room_is_given_back(self, before: Body | None, service: Body) -> bool:
        """What failed after it had taken the place of another gives that back; the other's pods have yet to come."""
        owner = service["metadata"]["name"]
        live = self.server.find("ModelDeployment", owner) or {}
        failed = [entry["revision"] for entry in live.get("status", {}).get("rejected", ())]
        back = self.server.find("Deployment", f"{owner}-{selected(service)}")
        return bool(selected(before) in failed and back and not back["spec"]["replicas"])

    def _serves(self, service: Body) -> bool:
        live = self.server.find("ModelDeployment", service["metadata"]["name"])
        serving = (live or {}).get("status", {}).get("serving") or {}
        return bool(serving.get("revision") == selected(service))

    def _a_revision_gets_pods(self, before: Body | None, after: Body) -> None:
        if before is None:
            self.made.add(after["metadata"]["name"])
        wanted = self.operator.replicas[after["metadata"]["labels"][DEPLOYMENT_LABEL]]
        assert after["spec"]["replicas"] <= max(wanted), "nobody wants so many pods"
        self._who_takes_the_place_of_another_is_alone(before, after)

    def _of_a_run(self, before: Body | None, after: Body | None) -> None:
        if before is None and after:
            a_run_is_made_when_it_is_due_and_once(self.server, after)
            a_sweep_starts_what_it_may(self.server, after)
        if before is None:
            return
        if after is None:
            if not self._its_time_is_over(before):
                assert controller(before), "it has time left"
                only_the_oldest_run_is_deleted(self.server, before)
            return
        self._what_is_recorded_stays(before.get("status", {}), after["status"])
        if after["status"].get("completionTime"):
            self.ends[after["metadata"]["uid"]].append(after["status"]["reason"])

    def _what_is_recorded_stays(self, before: Body, after: Body) -> None:
        assert not before.get("completionTime") or before == after, "a terminal status was changed"
        assert before.get("jobUID") in (None, after.get("jobUID")), "another Job was recorded"

    def _its_time_is_over(self, run: Body) -> bool:
        ttl, conditions = (
            run["spec"].get("ttlSecondsAfterFinished"),
            run.get("status", {}).get("conditions", ()),
        )
        finished = next((c["lastTransitionTime"] for c in conditions if c["type"] == "Finished"), None)
        if ttl is None or finished is None:
            return False
        return (self.server.now - datetime.fromisoformat(finished)).total_seconds() >= float(ttl)

    def _only_what_is_over_is_stopped(self, job: Body) -> None:
        run = self.server.find("TrainingRun", job["metadata"]["name"])
        if run and run["metadata"]["uid"] == controller(job):
            assert run["status"].get("completionTime"), "a Job was stopped though its run goes on"

    def _a_job_is_made_once(self, job: Body) -> None:
        run = self.server.find("TrainingRun", job["metadata"]["name"])
        if run is None or run["metadata"]["uid"] != controller(job):
            return
        experiment = run["spec"].get("experiment")
        assert not experiment or experiment in self.registry.experiments, "a Job has no experiment to log to"
        assert not run.get("status", {}).get("jobUID"), "a second Job was made"
        assert self._nodes_can_meet(job, run), "a Job of several nodes was made before their Service"

    def _nodes_can_meet(self, job: Body, run: Body) -> bool:
        deleted = any(uid.startswith("service-") for uid in self.outside)
        return "completionMode" not in job["spec"] or deleted or bool(self.server.owned("Service", run))

    def no_run_is_ended_that_goes_on(self, tags: dict[str, str]) -> None:
        """The operator has ended an MLflow run."""
        pod = self.server.find("Pod", tags[POD_TAG])
        if pod is None or pod["status"]["phase"] in ("Succeeded", "Failed"):
            return
        owners = [job["metadata"]["uid"] for job in self.server.all("Job")]
        assert controller(pod) not in owners, "a run was ended while its pod goes on"

    def _clients_are_sent_to_what_is_proven(self, service: Body) -> None:
        owner, revision = service["metadata"]["name"], selected(service)
        live = self.server.find("ModelDeployment", owner)
        if live is None or live["metadata"]["uid"] != controller(service):
            return
        rejected = [entry["revision"] for entry in live.get("status", {}).get("rejected", ())]
        assert revision not in rejected, f"clients were sent to {revision}, which is rejected"
        proven = [pod for pod in self._pods(owner, revision) if ready(pod)]
        enough = len(proven) >= min(self.operator.replicas[owner])
        assert enough or self._what_was_seen_is_gone(owner), f"{revision} was not proven"

    def _clients_are_sent_to_what_is_approved(self, before: str, service: Body) -> None:
        owner, revision = service["metadata"]["name"], selected(service)
        live = self.server.find("ModelDeployment", owner)
        if live is None or live["metadata"]["uid"] != controller(service):
            return
        status = live.get("status", {})
        back = any(entry["revision"] == before for entry in status.get("rejected", ()))
        again = status.get("serving", {}).get("revision") == revision
        approved = status.get("approved") == revision or "Automatic" in self.operator.promotions[owner]
        assert approved or back or again, f"nobody approved {revision}"

    def _note_who_is_past_parity(self, deployment: Body) -> None:
        candidate = deployment["status"].get("candidate") or {}
        if "parity" not in deployment["spec"] and (candidate.get("canary") or candidate.get("inPlace")):
            self.past_parity.add((deployment["metadata"]["uid"], candidate["revision"]))

    def _clients_are_sent_to_what_answers_alike(self, way: Body, revision: str) -> None:
        """By a Service or an HTTPRoute. Unless parity is not wanted, somebody has approved it, or it serves or has
        served here before."""
        owner = way["metadata"]["name"]
        live = self.server.find("ModelDeployment", owner)
        if live is None or live["metadata"]["uid"] != controller(way):
            return
        status, uid = live["status"], live["metadata"]["uid"]
        candidate, version = status.get("candidate") or {}, int(revision.removeprefix("v").split("-")[0])
        served = {entry["version"] for entry in [status.get("serving"), *status.get("history", ())] if entry}
        wanted = False not in self.operator.parities[owner] and (uid, revision) not in self.past_parity
        if not wanted or not status.get("serving") or str(version) in served:
            return
        verdict = (candidate.get("parity") or {}).get("verdict")
        approved = candidate.get("inPlace") and "Manual" in self.operator.promotions[owner]
        assert verdict in ("Passed", "Waived") or approved, f"{revision} was not compared"
        lenient = (live["spec"].get("parity") or {}).get("maxChangedFraction") == 1
        before = int(status["serving"]["version"])
        alike = len({before, version} & self.registry.odd) != 1
        assert alike or verdict == "Waived" or approved or lenient, f"{revision} answers otherwise"

    def _clients_are_sent_to_a_canary_that_is_proven(self, service: Body) -> None:
        """Every pod that they can meet is of what serves or of the candidate, and the candidate has a ready one."""
        owner = service["metadata"]["name"]
        live = self.server.find("ModelDeployment", owner)
        if live is None or live["metadata"]["uid"] != controller(service):
            return
        status = live["status"]
        candidate = status["candidate"]["revision"]
        assert status["candidate"]["step"] == "Canary"
        assert candidate not in [entry["revision"] for entry in status.get("rejected", ())]
        known = [pod for pod in self.server.all("Pod") if pod["metadata"]["uid"] in self.operator.pods[owner]]
        met = {pod["metadata"]["labels"][REVISION_LABEL] for pod in known}
        assert met <= {candidate, status["serving"]["revision"]}, f"clients can meet {met}"
        self._clients_are_sent_to_what_answers_alike(service, candidate)
        proven = any(ready(pod) for pod in self._pods(owner, candidate))
        assert proven or self._what_was_seen_is_gone(owner), f"{candidate} was not proven"

    def _a_gateway_leads_to_a_canary_that_is_proven(self, route: Body) -> None:
        """Besides the clients' Service it names that of the candidate alone, all pods of which were ready."""
        owner = route["metadata"]["name"]
        backends = route["spec"]["rules"][0]["backendRefs"]
        others = [backend["name"] for backend in backends if backend["name"] != owner and backend["weight"]]
        live = self.server.find("ModelDeployment", owner)
        if not others or live is None or live["metadata"]["uid"] != controller(route):
            return
        status = live["status"]
        candidate = status["candidate"]["revision"]
        assert others == [f"{owner}-{candidate}"]
        self._clients_are_sent_to_what_answers_alike(route, candidate)
        assert status["candidate"]["step"] in ("Canary", "AwaitingApproval")
        assert candidate not in [entry["revision"] for entry in status.get("rejected", ())]
        manual = self.operator.promotions[owner] == {"Manual"}
        assert not manual or status.get("approved") == candidate, f"nobody approved {candidate}"
        proven = [pod for pod in self._pods(owner, candidate) if ready(pod)]
        enough = len(proven) >= min(self.operator.replicas[owner])
        slices = self.server.find("EndpointSlice", others[0]) or {"endpoints": ()}
        there = enough and any(endpoint["conditions"]["ready"] for endpoint in slices["endpoints"])
        assert there or self._what_was_seen_is_gone(owner), f"{candidate} was not proven"

    def _nobody_deletes_what_a_gateway_leads_to(self, child: Body) -> None:
        labels = child["metadata"]["labels"]
        owner, name = labels[DEPLOYMENT_LABEL], child["metadata"]["name"]
        assert child["kind"] != "Service" or name != owner, "clients have lost their Service"
        gone = not self.server.find("Service", name) and any(u.startswith("service") for u in self.outside)
        assert name not in self.controllers.led_to(owner) or gone, f"a Gateway leads requests to {name}"

    def _who_takes_the_place_of_another_is_alone(self, before: Body | None, deployment: Body) -> None:
        """Neither does what comes back come before the other's pods have gone."""
        labels = deployment["metadata"]["labels"]
        owner, revision = labels[DEPLOYMENT_LABEL], labels[REVISION_LABEL]
        live = self.server.find("ModelDeployment", owner)
        if (
            live is None
            or live["metadata"]["uid"] != controller(deployment)
            or not deployment["spec"]["replicas"]
        ):
            return
        candidate = live.get("status", {}).get("candidate") or {}
        takes_the_place = before is None and candidate.get("inPlace") and candidate["revision"] == revision
        comes_back = before is not None and not before["spec"]["replicas"] and not candidate
        if not takes_the_place and not comes_back:
            return
        others = [
            pod["metadata"]["name"]
            for pod in self.server.all("Pod")
            if pod["metadata"]["uid"] in self.operator.pods[owner]
            and pod["metadata"]["labels"][REVISION_LABEL] != revision
        ]
        assert not others, f"{revision} has no room beside {others}"

    def _what_serves_goes_first_where_it_must(self, before: Body, after: Body) -> None:
        """With Recreate, or where a candidate that may take its place has not found room beside it."""
        candidate = after["status"].get("candidate") or {}
        known = before.get("status", {}).get("candidate") or {}
        if not candidate.get("inPlace") or known.get("inPlace"):
            return
        strategies = self.operator.strategies[after["metadata"]["name"]]
        crowded_out = candidate["revision"] in self.controllers.crowded_out
        may = any(strategy.get("recreateWhenUnschedulable") for strategy in strategies)
        recreate = any(strategy.get("type") == "Recreate" for strategy in strategies)
        assert recreate or (crowded_out and may), "what serves went without need"

    def _nobody_deletes_what_serves(self, deployment: Body) -> None:
        labels = deployment["metadata"]["labels"]
        service = self.server.find("Service", labels[DEPLOYMENT_LABEL])
        own = {pod["metadata"]["name"] for pod in self.server.owned("Pod", deployment) if ready(pod)}
        if not service or not own:
            return
        assert selected(service) != labels[REVISION_LABEL], "what serves was deleted"
        wanted = self.operator.replicas[labels[DEPLOYMENT_LABEL]]
        led_to = self.operator.endpoints[labels[DEPLOYMENT_LABEL]]
        assert not led_to or led_to - own or 0 in wanted, "clients are still led to what was deleted"

    def _what_was_seen_is_gone(self, owner: str) -> bool:
        well = [body for body in self.server.objects.values() if body["kind"] != "Pod" or ready(body)]
        return bool(self.outside & self.operator.seen[owner] - {body["metadata"]["uid"] for body in well})

    def _a_version_is_rejected_for_what_it_is(self, before: Body, after: Body) -> None:
        known = [entry["revision"] for entry in before.get("status", {}).get("rejected", ())]
        for entry in after["status"]["rejected"]:
            revision, version, reason = entry["revision"], int(entry["version"]), entry["reason"]
            if revision in known:
                continue
            deployment = ModelDeployment.model_validate(after)
            behaviour = self.registry.behaviour[version]
            match reason:
                case "ModelNotServable" | "CrashLoop":
                    assert behaviour == {"ModelNotServable": UNSERVABLE, "CrashLoop": CRASHES}[reason]
                case "DeploymentRefused":
                    assert REFUSED in json.dumps(after["spec"])
                    made = self.registry.made.get(version)  # a registry that was down can have lost it
                    assert made is None or revision == revision_name(deployment, DEFAULTS, made)
                case "CanaryFailed":
                    assert behaviour == ERRS
                case "RequirementNotMet":
                    assert self.registry.accuracy_of(version) < 0.8
                case "ParityFailed" | "ParityInconclusive":
                    self._it_did_not_stand_the_comparison(before, version, reason)
                case "FailedAfterSwitch":
                    assert self.outside, "it did not fail"
                case "ProgressDeadlineExceeded":
                    assert f"{deployment.metadata.name}-{revision}" in self.made, "it never had a chance"
                case _:
                    raise AssertionError(f"{revision} was rejected: {entry}")

    def _it_did_not_stand_the_comparison(self, deployment: Body, version: int, reason: str) -> None:
        status = deployment["status"]
        assert "parity" in deployment["spec"]
        if reason == "ParityInconclusive":
            assert status["candidate"]["inPlace"], "it could have waited"
            return
        otherwise = len({int(status["serving"]["version"]), version} & self.registry.odd) == 1
        assert otherwise or self.registry.behaviour[version] == ERRS, f"{version} answers alike"

    def _pods(self, owner: str, revision: str) -> list[Body]:
        """Those that will stay: a pod whose Deployment is gone goes with it."""
        deployment = self.server.find("Deployment", f"{owner}-{revision}")
        return self.server.owned("Pod", deployment) if deployment else []


def selected(service: Body | None) -> str:
    """The revision that clients are sent to."""
    return str(service["spec"]["selector"].get(REVISION_LABEL, "")) if service else ""
