"""MLflow's REST API, as far as the operator needs it.

Plain requests on the event loop: MLflow's own client blocks, and importing it takes a third of the operator's
memory. https://mlflow.org/docs/latest/rest-api.html
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

from modelcycle.registry import Origin, RegisteredModel, Version
from modelcycle.runtime.mlflow_server import Server
from modelcycle.serving.places import VersionId
from modelcycle.training.observed import (
    CLUSTER_TAG,
    COMMIT_TAG,
    NAME_TAG,
    NAMESPACE_TAG,
    POD_TAG,
    UID_TAG,
    MlflowRun,
    Results,
)
from modelcycle.training.orphans import RUNNING, LeftRunning

MODELS_PAGE, VERSIONS_PAGE, RUNS_PAGE, EXPERIMENTS_PAGE = 1000, 1000, 1000, 1000
WEBHOOKS_PAGE = 100
# What the server takes in one request that puts an artifact.
ARTIFACT_MAX_BYTES = 10 * 1024 * 1024
# So many run ids fit into the address of a request.
RUNS_AT_ONCE = 100
_PARENT_TAG, _NAME_TAG = "mlflow.parentRunId", "mlflow.runName"


class Mlflow:
    """One MLflow server."""

    def __init__(self, tracking_uri: str) -> None:
        self._server = Server(tracking_uri)

    async def close(self) -> None:
        await self._server.close()

    async def models(self) -> list[RegisteredModel]:
        """Every registered model with its aliases and, as the registry gives it, its newest versions."""
        out: list[RegisteredModel] = []
        async for model in self._server.pages("registered-models/search", "registered_models", MODELS_PAGE):
            aliases = {alias["alias"]: int(alias["version"]) for alias in model.get("aliases", ())}
            newest = tuple(_version(version) for version in model.get("latest_versions", ()))
            out.append(RegisteredModel(model["name"], aliases, newest))
        return out

    async def versions(self, model: str) -> tuple[Version, ...]:
        """All versions of a model."""
        filters = name_filter(model)
        pages = self._server.pages("model-versions/search", "model_versions", VERSIONS_PAGE, filter=filters)
        return tuple([_version(version) async for version in pages if version["name"] == model])

    async def download_uri(self, version: Version) -> str:
        """Where the version's folder lies, as the server resolves it."""
        query = {"name": version.name, "version": str(version.number)}
        answer = await self._server.call("GET", "model-versions/get-download-uri", query)
        return str(answer.get("artifact_uri", ""))

    async def origin_of(self, run_id: str) -> Origin:
        """What is known of an MLflow run; nothing of one that is not there."""
        if not run_id:
            return Origin()
        answer = await self._server.call("GET", "runs/get", {"run_id": run_id}, missing_is_empty=True)
        run = answer.get("run", {})
        tags = _pairs(run.get("data", {}).get("tags", ()))
        started_by_us = NAMESPACE_TAG in tags and NAME_TAG in tags
        return Origin(
            training_run=f"{tags[NAMESPACE_TAG]}/{tags[NAME_TAG]}" if started_by_us else "",
            commit=tags.get(COMMIT_TAG, ""),
            metrics=_metrics(run.get("data", {})),
            running=run.get("info", {}).get("status") == "RUNNING",
        )

    async def results(self, training_run_uid: str) -> Results:
        """All MLflow runs that carry a TrainingRun's UID, and the versions that they registered."""
        found = await self._runs(await self._experiments(), f"tags.`{UID_TAG}` = '{training_run_uid}'")
        runs = {run.run_id: run for run in map(_run, found)}
        runs |= await self._untagged_children(runs)
        versions: list[Version] = []
        for ids in _chunks(runs):
            filters = f"run_id IN ({', '.join(repr(run_id) for run_id in ids)})"
            pages = self._server.pages(
                "model-versions/search", "model_versions", VERSIONS_PAGE, filter=filters
            )
            versions += [_version(version) async for version in pages]
        return Results(tuple(runs.values()), tuple(versions))

    async def _untagged_children(self, parents: dict[str, MlflowRun]) -> dict[str, MlflowRun]:
        """Those that autolog starts by the client API, as for each candidate of a grid search.

        They carry no tag of ours; the pod is the parent's.
        """
        if not parents:
            return {}
        experiments = sorted({run.experiment for run in parents.values()})
        since = min(run.start for run in parents.values())
        filters = f"tags.`{_PARENT_TAG}` != '' AND attributes.start_time >= {since}"
        nested = [_run(body) for body in await self._runs(experiments, filters)]
        return {
            run.run_id: replace(run, pod=run.pod or parents[run.parent].pod)
            for run in nested
            if run.parent in parents
        }

    async def left_running(self, cluster: str) -> list[LeftRunning]:
        """The runs of all TrainingRuns of a cluster, by its UID, that have not ended."""
        filters = f"tags.`{CLUSTER_TAG}` = '{cluster}' AND attributes.status = '{RUNNING}'"
        out = []
        for body in await self._runs(await self._experiments(), filters):
            tags = _pairs(body.get("data", {}).get("tags", ()))
            if {NAMESPACE_TAG, NAME_TAG, UID_TAG} <= tags.keys():
                run_id = body["info"]["run_id"]
                out.append(LeftRunning(run_id, tags[NAMESPACE_TAG], tags[NAME_TAG], tags[UID_TAG]))
        return out

    async def _experiments(self) -> list[str]:
        pages = self._server.post_pages("experiments/search", "experiments", EXPERIMENTS_PAGE, {})
        return [experiment["experiment_id"] async for experiment in pages]

    async def _runs(self, experiments: list[str], filters: str) -> list[dict[str, Any]]:
        if not experiments:
            return []
        query = {"experiment_ids": experiments, "filter": filters}
        return [run async for run in self._server.post_pages("runs/search", "runs", RUNS_PAGE, query)]

    async def put_artifact(self, run_id: str, path: str, size: int, content: AsyncIterator[bytes]) -> None:
        """Puts a file of so many bytes, at most ARTIFACT_MAX_BYTES, among a run's artifacts. Raises RegistryError."""
        await self._server.put("upload-artifact", {"run_uuid": run_id, "path": path}, size, content)

    async def version_file(self, model: str, version: str, path: str, limit: int) -> bytes | None:
        """At most so many bytes of a file of a version's folder; None if it is not there. Raises RegistryError."""
        query = {"name": model, "version": version, "path": path}
        return await self._server.file("model-versions/get-artifact", query, limit)

    async def run_file(self, run_id: str, path: str, limit: int) -> bytes | None:
        """The same of a run's artifacts."""
        return await self._server.file("get-artifact", {"run_id": run_id, "path": path}, limit)

    async def ensure_experiment(self, name: str) -> None:
        """Makes an experiment that is not there yet. Raises RegistryError."""
        await self._server.call("POST", "experiments/create", body={"name": name}, taken_is_empty=True)

    async def aliases_of(self, model: str) -> dict[str, int]:
        """Versions by alias, none for a model that is not there. Raises RegistryError."""
        answer = await self._server.call(
            "GET", "registered-models/get", {"name": model}, missing_is_empty=True
        )
        found = answer.get("registered_model", {}).get("aliases", ())
        return {alias["alias"]: int(alias["version"]) for alias in found}

    async def version(self, model: str, number: int) -> Version | None:
        """One version; None if it is not there. Raises RegistryError."""
        query = {"name": model, "version": str(number)}
        answer = await self._server.call("GET", "model-versions/get", query, missing_is_empty=True)
        return _version(answer["model_version"]) if answer else None

    async def end_run(self, run_id: str, status: str, end_time: int) -> None:
        """Sets a run's status; end_time in milliseconds since the epoch. Raises RegistryError."""
        await self._server.call(
            "POST", "runs/update", body={"run_id": run_id, "status": status, "end_time": end_time}
        )

    async def set_tag(self, run_id: str, key: str, value: str) -> None:
        """Sets a tag of a run. Raises RegistryError."""
        await self._server.call("POST", "runs/set-tag", body={"run_id": run_id, "key": key, "value": value})

    async def tagged_versions(self, key: str) -> dict[VersionId, str]:
        """The value of a tag by the versions, of any model, that have it. Raises RegistryError."""
        filters = f"tags.`{key}` != ''"
        pages = self._server.pages("model-versions/search", "model_versions", VERSIONS_PAGE, filter=filters)
        return {(v["name"], int(v["version"])): _pairs(v.get("tags", ()))[key] async for v in pages}

    async def set_version_tag(self, model: str, number: int, key: str, value: str) -> None:
        """Sets a tag of a version. Raises RegistryError."""
        body = {"name": model, "version": str(number), "key": key, "value": value}
        await self._server.call("POST", "model-versions/set-tag", body=body)

    async def delete_version_tag(self, model: str, number: int, key: str) -> None:
        """Removes a tag of a version, where it is. Raises RegistryError."""
        body = {"name": model, "version": str(number), "key": key}
        await self._server.call("DELETE", "model-versions/delete-tag", body=body, missing_is_empty=True)

    async def set_alias(self, model: str, alias: str, version: int) -> None:
        """Points an alias to a version. Raises RegistryError."""
        body = {"name": model, "alias": alias, "version": str(version)}
        await self._server.call("POST", "registered-models/alias", body=body)

    async def ensure_webhook(
        self, name: str, url: str, secret: str, events: Iterable[tuple[str, str]]
    ) -> None:
        """One webhook of this name, active and as given. Raises RegistryError."""
        found = [
            hook
            async for hook in self._server.pages("webhooks", "webhooks", WEBHOOKS_PAGE)
            if hook["name"] == name
        ]
        wanted = [{"entity": entity, "action": action} for entity, action in events]
        body = {"name": name, "url": url, "secret": secret, "status": "ACTIVE", "events": wanted}
        if not found:
            await self._server.call("POST", "webhooks", body=body)
            return
        first, *others = found
        # A secret cannot be read back: it is set again.
        await self._server.call("PATCH", f"webhooks/{first['webhook_id']}", body=body)
        for other in others:
            await self._server.call("DELETE", f"webhooks/{other['webhook_id']}")


