import errno

import pytest
from modelserver.failures import (
    ModelRaisedError,
    NeverServableError,
    NotServableNowError,
    SelfTestFailedError,
    UnsatisfiableRequirementsError,
    judge,
    one_line,
)


def raised_by_the_model(error: Exception) -> ModelRaisedError:
    wrapped = ModelRaisedError("raised")
    wrapped.__cause__ = error
    return wrapped


@pytest.mark.parametrize(
    ("error", "verdict", "says"),
    [
        (ValueError("bad pickle"), NeverServableError, "ValueError: bad pickle"),
        (FileNotFoundError(errno.ENOENT, "no such file", "model.pkl"), NeverServableError, "model.pkl"),
        (
            ModuleNotFoundError("No module named 'a.b'", name="a.b"),
            UnsatisfiableRequirementsError,
            "package 'a', which",
        ),
        (
            ImportError("cannot import name"),
            UnsatisfiableRequirementsError,
            "needs a package, which this image lacks",
        ),
        (
            raised_by_the_model(ImportError("x", name="torch")),
            UnsatisfiableRequirementsError,
            "package 'torch', which",
        ),
        (raised_by_the_model(KeyError("petal")), NeverServableError, "KeyError: 'petal'"),
        (PermissionError(errno.EACCES, "denied", "MLmodel"), NotServableNowError, "readable for UID 10001"),
        (OSError(errno.ESTALE, "stale file handle"), NotServableNowError, "is mounted"),
        (OSError("truncated file"), NeverServableError, "truncated file"),
        (OSError(errno.ENOSPC, "No space left on device"), NotServableNowError, "Make room on the shared"),
        (
            RuntimeError("[Errno 122] Disk quota exceeded: 'm'"),
            NotServableNowError,
            "Make room on the shared",
        ),
        (MemoryError(), NotServableNowError, "resources.limits.memory"),
    ],
)
def test_an_exception_is_judged_by_whether_another_try_can_help(
    error: Exception, verdict: type[Exception], says: str
) -> None:
    judged = judge(error, "Loading the model")
    assert type(judged) is verdict
    assert says in str(judged)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (KeyError("petal"), SelfTestFailedError),
        (ImportError("x", name="torch"), UnsatisfiableRequirementsError),
        (MemoryError(), NotServableNowError),
    ],
)
def test_what_fails_the_self_test_has_its_reason_unless_the_exception_tells_a_better_one(
    error: Exception, verdict: type[Exception]
) -> None:
    assert type(judge(error, "Answering the example", SelfTestFailedError)) is verdict


def test_a_verdict_is_not_judged_again() -> None:
    verdict = NotServableNowError("the volume is away")
    assert judge(verdict, "Loading the model") is verdict


def test_a_sentence_is_one_line_that_a_termination_message_can_hold() -> None:
    assert one_line("first\n  second\n") == "first second"
    assert len(one_line("word " * 1000)) == 1000
