"""Checks out one commit of a git repository: the container that runs before a TrainingRun with source.git.

Settings are variables, named in ../README.md. The commit becomes the termination message, or the sentence that says why
there is none; no credential is ever in it. Exit code 2: only another spec or Secret helps; 1: another try may.
"""

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

TRY_AGAIN, REFUSED = 1, 2
RETRY_AFTER_SECONDS = "2 5 15 30"
REPORT_BYTES_MAX = 4096
COMMIT = re.compile(r"[0-9a-f]{40}")
ABBREVIATED = re.compile(r"[0-9a-f]{7,39}")

# What git and ssh say, and what it means; the first that fits counts.
REFUSALS = (
    (
        r"couldn't find remote ref|not our ref|unadvertised object|Needed a single revision|upload-pack: not our",
        "There is no branch, tag or commit {revision!r} in {url}.",
    ),
    (
        r"Host key verification failed|host key is known",
        "The server of {url} does not show a key that known_hosts of Secret {secret!r} has: compare it with what "
        "`ssh-keyscan` prints.",
    ),
    (
        r"Load key .*(libcrypto|invalid format)",
        "ssh-privatekey of Secret {secret!r} is no private key that ssh can read: it has to be one without a passphrase.",
    ),
    (
        r"SSL certificate|certificate verif",
        "The certificate of {url} is not trusted: put the one of its authority into ca.crt of the Secret.",
    ),
    (
        r"[Rr]epository .*not found|not appear to be a git repository|repository not exported|returned error: 404",
        "There is no repository at {url}, or {credentials} may not read it.",
    ),
    (
        r"could not read (Username|Password)|Authentication failed|Permission denied \(|Access denied|returned error: 40[13]",
        "{url} refuses {credentials}.",
    ),
)
# Some servers hand out no single commits, and no history that is cut off.
NEEDS_ALL = re.compile(r"not our ref|unadvertised object|dumb http transport does not support shallow")


class GitError(Exception):
    """git has failed; the message is what it said, without credentials."""


class RefusedError(Exception):
    """Only another spec or Secret helps."""


@dataclass(frozen=True)
class Source:
    """
    Attributes:
        folder: of the checkout; made anew.
        record: a file on the shared volume that every attempt of the run sees: the commit that `revision` is.
        secret: the Secret's keys and values; secret_name: its name, or "".
        scratch: a folder for keys, in memory.
    """

    url: str
    revision: str
    path: str
    folder: Path
    record: Path
    scratch: Path
    secret_name: str = ""
    secret: Mapping[str, str] = field(default_factory=dict)


def read(environment: Mapping[str, str], scratch: Path) -> Source:
    secret = {
        name.removeprefix("SECRET_"): value.strip()
        for name, value in environment.items()
        if name.startswith("SECRET_")
    }
    return Source(
        url=environment["SOURCE_URL"],
        revision=environment.get("SOURCE_REVISION") or "HEAD",
        path=environment.get("SOURCE_PATH", ""),
        folder=Path(environment["SOURCE_FOLDER"]),
        record=Path(environment["SOURCE_RECORD"]),
        scratch=scratch,
        secret_name=environment.get("SOURCE_SECRET", ""),
        secret=secret,
    )


# What git works with.


