"""The shared volume is full: what serves goes on, and whoever finds no room says so, and goes on when there is some."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.load import Load
from tests.e2e import registry, stand
from tests.e2e.kube import Manifest, condition, create, get, wait
from tests.e2e.nodes.room import folder, on, room
from tests.e2e.runs import run_of_script
from tests.unit.serve.wheels import wheel

NAME, NODE_PORT = "e2e-full", 30082
FOLDER = folder(NAME)
THERE = f"--namespace={NAME}"
NEEDS = Path(__file__).parent / "needs.py"
SERVED = f"modeldeployment/{NAME}"
FILL = f"cat /dev/zero > {FOLDER}/filler; test $(df --output=avail {FOLDER} | tail -1) = 0"


@pytest.fixture(scope="module")
def node(workers: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The worker with the small volume, which holds wheels as well."""
    (node, _), needed = workers, wheel(tmp_path_factory.mktemp("wheels"), "petals", "1.0")
    with room(NAME, node, "16m"):
        wheels = f"{FOLDER}/cache/wheelhouse"
        put = f"install -d -o 10001 -g 10001 -m 2775 {wheels} && base64 -d > {wheels}/{needed.name}"
        on(node, put, base64.b64encode(needed.read_bytes()).decode())
        yield node


def train(name: str) -> Manifest:
    """Runs it to its end; its status."""
    create(*run_of_script(name, NEEDS, registry.model_name("full")), namespace=NAME)
    wait(f"trainingrun/{name}", "condition=Finished", THERE)
    found: Manifest = get(f"trainingrun/{name}", THERE)["status"]
    return found


@pytest.fixture(scope="module")
def port(node: str) -> int:
    """Of 127.0.0.1: it leads to the version that the image can serve as it is; there is no room for another one."""
    trained, model = train("fits"), registry.model_name("full")
    assert trained["phase"] == "Succeeded", trained
    create(stand.model_deployment(NAME, model, "plain"), namespace=NAME)
    wait(SERVED, "condition=Ready", THERE)
    port = stand.open_node_port(NAME, NODE_PORT, THERE)
    on(node, FILL)
    return port


def test_a_run_that_finds_no_room_for_its_model_says_that_the_volume_is_full(port: int):
    status = train("finds-no-room")
    assert (status["phase"], status["reason"]) == ("Failed", "VolumeFull"), status
    assert "make room" in status["message"]
    assert "No space left on device" in status["message"]


def test_a_version_whose_packages_find_no_room_waits_beside_what_serves_until_there_is_some(
    port: int, node: str
):
    model = registry.model_name("full")
    needy = registry.version_of(model, "needy")["version"]
    with Load(port, stand.BODY, rate=20) as load:
        registry.set_alias(model, "plain", needy)
        said = stand.wait_until_the_candidate_says("Make room", SERVED, THERE)
        assert condition(get(SERVED, THERE), "Ready")["status"] == "True"
        on(node, f"rm {FOLDER}/filler")
        wait(SERVED, f"jsonpath={{.status.serving.version}}={needy}", THERE)
    assert "No space left on device" in said
    assert load.failures == []
