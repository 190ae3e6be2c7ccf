"""What the world must have come to at rest."""

from collections import defaultdict

from modelcycle.api.modeldeployment import ModelDeployment, Serving
from modelcycle.plan import REVISION_LABEL, Body
from modelcycle.registry import RegisteredModel, identity, resolve
from modelcycle.serving.revision import name as revision_name
from modelcycle.training.orphans import RUNNING

from tests.builders.base import DEFAULTS, MODEL
from tests.convergence.cluster import ApiServer, log_of
from tests.convergence.controllers import COMMIT, Controllers, ready
from tests.convergence.laws import selected
from tests.convergence.registry import ELSEWHERE, MemoryRegistry


def a_run_is_over(run: Body, controllers: Controllers, job_was_deleted: bool, excuses: set[str]) -> None:
    """It says how its Job ended, and which version the pod that succeeded has registered; all it said is so.

    excuses: reasons for which it may have ended before its Job did.
    """
    status, uid = run["status"], run["metadata"]["uid"]
    runs = controllers.registry.runs_of(uid)
    assert RUNNING not in runs.values()
    said_of_runs = {seen["runId"]: seen["status"] for seen in status.get("runs", ())}
    assert said_of_runs.items() <= runs.items()
    assert job_was_deleted or excuses or said_of_runs == runs
    stored = next((c for c in status["conditions"] if c["type"] == "LogStored"), None)
    if stored and stored["status"] == "True":
        jobs = controllers.server.owned("Job", run)
        names = [pod["metadata"]["name"] for job in jobs for pod in controllers.server.owned("Pod", job)]
        kept = controllers.registry.artifacts[status["runId"]]
        assert {f"logs/{name}.log": log_of(name) for name in names}.items() <= kept.items()
    true = {c["type"] for c in status["conditions"] if c["status"] == "True"}
    said = "Complete" if "Complete" in true else status["reason"]
    assert "Finished" in true
    assert not {"Suspended", "Stalled"} & true
    if job_was_deleted or said in excuses:
        return
    if uid not in controllers.outcomes:
        assert said == "JobRefused"
        return
    outcome, version = controllers.outcomes[uid]
    judged = any(c["type"] == "Promoted" for c in status["conditions"])
    assert judged == ("promote" in run["spec"].get("model", {}))
    assert "Promoted" not in true or (outcome == "Complete" and version)
    assert (said, status.get("version")) == (outcome if outcome == "Complete" else "CommandFailed", version)


def its_runs_know_their_commit(run: Body, registry: MemoryRegistry) -> None:
    """Where status tells of runs of a source from git, all of them are tagged with the commit that it tells of."""
    from_git = "git" in (run["spec"].get("source") or {})
    told = [entry["runId"] for entry in run["status"].get("runs", ())]
    commits = {logged.commit for logged, _ in registry.logged if logged.run_id in told}
    assert commits <= {COMMIT if from_git else ""}
    assert not told or run["status"].get("commit") == (COMMIT if from_git else None)