def git_environment(source: Source) -> dict[str, str]:
    """git's variables: no configuration but ours, no questions; credentials for the repository's own server alone.

    Raises RefusedError where the Secret lacks a key.
    """
    passed = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    out = {
        **passed,
        "PATH": os.environ["PATH"],
        "HOME": str(source.scratch),
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    settings = {"init.defaultBranch": "main", "http.lowSpeedLimit": "1000", "http.lowSpeedTime": "60"}
    if server := re.match(r"https?://[^/]+", source.url):
        settings |= _http_settings(source, server[0], out)
    elif not source.url.startswith("git://"):
        out["GIT_SSH_COMMAND"] = _ssh_command(source)
    for number, (name, value) in enumerate(settings.items()):
        out[f"GIT_CONFIG_KEY_{number}"], out[f"GIT_CONFIG_VALUE_{number}"] = name, value
    return out | {"GIT_CONFIG_COUNT": str(len(settings))}


def _http_settings(source: Source, server: str, environment: dict[str, str]) -> dict[str, str]:
    settings = {}
    password = source.secret.get("password") or source.secret.get("token", "")
    if source.secret_name and not password and "ca_crt" not in source.secret:
        raise RefusedError(_lacks(source, "username and password, or token, which https needs"))
    if password:
        # Where a token is the password, any user will do.
        environment["GIT_USER"] = source.secret.get("username") or "git"
        environment["GIT_PASSWORD"] = password
        answer = r'!f() { printf "username=%s\npassword=%s\n" "$GIT_USER" "$GIT_PASSWORD"; }; f'
        settings[f"credential.{server}.helper"] = answer
    if "ca_crt" in source.secret:
        settings[f"http.{server}.sslCAInfo"] = _file(source, "ca.crt", source.secret["ca_crt"])
    return settings


def _ssh_command(source: Source) -> str:
    for key, name in (("ssh_privatekey", "ssh-privatekey"), ("known_hosts", "known_hosts")):
        if not source.secret.get(key):
            cure = " (ssh-keyscan HOST prints it)" if key == "known_hosts" else ""
            raise RefusedError(_lacks(source, f"{name}, which ssh needs{cure}"))
    key = _file(source, "key", source.secret["ssh_privatekey"])
    hosts = _file(source, "known_hosts", source.secret["known_hosts"])
    options = ("BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=30")
    words = [
        "ssh",
        "-F",
        "none",
        "-i",
        key,
        "-o",
        f"UserKnownHostsFile={hosts}",
        "-o",
        "ServerAliveInterval=15",
    ]
    return " ".join([*words, *(f"-o {option}" for option in options)])


def _lacks(source: Source, what: str) -> str:
    return f"Secret {source.secret_name!r} has no {what}."


def _file(source: Source, name: str, text: str) -> str:
    """ssh reads no key without a last line end, and none that others may read."""
    file = source.scratch / name
    file.touch(mode=0o600)
    file.write_text(text + "\n")
    return str(file)


def without_credentials(source: Source, text: str) -> str:
    """A text in which the Secret's values are stars, in every form in which git writes them."""
    for key in ("password", "token", "ssh_privatekey", "ssh-privatekey"):
        if value := source.secret.get(key):
            pair = f"{source.secret.get('username') or 'git'}:{value}"
            for form in (value, quote(value, safe=""), base64.b64encode(pair.encode()).decode()):
                text = text.replace(form, "***")
    return re.sub(r"(://)[^/@\s]+@", r"\1***@", text)


class Git:
    """git, in the checkout's folder."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._environment = git_environment(source)

    def __call__(self, *words: str) -> str:
        done = subprocess.run(  # noqa: S603
            ["git", *words],  # noqa: S607
            cwd=self._source.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            raise GitError(without_credentials(self._source, done.stderr.strip()))
        return done.stdout.strip()


# What is done.


def bring(source: Source, delays: tuple[float, ...]) -> str:
    """The commit, checked out. Raises RefusedError or GitError."""
    shutil.rmtree(source.folder, ignore_errors=True)
    source.folder.mkdir(parents=True)
    git = Git(source)
    git("init", "--quiet")
    git("remote", "add", "origin", source.url)
    is_commit = COMMIT.fullmatch(source.revision)
    wanted = source.revision if is_commit else recorded(source.record)
    found = insist(source, delays, lambda: fetch(git, wanted or source.revision))
    commit = wanted or settle(source.record, found)
    if commit != found:
        insist(source, delays, lambda: fetch(git, commit))
    git("checkout", "--quiet", "--detach", commit)
    if (source.folder / ".gitmodules").exists():
        # At the commits that the repository names; those of its own server by the same credentials.
        insist(source, delays, lambda: git("submodule", "--quiet", "update", "--init", "--recursive"))
    if not (source.folder / source.path).is_dir():
        raise RefusedError(f"There is no folder {source.path!r} in commit {commit} of {source.url}.")
    if pointers := git("ls-files", ":(attr:filter=lfs)").splitlines():
        say(f"These files are in Git LFS, and only their pointers were fetched: {', '.join(pointers)}.")
    return commit


def insist(source: Source, delays: tuple[float, ...], action: Callable[[], str]) -> str:
    """What the action answers. A server that cannot be reached is asked again."""
    for delay in (*delays, None):
        try:
            return action()
        except GitError as error:
            if sentence := refusal(source, str(error)):
                raise RefusedError(sentence) from None
            if delay is None:
                raise
            say(f"Trying again in {delay:g} s: {last_lines(str(error))}")
            time.sleep(delay)
    raise AssertionError("the last try returns or raises")


def fetch(git: Git, revision: str) -> str:
    try:
        git("fetch", "--quiet", "--depth=1", "origin", revision)
        return git("rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}")
    except GitError as error:
        unknown = ABBREVIATED.fullmatch(revision) and "couldn't find remote ref" in str(error)
        if not unknown and not NEEDS_ALL.search(str(error)):
            raise
    git("fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    for name in (revision, f"origin/{revision}"):
        try:
            return git("rev-parse", "--verify", f"{name}^{{commit}}")
        except GitError as error:
            last = error
    raise last


def recorded(record: Path) -> str:
    """The commit that an earlier attempt has found, or another node's; "" if this is the first."""
    try:
        return record.read_text()
    except FileNotFoundError:
        return ""


def settle(record: Path, commit: str) -> str:
    """Makes this the run's commit, unless another pod was faster; the one that it is.

    A link is made once and is never seen half-written, over NFS as well: O_EXCL alone would leave an empty file where
    a pod dies between making and writing it.
    """
    record.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=record.parent, prefix=".", delete=False) as draft:
        draft.write(commit)
    try:
        os.link(draft.name, record)
    except FileExistsError:
        pass
    finally:
        Path(draft.name).unlink()
    return record.read_text()


