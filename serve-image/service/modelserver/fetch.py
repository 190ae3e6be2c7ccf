"""Copies the files of a version that are not on the mount into the cache: from an object store, or through MLflow."""

import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from modelserver import cache as caching
from modelserver.failures import NO_ROOM, NeverServableError, NotServableNowError, judge, one_line

log = logging.getLogger(__name__)

OBJECT_STORES = ("s3://", "s3a://", "gs://", "az://", "abfs://", "abfss://")
AT_ONCE = 8
_CHUNK = 8 * 2**20
_MISSING = re.compile(r"NoSuchKey|NoSuchBucket|NotFound|\b404\b|does not exist|RESOURCE_DOES_NOT_EXIST")


def fetch(uri: str, cache: Path) -> Path:
    """The folder that holds the model at `uri`, fetched once; the address and its credentials are MLflow's.

    Raises NeverServableError where nothing is there, NotServableNowError where nobody answers.
    """
    key = hashlib.sha256(uri.encode()).hexdigest()[:16]

    def make(content: Path) -> None:
        try:
            download = _from_object_store if uri.startswith(OBJECT_STORES) else _through_mlflow
            sizes = download(uri, content)
        except Exception as error:
            raise _verdict(uri, error) from error
        _whole(uri, content, sizes)

    return caching.ensure(cache, "models", key, make)


def _from_object_store(uri: str, content: Path) -> dict[str, int]:
    import obstore

    store = obstore.store.from_url(uri, **_access(uri, os.environ))
    sizes = {found["path"]: found["size"] for some in obstore.list(store) for found in some}
    _said(uri, sizes)

    def copy(path: str) -> None:
        file = _below(content, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as opened:
            for chunk in obstore.get(store, path).stream(min_chunk_size=_CHUNK):
                opened.write(chunk)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(copy, sizes))
    return sizes


def _access(uri: str, env: Mapping[str, str]) -> dict[str, Any]:
    """What MLflow's variables say beyond those of the stores' own, which obstore reads itself."""
    options: dict[str, Any] = {"retry_config": {"max_retries": 2}}
    endpoint = env.get("MLFLOW_S3_ENDPOINT_URL") or env.get("AWS_ENDPOINT_URL")
    if uri.startswith("s3") and endpoint:
        options["config"] = {"endpoint": endpoint}
        options["client_options"] = {"allow_http": endpoint.startswith("http://")}
    return options


def _through_mlflow(uri: str, content: Path) -> dict[str, int]:
    # MLflow's own patience of minutes is the kubelet's here, which starts the container again.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    # It takes a second, and most versions lie on the mount.
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(uri)
    sizes = dict(_listed(repository, None))
    _said(uri, sizes)
    repository.download_artifacts("", dst_path=str(content))
    return sizes


def _listed(repository: Any, folder: str | None) -> Iterator[tuple[str, int]]:
    for found in repository.list_artifacts(folder):
        if found.is_dir:
            yield from _listed(repository, found.path)
        else:
            yield found.path, found.file_size


def _said(uri: str, sizes: dict[str, int]) -> None:
    if "MLmodel" not in sizes:
        raise NeverServableError(
            f"There is no MLmodel at {uri}: it was deleted, or the model was logged elsewhere. "
            "Train and register another version."
        )
    log.info("fetching %d files, %d bytes, from %s", len(sizes), sum(sizes.values()), uri)


def _below(content: Path, path: str) -> Path:
    file = (content / path).resolve()
    if not file.is_relative_to(content.resolve()):
        raise NeverServableError(
            f"The store names a file {path!r}, which lies outside of the model's folder."
        )
    return file


def _whole(uri: str, content: Path, sizes: dict[str, int]) -> None:
    cut = [path for path, size in sizes.items() if (content / path).stat().st_size != size]
    if cut:
        raise NotServableNowError(
            f"Of the files at {uri} these came incomplete: {', '.join(cut)}. It is tried again."
        )


def _verdict(uri: str, error: Exception) -> Exception:
    said = one_line(f"{type(error).__name__}: {error}", limit=500)
    if isinstance(error, NeverServableError | NotServableNowError | ImportError) or NO_ROOM.search(said):
        return judge(error, f"Fetching the model from {uri}")
    if _MISSING.search(said):
        return NeverServableError(
            f"There is no model at {uri} ({said}): it was deleted. Train and register another version."
        )
    return NotServableNowError(
        f"The model at {uri} could not be fetched ({said}). Check that its store is reachable from pods, and that "
        "spec.env gives the credentials that MLflow's client reads (AWS_ACCESS_KEY_ID, MLFLOW_S3_ENDPOINT_URL, …)."
    )