def a_deployment_is_settled(server: ApiServer, registry: MemoryRegistry, body: Body) -> None:
    """It serves what is followed unless that was rejected, all else of it is gone, and it says so."""
    deployment = ModelDeployment.model_validate(body)
    name, replicas, status = deployment.metadata.name, deployment.spec.replicas, deployment.status
    serving, service = status.serving.revision if status.serving else "", server.find("Service", name)
    wide = service is not None and not selected(service)
    assert serving == selected(service) or not service or wide
    assert not wide or status.reason == "Inconclusive"
    target = followed(deployment, registry)
    rejected = target in {entry.revision for entry in status.rejected}
    waits = status.reason in ("Held", "AwaitingApproval", "RegistryWentBack", "Inconclusive")
    assert not target or serving == target or rejected or not replicas or waits, f"{target} does not serve"
    assert status.reason != "Held" or deployment.spec.hold
    assert status.reason != "AwaitingApproval" or deployment.spec.promotion == "Manual"
    assert status.reason != "RegistryWentBack" or not is_there(status.serving, registry)
    assert not (serving == target and rejected)
    made = {d["metadata"]["labels"][REVISION_LABEL]: d for d in server.owned("Deployment", body)}
    pods = [pod for pod in server.owned("Pod", made[serving]) if ready(pod)] if serving in made else []
    assert service or not pods, "what could serve has no Service"
    # Where somebody deletes what serves it is made again, unless the spec has changed since.
    shapes = {revision_name(deployment, DEFAULTS, version) for version in registry.made.values()}
    assert serving in made or serving not in shapes
    # What broke before clients were seen to be led to it has not settled: the one before it stays warm.
    answers = status.serving and status.serving.since
    warm = {status.candidate.revision} if status.candidate else set()
    assert set(made) <= {serving, *warm} or (not answers and not pods and len(made) == 2)
    its_way_in_is_settled(server, body, status.reason == "Inconclusive")
    conditions = {c.type: c.status for c in status.conditions}
    assert conditions["Ready"] == ("True" if pods else "False")
    if status.serving and serving == target:
        assert (status.serving.commit or "") == registry.commit_of(status.serving.run_id or "")
    assert (conditions["UpToDate"] == "True") == bool(target and serving == target)
    assert status.ready_replicas == len(pods)
    assert serving not in made or made[serving]["spec"]["replicas"] == replicas
    assert not status.candidate or not pods or status.reason in ("AwaitingApproval", "Inconclusive")


def its_way_in_is_settled(server: ApiServer, body: Body, shares: bool) -> None:
    """What spec.route asks for is there, and nothing else; who shares clients waits for somebody to decide."""
    name, route = body["metadata"]["name"], body["spec"].get("route")
    made = {kind: server.owned(kind, body) for kind in ("Ingress", "HTTPRoute")}
    wanted = {
        "Ingress": bool(route and "gateway" not in route),
        "HTTPRoute": bool(route and "gateway" in route),
    }
    assert {kind: bool(there) for kind, there in made.items()} == wanted
    backends = [b["name"] for r in made["HTTPRoute"] for b in r["spec"]["rules"][0]["backendRefs"]]
    own = [service["metadata"]["name"] for service in server.owned("Service", body)]
    assert shares or (backends in ([], [name]) and own in ([], [name]))
    routed = next((c["status"] for c in body["status"]["conditions"] if c["type"] == "Routed"), "")
    led = bool(route) and ("gateway" not in route or name in own)
    assert routed == ("" if not route else "True" if led else "False")
    assert body["status"].get("url", "").endswith("example.org") == (
        bool(led) and "serving" in body["status"]
    )


def is_there(serving: Serving | None, registry: MemoryRegistry) -> bool:
    version = registry.made.get(int(serving.version)) if serving else None
    return serving is not None and version is not None and identity(version) == serving.identity


def followed(deployment: ModelDeployment, registry: MemoryRegistry) -> str:
    """The revision that should serve, or "" if there is none that could."""
    model = RegisteredModel(MODEL, registry.aliases, tuple(registry.made.values()))
    version = resolve(deployment.spec.model, model if model.versions else None).version
    if version is None or registry.behaviour[version.number] == ELSEWHERE:
        return ""
    return revision_name(deployment, DEFAULTS, version)


def the_registry_tells_where_versions_serve(server: ApiServer, registry: MemoryRegistry) -> None:
    wanted: dict[int, set[str]] = defaultdict(set)
    for body in server.all("ModelDeployment"):
        serving = body.get("status", {}).get("serving") or {}
        number = int(serving.get("version", 0))
        if "identity" in serving and number in registry.made:
            wanted[number].add(f"{body['metadata']['namespace']}/{body['metadata']['name']}")
    told = {number: value for number, value in registry.places.items() if value and number in registry.made}
    assert told == {number: ", ".join(sorted(names)) for number, names in wanted.items()}
