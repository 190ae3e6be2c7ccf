"""The ladder: which kind of cluster a machine gets."""

from dataclasses import replace

import pytest

from cluster.rung import Facts, Rung, announce, choose
from cluster.shell import Problem

BARE = Facts(cluster="", kubeconfig="", engine="", node_image_can_be_had=False, linux=True, root=True)
LAPTOP = replace(BARE, engine="docker", node_image_can_be_had=True, root=False)


@pytest.mark.parametrize(
    ("facts", "rung"),
    [
        (BARE, Rung.BUILT_IMAGE),
        (replace(BARE, engine="podman"), Rung.BUILT_IMAGE),
        (replace(BARE, engine="docker"), Rung.BUILT_IMAGE),
        (replace(BARE, kubeconfig="/home/me/.kube/config"), Rung.BUILT_IMAGE),
        (replace(BARE, engine="podman", node_image_can_be_had=True), Rung.PUBLIC_IMAGE),
        (LAPTOP, Rung.PUBLIC_IMAGE),
        (replace(LAPTOP, linux=False), Rung.PUBLIC_IMAGE),
        (replace(LAPTOP, cluster="current", kubeconfig="kubeconfig"), Rung.CURRENT),
        (replace(BARE, cluster="current", kubeconfig="kubeconfig", linux=False), Rung.CURRENT),
    ],
)
def test_the_first_rung_that_carries_is_chosen(facts: Facts, rung: Rung):
    assert choose(facts) is rung


@pytest.mark.parametrize(
    ("facts", "cure"),
    [
        (replace(BARE, cluster="mine"), "say CLUSTER=current"),
        (replace(LAPTOP, cluster="current"), "set it to the path of a kubeconfig"),
        (replace(BARE, root=False), "run this as root"),
        (replace(LAPTOP, node_image_can_be_had=False), "run this as root"),
        (replace(BARE, linux=False), "Start Docker"),
    ],
)
def test_a_machine_without_a_rung_hears_what_to_do(facts: Facts, cure: str):
    with pytest.raises(Problem, match=cure):
        choose(facts)


@pytest.mark.parametrize("rung", list(Rung))
def test_every_rung_is_announced_in_one_line(rung: Rung):
    line = announce(rung, replace(LAPTOP, kubeconfig="kubeconfig"))
    assert line.startswith("Cluster: ")
    assert "\n" not in line
