"""Carries out what a plan writes to MLflow."""

from modelcycle.plan import EndRun, RegistryWrite, SetAlias, SetTag
from modelcycle.runtime.context import Context
from modelcycle.runtime.mlflow_server import RegistryError
from modelcycle.runtime.write import LeaseLostError


async def carry_out(context: Context, writes: tuple[RegistryWrite, ...]) -> str:
    """Each write can be done again without harm. Answers why MLflow did not take one, as a sentence, or ""."""
    try:
        for write in writes:
            if not context.lease.held():
                raise LeaseLostError("the lease is not held")
            await _write(context, write)
    except RegistryError as error:
        return str(error)
    return ""


async def _write(context: Context, write: RegistryWrite) -> None:
    match write:
        case EndRun():
            await context.mlflow.end_run(write.run_id, write.status, write.end_time)
        case SetAlias():
            await _set_alias(context, write)
        case SetTag():
            await context.mlflow.set_tag(write.run_id, write.key, write.value)
            context.registry.origin_changed(write.run_id)


async def _set_alias(context: Context, write: SetAlias) -> None:
    """Reads it back: what status is going to say is so. Whoever follows the alias hears of it now."""
    await context.mlflow.set_alias(write.model, write.alias, write.version)
    context.registry.nudge()
    named = (await context.mlflow.aliases_of(write.model)).get(write.alias)
    if named != write.version:
        raise RegistryError(
            f"MLflow took version {write.version} of {write.model!r} as {write.alias}, and names "
            f"{named or 'none'} all the same: somebody else moves that alias at this moment."
        )
