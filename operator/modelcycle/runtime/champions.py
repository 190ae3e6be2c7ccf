"""What a promotion is judged against, read live: the versions that aliases name, and their metrics."""

from modelcycle.api.trainingrun import ExpectedModel
from modelcycle.runtime.mlflow import Mlflow
from modelcycle.training.observed import Champion, Champions


async def of_model(mlflow: Mlflow, model: ExpectedModel | None) -> Champions:
    """Those that its promotion names. Metrics are read only where they are compared. Raises RegistryError."""
    if model is None or model.promote is None:
        return {}
    compared = {rule.better_than for rule in model.promote.when}
    found = {}
    for alias, number in (await mlflow.aliases_of(model.name)).items():
        if alias in compared:
            found[alias] = Champion(number, (await mlflow.origin_of_version(model.name, number)).metrics)
        elif alias == model.promote.alias:
            found[alias] = Champion(number, {})
    return found
