"""What a person says to a rollout by an annotation of the ModelDeployment."""

from collections.abc import Iterable

from modelcycle.api.modeldeployment import APPROVE, RETRY, Candidate, ModelDeployment, Rejected


def names(said: str, version: str, revision: str) -> bool:
    """Whether "<version or revision>", or the same and "/<any token>", means this one."""
    return said.split("/")[0] in (version, revision)


def approval(deployment: ModelDeployment) -> str:
    """The approving annotation as it is now."""
    return deployment.metadata.annotations.get(APPROVE, "")


def approves(deployment: ModelDeployment, candidate: Candidate) -> bool:
    """An annotation counts that came while the candidate waited: one from before meant another candidate."""
    said = approval(deployment)
    if candidate.step != "AwaitingApproval" or said == (candidate.prior_approval or ""):
        return False
    return names(said, candidate.version, candidate.revision)


def how_to_approve(deployment: ModelDeployment, candidate: Candidate) -> str:
    """The command that lets a candidate that waits take over."""
    meta, said = deployment.metadata, candidate.version
    taken = (candidate.prior_approval or "") == said
    value = f"{said}/again" if taken else said
    return (
        f"{_of_another(deployment, candidate)}It waits for approval: kubectl annotate --overwrite modeldeployment {meta.name} "
        f"--namespace {meta.namespace} {APPROVE}={value}"
    )


def _of_another(deployment: ModelDeployment, candidate: Candidate) -> str:
    """What is said of an approval that came during the wait and names something else."""
    said = approval(deployment)
    came = candidate.step == "AwaitingApproval" and said not in ("", candidate.prior_approval)
    if not came or names(said, candidate.version, candidate.revision):
        return ""
    return f"{APPROVE} names {said!r}, and what waits is version {candidate.version} ({candidate.revision}). "


def not_retried(deployment: ModelDeployment, rejected: Iterable[Rejected]) -> tuple[Rejected, ...]:
    """The rejections that a new retry annotation leaves."""
    said = deployment.metadata.annotations.get(RETRY, "")
    if said == (deployment.status.retry_handled or ""):
        return tuple(rejected)
    return tuple(entry for entry in rejected if not names(said, entry.version, entry.revision))
