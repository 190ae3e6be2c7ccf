"""Carries out what a plan writes to MLflow."""

from modelcycle.plan import EndRun, RegistryWrite, SetAlias
from modelcycle.runtime.context import Context
from modelcycle.runtime.write import LeaseLostError


async def carry_out(context: Context, writes: tuple[RegistryWrite, ...]) -> None:
    """Each write can be done again without harm.

    Raises:
        RegistryError: MLflow did not take one; those after it are not tried.
    """
    for write in writes:
        if not context.lease.held():
            raise LeaseLostError("the lease is not held")
        match write:
            case EndRun():
                await context.mlflow.end_run(write.run_id, write.status, write.end_time)
            case SetAlias():
                await context.mlflow.set_alias(write.model, write.alias, write.version)
