"""What is worth knowing of a version and is no reason to refuse it."""

import platform
import sys

from modelserver.signature import Description


def notes(description: Description) -> str:
    """As sentences; "" where there is nothing to say."""
    example = (
        ""
        if description.example
        else "It was logged without an input example: loading is all that is proven."
    )
    return f"{other_python(description)} {example}".strip()


def other_python(description: Description) -> str:
    """Which Python logged the model, as a sentence, where it is of another minor than this one; else ""."""
    logged = str(description.flavors.get("python_function", {}).get("python_version", ""))
    if not logged or logged.split(".")[:2] == [str(part) for part in sys.version_info[:2]]:
        return ""
    return f"It was logged by Python {logged}, and this image runs Python {platform.python_version()}."


def other_python_cure(description: Description) -> str:
    """The same, with what to do where loading fails."""
    said = other_python(description)
    return (
        f"{said} Set the field `image` to one of that Python, or log the model again by this one."
        if said
        else ""
    )
