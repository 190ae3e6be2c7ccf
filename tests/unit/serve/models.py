"""Makes the models that the tests serve."""

import textwrap
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

COLUMNS = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]  # a setosa (0) and a virginica (2)


def iris(folder: Path) -> Path:
    features, species = load_iris(return_X_y=True, as_frame=True)
    classifier = LogisticRegression(max_iter=500).fit(features, species)
    mlflow.sklearn.save_model(
        classifier,
        folder,
        signature=infer_signature(features, classifier.predict(features)),
        input_example=features.head(2),
        pip_requirements=["scikit-learn"],
    )
    return folder


def array(folder: Path) -> Path:
    points = np.arange(20.0).reshape(10, 2)
    classifier = LogisticRegression().fit(points, [0] * 5 + [1] * 5)
    mlflow.sklearn.save_model(
        classifier,
        folder,
        signature=infer_signature(points, classifier.predict(points)),
        input_example=points[:2],
        pip_requirements=["scikit-learn"],
    )
    return folder


def scripted(folder: Path, body: str, example: Any = None, **saved: Any) -> Path:
    """A pyfunc model whose class body is `body`; its signature, unless another is given, is one number `x`."""
    code = folder.parent / f"{folder.name}.py"
    code.write_text(
        "import mlflow\n\n\nclass Scripted(mlflow.pyfunc.PythonModel):\n"
        + textwrap.indent(textwrap.dedent(body).strip(), "    ")
        + "\n\n\nmlflow.models.set_model(Scripted())\n"
    )
    saved.setdefault("signature", infer_signature(pd.DataFrame({"x": [1.0]}), [1.0]))
    mlflow.pyfunc.save_model(
        folder, python_model=str(code), input_example=example, pip_requirements=["mlflow"], **saved
    )
    return folder
