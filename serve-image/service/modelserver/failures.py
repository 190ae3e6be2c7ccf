"""The ways in which serving fails, each with what is to be said about it."""

import errno
import re


class NeverServableError(Exception):
    """This version can never be served as it is. The message says what is wrong and what to do.

    reason: one CamelCase word, as of a Kubernetes condition; the operator rejects the version with it.
    """

    reason = "ModelNotServable"


class UnsatisfiableRequirementsError(NeverServableError):
    """It needs packages that cannot be had, or cannot stand beside the server."""

    reason = "UnsatisfiableRequirements"


class NotTrustedError(NeverServableError):
    """Loading it would run code, or build types, that nobody trusts."""

    reason = "NotTrusted"


class SelfTestFailedError(NeverServableError):
    """It does not answer its own input example, or not as its signature promises."""

    reason = "SelfTestFailed"


class NotServableNowError(Exception):
    """Another try may serve this version. The message says what is wrong and what to do."""

    reason = ""


class SelfTestTooSlowError(NotServableNowError):
    """It did not answer its own input example in time."""

    reason = "SelfTestFailed"


class MalformedBodyError(Exception):
    """The body is not what its content type says (400)."""


class UnfitInputError(Exception):
    """The input does not fit the model's signature (422). The message names the field."""


class ModelRaisedError(Exception):
    """The model's own code raised; `__cause__` is what it raised."""


class OverloadedError(Exception):
    """As many predictions are under way and waiting as may be (503)."""


class TookTooLongError(Exception):
    """The model did not answer within the time a request may take (504)."""


# What a network volume answers while it is away, or while it lacks rights for us: the files may be sound.
_VOLUME_TROUBLE = {
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENOTCONN,
}

# In the words of the C library, and of a volume with quotas; also where a library wraps them in its own exception.
NO_ROOM = re.compile("No space left on device|Disk quota exceeded")


def judge(
    error: BaseException, doing: str, failed: type[NeverServableError] = NeverServableError
) -> NeverServableError | NotServableNowError:
    """The verdict on an exception met while `doing` ("loading the model in /mlruns/…"), in general `failed`."""
    if isinstance(error, NeverServableError | NotServableNowError):
        return error
    if isinstance(error, ModelRaisedError) and error.__cause__ is not None:
        error = error.__cause__
    said = one_line(f"{type(error).__name__}: {error}", limit=500)
    if isinstance(error, ImportError):
        package = f"the package {error.name.partition('.')[0]!r}" if error.name else "a package"
        return UnsatisfiableRequirementsError(
            f"{doing} needs {package}, which this image lacks or holds in another version ({said}). "
            "Set the field `image` to an image made from this one that holds it."
        )
    if type(error).__name__ == "UntrustedTypesFoundException":
        return NotTrustedError(
            f"{doing} met types in its skops file that nobody trusts ({said}). Log the model again with "
            "skops_trusted_types naming them, if you do."
        )
    if NO_ROOM.search(said):
        return NotServableNowError(f"{doing} found no room ({said}). Make room on the shared volume.")
    if isinstance(error, OSError) and error.errno in _VOLUME_TROUBLE:
        return NotServableNowError(
            f"{doing} failed on the volume ({said}). Check that it is mounted and readable for UID 10001."
        )
    if isinstance(error, MemoryError):
        return NotServableNowError(f"{doing} ran out of memory. Raise resources.limits.memory.")
    return failed(f"{doing} failed ({said}). Train and register another version.")


def one_line(sentence: object, limit: int = 1000) -> str:
    """`sentence` without line breaks, cut to what a termination message and an error body can show."""
    line = " ".join(str(sentence).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
