"""The CustomResourceDefinitions of the Gateway API, from its Go module: for tests, as clusters bring their own."""

import json
import shutil
from pathlib import Path

from cluster import machine, paths
from cluster.shell import locked, output

MODULE, VERSION = "sigs.k8s.io/gateway-api", "v1.6.3"
CHANNEL = "config/crd/standard"


def folder() -> Path:
    """A cached folder of YAML files, one a kind. An interrupted copy leaves none."""
    target = paths.cache() / f"gateway-api-{VERSION}"
    if target.exists():
        return target
    with locked("gateway-api"):
        if not target.exists():
            _fetch(target)
    return target


def _fetch(target: Path) -> None:
    machine.require_go((1, 17), "the Gateway API's module")
    env = {"GOFLAGS": "", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    said = json.loads(output(["go", "mod", "download", "-json", f"{MODULE}@{VERSION}"], env=env))
    scratch = target.with_name(f"{target.name}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    kinds = (f for f in (Path(said["Dir"]) / CHANNEL).glob("*.yaml") if "_vap_" not in f.name)
    for file in kinds:
        # Files of the module cache are read-only; a copy of their contents is not.
        (scratch / file.name).write_bytes(file.read_bytes())
    scratch.replace(target)
