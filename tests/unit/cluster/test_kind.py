"""What kind is told, and the network that replaces its own."""

from pathlib import Path

import pytest

from cluster import kind, network, volumes
from cluster.rung import Rung

SHARED = Path("/checkout/.cluster/shared")
PORTS = {30500: 30500, 30080: 41000}


@pytest.mark.parametrize(
    ("nodes", "roles"),
    [(1, ["control-plane"]), (3, ["control-plane", "worker", "worker"])],
)
def test_one_node_is_the_control_plane_and_the_rest_are_workers(nodes: int, roles: list[str]):
    made = kind.config(Rung.BUILT_IMAGE, nodes, PORTS, SHARED)["nodes"]
    assert [node["role"] for node in made] == roles


def test_every_node_sees_the_shared_folder_at_the_same_place():
    for node in kind.config(Rung.PUBLIC_IMAGE, 3, PORTS, SHARED)["nodes"]:
        assert node["extraMounts"] == [{"hostPath": str(SHARED), "containerPath": "/shared"}]


def test_node_ports_are_reached_from_this_machine_alone():
    control_plane = kind.config(Rung.BUILT_IMAGE, 1, PORTS, SHARED)["nodes"][0]
    mapped = {
        (m["containerPort"], m["hostPort"]): m["listenAddress"] for m in control_plane["extraPortMappings"]
    }
    assert mapped == {(30500, 30500): "127.0.0.1", (30080, 41000): "127.0.0.1"}


def test_only_a_built_node_image_goes_without_the_network_of_kind():
    assert kind.config(Rung.BUILT_IMAGE, 1, PORTS, SHARED)["networking"] == {"disableDefaultCNI": True}
    assert "networking" not in kind.config(Rung.PUBLIC_IMAGE, 1, PORTS, SHARED)


def test_pods_of_a_node_have_addresses_of_its_range():
    ptp, portmap = network.configuration("10.244.2.0/24")["plugins"]
    assert ptp["ipam"]["ranges"] == [[{"subnet": "10.244.2.0/24"}]]
    assert portmap["type"] == "portmap"


def test_a_volume_is_shared_and_outlives_its_claim():
    spec = volumes.manifest("another", "/shared/another")["spec"]
    assert spec["accessModes"] == ["ReadWriteMany"]
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"
    assert spec["storageClassName"] == "modelcycle-shared"
    assert spec["hostPath"] == {"path": "/shared/another", "type": "Directory"}