def _version(body: dict[str, Any]) -> Version:
    return Version(
        name=body["name"],
        number=int(body["version"]),
        created=int(body.get("creation_timestamp", 0)),
        source=body.get("source", ""),
        run_id=body.get("run_id", ""),
        status=body.get("status", "READY"),
    )


def _run(body: dict[str, Any]) -> MlflowRun:
    info, data = body["info"], body.get("data", {})
    tags = _pairs(data.get("tags", ()))
    return MlflowRun(
        run_id=info["run_id"],
        name=info.get("run_name") or tags.get(_NAME_TAG, ""),
        status=info.get("status", ""),
        start=int(info.get("start_time", 0)),
        parent=tags.get(_PARENT_TAG, ""),
        pod=tags.get(POD_TAG, ""),
        metrics=_metrics(data),
        experiment=info.get("experiment_id", ""),
        commit=tags.get(COMMIT_TAG, ""),
    )


def _metrics(data: dict[str, Any]) -> dict[str, float]:
    return {metric["key"]: float(metric["value"]) for metric in data.get("metrics", ())}


def _chunks(runs: Iterable[str]) -> list[list[str]]:
    ids = list(runs)
    return [ids[at : at + RUNS_AT_ONCE] for at in range(0, len(ids), RUNS_AT_ONCE)]


def _pairs(items: Any) -> dict[str, str]:
    return {item["key"]: item["value"] for item in items}


def name_filter(model: str) -> str:
    """A filter that finds a model's versions, and with a name of both kinds of quotes perhaps others' too.

    MLflow's filters know both quotes and no escapes; in LIKE, _ stands for any character.
    """
    if "'" not in model:
        return f"name='{model}'"
    if '"' not in model:
        return f'name="{model}"'
    return f"name LIKE '{model.replace(chr(39), '_')}'"
