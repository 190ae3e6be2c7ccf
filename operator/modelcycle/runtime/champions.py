"""What a promotion is judged by, read live: the versions that aliases name, and metrics."""

from modelcycle.api.trainingrun import ExpectedModel
from modelcycle.plan import Nominate
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.training.observed import Champion, Champions
from modelcycle.training.sweep_observed import Nominee


async def of_model(mlflow: Mlflow, model: ExpectedModel | None) -> Champions:
    """Those that its promotion names. Metrics are read only where they are compared. Raises RegistryError."""
    if model is None or model.promote is None:
        return {}
    compared = {rule.better_than for rule in model.promote.when}
    found = {}
    for alias, number in (await mlflow.aliases_of(model.name)).items():
        if alias in compared:
            version = await mlflow.version(model.name, number)
            origin = await mlflow.origin_of(version.run_id if version else "")
            found[alias] = Champion(number, origin.metrics)
        elif alias == model.promote.alias:
            found[alias] = Champion(number, {})
    return found


async def nominee(mlflow: Mlflow, question: Nominate, model: ExpectedModel | None) -> Nominee:
    """A version whose promotion is asked for, and its rivals. Raises RegistryError."""
    version = await mlflow.version(question.model, question.version)
    origin = await mlflow.origin_of(question.run_id)
    return Nominee(version, origin.metrics, await of_model(mlflow, model))