def refusal(source: Source, said: str) -> str | None:
    """The sentence about what only another spec or Secret cures, or None."""
    for pattern, sentence in REFUSALS:
        if re.search(pattern, said):
            if source.secret_name:
                credentials = f"the credentials of Secret {source.secret_name!r}"
            else:
                credentials = "anonymous readers (a Secret can be named in spec.source.git.secretName)"
            words = sentence.format(
                url=source.url,
                revision=source.revision,
                secret=source.secret_name,
                credentials=credentials,
            )
            return f"{words} git says: {last_lines(said)}"
    return None


def last_lines(text: str) -> str:
    return " ".join(text.splitlines()[-3:])


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def report(text: str) -> None:
    """Becomes the container's termination message."""
    Path(os.environ.get("SOURCE_REPORT", "/dev/termination-log")).write_bytes(
        text.encode()[:REPORT_BYTES_MAX]
    )


def main() -> int:
    # As the first process of a container it would not heed SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    delays = os.environ.get("SOURCE_RETRY_AFTER_SECONDS", RETRY_AFTER_SECONDS)
    with tempfile.TemporaryDirectory() as scratch:
        source = read(os.environ, Path(scratch))
        try:
            commit = bring(source, tuple(float(delay) for delay in delays.split()))
        except RefusedError as error:
            code, text = REFUSED, str(error)
        except GitError as error:
            code, text = TRY_AGAIN, f"{source.url} could not be reached. git says: {last_lines(str(error))}"
        except OSError as error:
            code, text = TRY_AGAIN, f"{error.filename} cannot be written: {error.strerror}."
        else:
            code, text = 0, commit
    say(text)
    report(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
