"""Copies the files of a version that are not on the mount into the cache: from S3, or through MLflow's proxy."""

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelserver import cache as caching
from modelserver.failures import NeverServableError, NotServableNowError, judge, one_line

log = logging.getLogger(__name__)

_MISSING = re.compile(r"NoSuchKey|NoSuchBucket|\b404\b|Not Found|does not exist|RESOURCE_DOES_NOT_EXIST")


def fetch(uri: str, cache: Path) -> Path:
    """The folder that holds the model at `uri`, fetched once; the address and its credentials are MLflow's.

    Raises NeverServableError where nothing is there, NotServableNowError where nobody answers.
    """
    key = hashlib.sha256(uri.encode()).hexdigest()[:16]

    def make(content: Path) -> None:
        try:
            _download(uri, content)
        except (NeverServableError, NotServableNowError):
            raise
        except Exception as error:
            raise _verdict(uri, error) from error

    return caching.ensure(cache, "models", key, make)


def _download(uri: str, content: Path) -> None:
    # MLflow's own patience of minutes is the kubelet's here, which starts the container again.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    # Imported where it is needed: it takes a second, and most versions lie on the mount.
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository = get_artifact_repository(uri)
    sizes = dict(_listed(repository, None))
    if "MLmodel" not in sizes:
        raise NeverServableError(
            f"There is no MLmodel at {uri}: it was deleted, or the model was logged elsewhere. "
            "Train and register another version."
        )
    log.info("fetching %d files, %d bytes, from %s", len(sizes), sum(sizes.values()), uri)
    repository.download_artifacts("", dst_path=str(content))
    cut = [name for name, size in sizes.items() if (content / name).stat().st_size != size]
    if cut:
        raise NotServableNowError(
            f"Of the files at {uri} these came incomplete: {', '.join(cut)}. It is tried again."
        )


def _listed(repository: Any, folder: str | None) -> Iterator[tuple[str, int]]:
    for found in repository.list_artifacts(folder):
        if found.is_dir:
            yield from _listed(repository, found.path)
        else:
            yield found.path, found.file_size


def _verdict(uri: str, error: Exception) -> Exception:
    if isinstance(error, ImportError):
        return judge(error, f"Fetching the model from {uri}")
    said = one_line(f"{type(error).__name__}: {error}", limit=500)
    if _MISSING.search(said):
        return NeverServableError(
            f"There is no model at {uri} ({said}): it was deleted. Train and register another version."
        )
    return NotServableNowError(
        f"The model at {uri} could not be fetched ({said}). Check that its store is reachable from pods, and that "
        "spec.env gives the credentials that MLflow's client reads (AWS_ACCESS_KEY_ID, MLFLOW_S3_ENDPOINT_URL, ...)."
    )
