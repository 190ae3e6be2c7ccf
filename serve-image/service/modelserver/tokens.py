"""Who is answered: whoever sends one of the tokens in a file, which may change at any time."""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path

from modelserver.failures import NotServableNowError
from modelserver.protocols import Answer, Scope, header, refusal
from modelserver.routes import Route

log = logging.getLogger(__name__)

# What tells of no model's input or answer is told to everybody: probes and scrapers have no token.
OPEN = frozenset({Route.LIVE, Route.READY, Route.METRICS})
# A changed file is noticed within this time.
LOOK_SECONDS = 1.0


class Guard:
    """Asks for `Authorization: Bearer TOKEN` (RFC 6750).

    path: a file with a token a line, so that two are valid while one takes the other's place. own_digest: SHA-256, in
    hexadecimal, of the token by which the operator makes requests of its own, or "".

    Raises NotServableNowError where the file holds no token.
    """

    def __init__(self, path: Path, own_digest: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._own = [bytes.fromhex(own_digest)] if own_digest else []
        self._seen: tuple[int, int] | None = None
        self._look()
        if len(self._digests) == len(self._own):
            raise NotServableNowError(
                f"No token is in {path}: put one or more, a line each, under the key `token` of the Secret that "
                "spec.auth.secretName names."
            )

    def refuses(self, scope: Scope) -> Answer | None:
        """The answer to a request without a valid token; None to one with it."""
        if self._clock() >= self._look_at:
            self._look()
        scheme, _, sent = header(scope, b"authorization").partition(b" ")
        if scheme.lower() != b"bearer":
            said = "Send a token in the header `Authorization: Bearer TOKEN`."
            return refusal(401, said, ((b"www-authenticate", b"Bearer"),))
        if self._is_valid(sent.strip()):
            return None
        challenge = b'Bearer error="invalid_token"'
        return refusal(401, "The token is not, or no more, a valid one.", ((b"www-authenticate", challenge),))

    def _is_valid(self, token: bytes) -> bool:
        # Digests are of one length, and all are compared: how long it takes says nothing of any token.
        digest = hashlib.sha256(token).digest()
        return sum(hmac.compare_digest(digest, known) for known in self._digests) > 0

    def _look(self) -> None:
        """Reads the file where it is another one; while it cannot be read, nobody but the operator is let in."""
        self._look_at = self._clock() + LOOK_SECONDS
        try:
            stat = self._path.stat()
            if (stat.st_ino, stat.st_mtime_ns) == self._seen:
                return
            lines = [line.strip() for line in self._path.read_bytes().splitlines()]
            self._seen = (stat.st_ino, stat.st_mtime_ns)
        except OSError as error:
            log.warning("the tokens cannot be read: %s", error)
            lines, self._seen = [], None
        self._digests = self._own + [hashlib.sha256(line).digest() for line in lines if line]
