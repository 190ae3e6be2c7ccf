"""What the next step of a ModelDeployment is: the rollout's decision as status and writes."""

from datetime import datetime

from modelcycle.api.modeldeployment import ModelDeploymentStatus
from modelcycle.conditions import Conditions, cut
from modelcycle.plan import REVISION_LABEL, Body, Patch, Plan, Ref
from modelcycle.serving import accessories, in_place, manifests, preparing, way_in, weights
from modelcycle.serving.decision import Rollout
from modelcycle.serving.events import events
from modelcycle.serving.observed import Observed
from modelcycle.serving.rollout import decide

REFUSED_RETRY_SECONDS = 30
_MOVING = {"RolloutInProgress", "RolloutComplete"}


def plan(observed: Observed, now: datetime) -> Plan:
    """Status first; then the switch, the new Deployment, the replicas, and what goes."""
    deployment = observed.deployment
    if deployment.metadata.deletion_timestamp:
        return Plan()
    rollout = decide(observed, now)
    status = judged(observed, rollout, now)
    creates, patches = _writes(observed, rollout)
    after = deployment.model_copy(update={"status": status})
    beside = accessories.changes(after, observed.accessories, rollout.share)
    look_again = rollout.look_again
    if observed.refused or (observed.refusal and not observed.refusal.final):
        look_again = min(look_again or REFUSED_RETRY_SECONDS, REFUSED_RETRY_SECONDS)
    if rollout.candidate and preparing.at_it(observed):
        look_again = min(look_again or preparing.EVERY_SECONDS, preparing.EVERY_SECONDS)
    return Plan(
        status=status,
        creates=(*creates, *beside.creates),
        patches=(*patches, *beside.patches),
        deletes=(*weights.services_over(observed, rollout), *_deletes(observed, rollout), *beside.deletes),
        events=events(deployment.status, status),
        errand=rollout.errand,
        look_again=look_again,
    )


def _writes(observed: Observed, rollout: Rollout) -> tuple[tuple[Body, ...], tuple[Patch, ...]]:
    deployment, service = observed.deployment, observed.service
    creates: list[Body] = []
    patches: list[Patch] = []
    if rollout.create and observed.claim_exists is not False:
        wanted = in_place.replicas(observed, rollout).get(rollout.create.name, deployment.spec.replicas)
        creates.append(manifests.revision_deployment(deployment, observed.defaults, rollout.create, wanted))
    if rollout.switch and service is None:
        creates.append(manifests.client_service(deployment, rollout.switch))
    elif rollout.switch and service and service.revision != rollout.switch:
        ref = Ref("Service", service.name, service.uid, service.resource_version)
        patches.append(Patch(ref, {"spec": {"selector": manifests.labels(deployment, rollout.switch)}}))
    elif rollout.widen and service and not service.wide:
        ref = Ref("Service", service.name, service.uid, service.resource_version)
        patches.append(Patch(ref, {"spec": {"selector": {REVISION_LABEL: None}}}))
    creates += weights.service(observed, rollout)
    return tuple(creates), (*patches, *_scaling(observed, rollout))


def _scaling(observed: Observed, rollout: Rollout) -> tuple[Patch, ...]:
    wanted = in_place.replicas(observed, rollout)
    return tuple(
        Patch(
            Ref("Deployment", d.name, d.uid, d.resource_version), {"spec": {"replicas": wanted[d.revision]}}
        )
        for d in observed.revisions
        if d.revision in wanted and d.replicas != wanted[d.revision] and not d.deleting
    )


def _deletes(observed: Observed, rollout: Rollout) -> tuple[Ref, ...]:
    return tuple(
        Ref("Deployment", d.name, d.uid)
        for d in observed.revisions
        if d.revision not in rollout.keep and not d.deleting
    )


def judged(observed: Observed, rollout: Rollout, now: datetime) -> ModelDeploymentStatus:
    """The status that the observed world and the decision amount to."""
    deployment, serving = observed.deployment, rollout.serving
    pods = observed.pods_of(serving.revision) if serving else ()
    conditions = Conditions(deployment.status.conditions, deployment.metadata.generation, now)
    ready = sum(pod.ready for pod in pods)
    _judge_ready(conditions, observed, rollout, ready)
    _judge_up_to_date(conditions, rollout)
    _judge_registry(conditions, observed)
    accessories.judge(conditions, observed)
    reason, message = _said(observed, rollout)
    conditions.judge("Progressing", reason in _MOVING, reason, message)
    return deployment.status.model_copy(
        update={
            "observed_generation": deployment.metadata.generation,
            "conditions": conditions.all(),
            "serving": serving,
            "candidate": rollout.candidate,
            "rejected": list(rollout.rejected),
            "history": list(rollout.history),
            "approved": rollout.approved or None,
            "retry_handled": rollout.retry_handled or None,
            "url": way_in.url(observed) if serving else None,
            "replicas": sum(not pod.over for pod in pods),
            "ready_replicas": ready,
            "selector": _selector(observed, serving.revision) if serving else None,
            "reason": reason,
            "message": cut(message),
        }
    )


def _said(observed: Observed, rollout: Rollout) -> tuple[str, str]:
    refusal = observed.refusal
    if refusal and not refusal.final:
        return refusal.reason, refusal.message
    return rollout.reason, rollout.message


def _selector(observed: Observed, revision: str) -> str:
    return ",".join(f"{k}={v}" for k, v in manifests.labels(observed.deployment, revision).items())


def _judge_ready(conditions: Conditions, observed: Observed, rollout: Rollout, ready: int) -> None:
    if observed.deployment.spec.replicas == 0:
        conditions.judge("Ready", False, "ScaledToZero", "spec.replicas is 0.")
    elif rollout.serving is None or observed.service is None:
        conditions.judge("Ready", False, "NothingServes", rollout.message)
    elif ready == 0 and rollout.candidate and in_place.is_changing_over(rollout.candidate):
        message = f"Version {rollout.candidate.version} takes the place of version {rollout.serving.version}."
        conditions.judge("Ready", False, "Recreating", message)
    elif ready == 0:
        message = f"No pod of version {rollout.serving.version} is ready."
        conditions.judge("Ready", False, "NoReadyPods", message)
    else:
        conditions.judge("Ready", True, "Serving", f"Version {rollout.serving.version} answers clients.")


def _judge_up_to_date(conditions: Conditions, rollout: Rollout) -> None:
    if rollout.target is None:
        conditions.judge("UpToDate", None, rollout.reason, rollout.message)
    elif rollout.serving and rollout.serving.revision == rollout.target.name:
        conditions.judge(
            "UpToDate", True, "Serving", f"Version {rollout.serving.version} is what is followed."
        )
    else:
        message = f"Version {rollout.target.version.number} is followed and does not serve yet."
        conditions.judge("UpToDate", False, rollout.reason, message)


def _judge_registry(conditions: Conditions, observed: Observed) -> None:
    if observed.registry_problem:
        conditions.judge("RegistryReachable", False, "RegistryUnreachable", observed.registry_problem)
    elif observed.resolution:
        conditions.judge("RegistryReachable", True, "Answered")
    resolution, files = observed.resolution, observed.files
    if resolution is None:
        return
    if resolution.version and files and files.problem:
        conditions.judge("ModelResolved", False, "FilesNotMounted", files.problem)
    else:
        holds = resolution.version is not None
        conditions.judge("ModelResolved", holds, resolution.reason, resolution.message)
