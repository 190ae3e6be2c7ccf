"""The language of the project: the resources' shapes, and no logic."""

GROUP = "modelcycle.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
