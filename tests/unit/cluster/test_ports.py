"""Which ports of this machine lead to which NodePorts."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from cluster.ports import any_free, assign, is_free


@pytest.mark.parametrize(
    ("taken", "free", "assigned"),
    [
        (set(), [], {30500: 30500, 30080: 30080}),
        ({30500}, [40001], {30500: 40001, 30080: 30080}),
        ({30500, 30080}, [40001, 40002], {30500: 40001, 30080: 40002}),
        # The system may offer the same free port twice, or one of those that are wanted.
        ({30500, 30080}, [40001, 40001, 40002], {30500: 40001, 30080: 40002}),
        ({30500}, [30080, 40001], {30500: 30080, 30080: 40001}),
    ],
)
def test_a_taken_port_is_replaced_by_a_free_one(taken: set[int], free: list[int], assigned: dict[int, int]):
    offers = iter(free)
    assert assign([30500, 30080], lambda port: port not in taken, lambda: next(offers)) == assigned


def test_a_port_is_taken_while_somebody_listens_on_it():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert not is_free(port)
    assert is_free(any_free())


# As a cluster leaves it behind whose processes were killed: the rule leads on, and nobody listens on the port itself.
LED_ELSEWHERE = """
ip link set lo up
iptables -t nat -A OUTPUT -d 127.0.0.1 -p tcp --dport 30500 -j DNAT --to-destination 127.0.0.1:30501
exec "$0" -c "import socket, cluster.ports as ports
if '$1': elsewhere = socket.create_server(('127.0.0.1', 30501))
print(ports.is_free(30500), ports.is_free(30502))"
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip", "iptables"))),
    reason="needs root and iptables, for a network of its own",
)
@pytest.mark.parametrize("answered", ["answered", ""], ids=["where it is answered", "where it is refused"])
def test_a_port_that_leads_elsewhere_is_taken_though_nobody_listens_on_it(answered: str):
    command = ["unshare", "--net", "sh", "-ec", LED_ELSEWHERE, sys.executable, answered]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False True\n"
