"""A bare etcd and kube-apiserver on loopback: the real API, without nodes and without controllers."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
READY_SECONDS = 90
ADMIN, OPERATOR = "admin-token", "operator-token"
OPERATOR_USER = "system:serviceaccount:modelcycle:modelcycle-operator"
WRITES = ("create", "update", "patch", "delete")


@dataclass(frozen=True)
class ApiServer:
    """A running API server. admin, operator: paths of kubeconfigs; audit: path of its audit log;
    commands: folder of kubectl and helm."""

    url: str
    admin: Path
    operator: Path
    audit: Path
    commands: Path


@contextlib.contextmanager
def running(folder: Path) -> Iterator[ApiServer]:
    """Starts both processes in a folder of their own, and ends them.

    Two users: admin, who may do all, and the operator, who may do what RBAC objects say.
    """
    commands = folder_of("binaries")
    folder.mkdir(parents=True, exist_ok=True)
    etcd_port, peer_port, port = free_ports(3)
    _secrets(folder)
    etcd = [
        commands / "etcd",
        f"--data-dir={folder / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
        f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
        f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
    ]
    api = [
        commands / "kube-apiserver",
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        f"--secure-port={port}",
        "--bind-address=127.0.0.1",
        f"--cert-dir={folder / 'certs'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder / 'sa.pub'}",
        f"--service-account-signing-key-file={folder / 'sa.key'}",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--audit-policy-file={folder / 'audit.yaml'}",
        f"--audit-log-path={folder / 'audit.log'}",
    ]
    url = f"https://127.0.0.1:{port}"
    with _process(etcd, folder / "etcd.log"), _process(api, folder / "apiserver.log") as process:
        server = ApiServer(
            url,
            _kubeconfig(folder, url, ADMIN),
            _kubeconfig(folder, url, OPERATOR),
            folder / "audit.log",
            commands,
        )
        _wait_until_ready(server, process, folder / "apiserver.log")
        yield server


def folder_of(verb: str) -> Path:
    """The folder that a verb of `python -m cluster` prints."""
    command = [sys.executable, "-m", "cluster", verb]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"what tests need could not be had: {done.stderr}"
    return Path(done.stdout.strip().splitlines()[-1])


def _secrets(folder: Path) -> None:
    key, public = str(folder / "sa.key"), str(folder / "sa.pub")
    for words in (["genrsa", "-out", key, "2048"], ["rsa", "-in", key, "-pubout", "-out", public]):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    groups = '"system:serviceaccounts,system:serviceaccounts:modelcycle"'
    tokens = f'{ADMIN},admin,1,"system:masters"\n{OPERATOR},{OPERATOR_USER},2,{groups}\n'
    (folder / "tokens.csv").write_text(tokens)
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["ResponseStarted"],
        "rules": [
            # A write is visible before its entry is: that it has begun tells a reader to wait for it.
            {"level": "Metadata", "users": [OPERATOR_USER], "verbs": list(WRITES)},
            {"level": "Metadata", "users": [OPERATOR_USER], "omitStages": ["RequestReceived"]},
            {"level": "None"},
        ],
    }
    (folder / "audit.yaml").write_text(yaml.safe_dump(policy))


def _kubeconfig(folder: Path, url: str, token: str) -> Path:
    path = folder / f"kubeconfig-{token}"
    # The API server makes a certificate for itself when it starts.
    authority = str(folder / "certs" / "apiserver.crt")
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": {"server": url, "certificate-authority": authority}}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(yaml.safe_dump(config))
    return path


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@contextlib.contextmanager
def _process(command: list[object], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(server: ApiServer, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, f"kube-apiserver ended:\n{log.read_text()[-2000:]}"
        ready = kubectl(server, "get", "--raw", "/readyz", check=False)
        # Its own namespaces come a moment after readiness.
        if ready.returncode == 0 and kubectl(server, "get", "ns", "kube-system", check=False).returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError(f"kube-apiserver was not ready within {READY_SECONDS} s:\n{log.read_text()[-2000:]}")


def kubectl(
    server: ApiServer, *words: str, check: bool = True, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """kubectl as the administrator."""
    command = [str(server.commands / "kubectl"), "--kubeconfig", str(server.admin), *words]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done
