"""Who is answered where a token is asked for."""

import hashlib
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from modelserver.edge import Edge
from modelserver.failures import NotServableNowError
from modelserver.tokens import LOOK_SECONDS, Guard

OWN = "the operator's"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def scope(path: str, *authorization: bytes) -> MutableMapping[str, Any]:
    headers = [(b"authorization", value) for value in authorization]
    return {"type": "http", "path": path, "method": "POST", "headers": headers}


def is_let_in(guard: Guard, authorization: bytes) -> bool:
    return guard.refuses(scope("/invocations", authorization)) is None


def rotate(mount: Path, generation: int, content: str) -> None:
    """Another content, put in place as the kubelet does: a new folder, and a link that names it at once."""
    folder = mount / f"..{generation}"
    folder.mkdir()
    (folder / "token").write_text(content)
    (mount / "..next").symlink_to(folder.name)
    (mount / "..next").rename(mount / "..data")


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    rotate(tmp_path, 1, "old\n\n  new \n")
    (tmp_path / "token").symlink_to("..data/token")
    return tmp_path / "token"


@pytest.mark.parametrize(
    ("authorization", "let_in"),
    [
        (b"Bearer old", True),
        (b"bearer new", True),
        (b"Bearer  new ", True),
        (b"Bearer the operator's", True),
        (b"Bearer ne", False),
        (b"Bearer newer", False),
        (b"Bearer", False),
        (b"Bearer ", False),
        (b"Bearer \xff\xfe", False),
        (b"Basic bmV3", False),
        (b"new", False),
        (b"", False),
    ],
)
def test_any_of_the_tokens_lets_in_and_nothing_else(tokens: Path, authorization: bytes, let_in: bool) -> None:
    guard = Guard(tokens, hashlib.sha256(OWN.encode()).hexdigest())
    assert is_let_in(guard, authorization) is let_in


def test_a_token_is_replaced_without_a_restart(tokens: Path) -> None:
    clock = Clock()
    guard = Guard(tokens, clock=clock)
    rotate(tokens.parent, 2, "newest")
    assert is_let_in(guard, b"Bearer old"), "a look at the file at each request would be one too many"
    clock.now += LOOK_SECONDS
    assert not is_let_in(guard, b"Bearer old")
    assert is_let_in(guard, b"Bearer newest")


@pytest.mark.parametrize("gone", ["empty", "missing"])
def test_without_a_token_in_the_file_nobody_but_the_operator_is_let_in(tokens: Path, gone: str) -> None:
    clock = Clock()
    guard = Guard(tokens, hashlib.sha256(OWN.encode()).hexdigest(), clock)
    if gone == "missing":
        tokens.unlink()
    else:
        rotate(tokens.parent, 2, "\n")
    clock.now += LOOK_SECONDS
    assert not is_let_in(guard, b"Bearer old")
    assert not is_let_in(guard, b"Bearer ")
    assert is_let_in(guard, b"Bearer " + OWN.encode())


def test_a_server_does_not_start_without_any_token(tokens: Path) -> None:
    rotate(tokens.parent, 2, " \n")
    with pytest.raises(NotServableNowError, match="under the key `token` of the Secret"):
        Guard(tokens, hashlib.sha256(OWN.encode()).hexdigest())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/livez", 200),
        ("/healthz", 200),
        ("/readyz", 503),
        ("/v2/health/live", 200),
        ("/v2/health/ready", 503),
        ("/v2/models/iris/ready", 503),
        ("/metrics", 200),
        ("/invocations", 401),
        ("/predict", 401),
        ("/v2/models/iris/infer", 401),
        ("/v2/models/iris/versions/3/infer", 401),
        # These show the model's own example, or its columns.
        ("/openapi.json", 401),
        ("/v2/models/iris", 401),
        ("/docs.json", 401),
        ("/anything", 401),
    ],
)
async def test_all_but_probes_and_metrics_asks_for_a_token(tokens: Path, path: str, status: int) -> None:
    edge = Edge("iris", "3", guard=Guard(tokens))
    answered, headers = await ask(edge, path)
    assert answered == status
    assert (b"www-authenticate" in headers) is (status == 401)
    if status == 401:
        assert (await ask(edge, path, b"Bearer old"))[0] == 503, "the model is still being loaded"


async def ask(edge: Edge, path: str, *authorization: bytes) -> tuple[int, dict[bytes, bytes]]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    method = "GET" if path.endswith(("z", "ready", "live", "metrics")) else "POST"
    await edge({**scope(path, *authorization), "method": method}, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [((), b"Bearer"), ((b"Bearer wrong",), b'Bearer error="invalid_token"')],
)
async def test_a_refusal_says_whether_a_token_was_sent(
    tokens: Path, authorization: tuple[bytes, ...], challenge: bytes
) -> None:
    _, headers = await ask(Edge("iris", "3", guard=Guard(tokens)), "/invocations", *authorization)
    assert headers[b"www-authenticate"] == challenge
