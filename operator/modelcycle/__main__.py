"""`python -m modelcycle`: runs the operator in this process."""

import asyncio

from modelcycle import settings
from modelcycle.runtime import logs, operator


def main() -> None:
    """Reads the settings from the environment and runs until a signal."""
    chosen = settings.read()
    logs.configure(chosen.log_level, chosen.log_format)
    asyncio.run(operator.run(chosen))


if __name__ == "__main__":
    main()
