"""The operator is killed at random moments while runs go through: one Job and one outcome each."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.e2e import registry
from tests.e2e.kube import (
    MINE,
    NAMESPACE,
    OPERATOR,
    OPERATORS_POD,
    REPOSITORY,
    STATE,
    create,
    get,
    kubectl,
    wait,
)
from tests.e2e.runs import status_of, training_run
from tests.integration.apiserver import free_ports

SEED, LONGEST_LIFE_SECONDS = 20261123, 5.0
# `make test-nodes` asks for ten.
KILLS = int(os.environ.get("KILLS", "4"))
FAILS_ONCE = "test -e /mlruns/{0} || {{ touch /mlruns/{0}; exit 1; }}; rm /mlruns/{0}"
# What a run does → how it ends.
SCRIPTS = {
    "true": "JobComplete",
    "sleep 2": "JobComplete",
    "exit 3": "CommandFailed",
    FAILS_ONCE: "JobComplete",
}


@pytest.fixture
def without_operator(installation: None) -> Iterator[dict[str, str]]:
    """The release's operator rests; its settings."""
    (container,) = get(OPERATOR)["spec"]["template"]["spec"]["containers"]
    settings = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    kubectl("scale", OPERATOR, "--replicas=0")
    wait("pods", "delete", OPERATORS_POD)
    yield settings
    kubectl("scale", OPERATOR, "--replicas=1")
    kubectl("rollout", "status", OPERATOR, "--timeout=60s")


@contextlib.contextmanager
def an_operator(settings: dict[str, str]) -> Iterator[None]:
    """The same code on this machine: nothing delays its next start. Its process is killed, not told to end."""
    here = {
        "MODELCYCLE_TRACKING_URI": f"http://127.0.0.1:{registry.ports()[registry.MLFLOW_NODE_PORT]}",
        "MODELCYCLE_PORT": str(free_ports(1)[0]),
        "MODELCYCLE_LEASE_NAME": "",
        "KUBECONFIG": str(STATE / "kubeconfig"),
        "PYTHONPATH": str(REPOSITORY / "operator"),
    }
    command = [sys.executable, "-m", "modelcycle"]
    process = subprocess.Popen(command, env={**os.environ, **settings, **here}, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        assert process.poll() is None, "it ended by itself"
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def seen(kind: str, what: str) -> Iterator[dict[str, set[str]]]:
    """All that a watch shows of a kind meanwhile: name → values of that field, read when it is over."""
    columns = f"custom-columns=N:.metadata.name,V:{what}"
    selector = (
        f"--selector={next(iter(MINE))}"
        if kind == "trainingruns"
        else "--selector=modelcycle.dev/trainingrun"
    )
    where = (f"--kubeconfig={STATE / 'kubeconfig'}", f"--namespace={NAMESPACE}")
    words = ("get", kind, selector, "--watch", "--no-headers", f"--output={columns}")
    command = [str(STATE / "bin" / "kubectl"), *where, *words]
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    values: dict[str, set[str]] = defaultdict(set)
    try:
        yield values
    finally:
        watch.terminate()
        for line in watch.communicate()[0].splitlines():
            name, value = line.split()
            values[name] |= {value} - {"<none>"}


def test_every_run_has_one_job_and_one_outcome_though_the_operator_dies_again_and_again(
    without_operator: dict[str, str],
):
    moments = random.Random(SEED)
    expected: dict[str, str] = {}
    with seen("jobs", ".metadata.uid") as jobs, seen("trainingruns", ".status.completionTime") as ends:
        for _ in range(KILLS):
            with an_operator(without_operator):
                for script in moments.sample(list(SCRIPTS), 2):
                    name = f"e2e-killed-{len(expected)}"
                    expected[name] = SCRIPTS[script]
                    create(training_run(name, ["sh", "-c", script.format(name)], backoffLimit=1))
                # From before it has seen anything to well after it has done all that there was to do.
                time.sleep(moments.uniform(0, LONGEST_LIFE_SECONDS))
        with an_operator(without_operator):
            for name in expected:
                wait(f"trainingrun/{name}", "condition=Finished")
    assert {name: status_of(name)["reason"] for name in expected} == expected
    assert {name: len(uids) for name, uids in jobs.items() if name in expected} == dict.fromkeys(expected, 1)
    assert {name: len(times) for name, times in ends.items() if name in expected} == dict.fromkeys(
        expected, 1
    )
