"""Serves one version of an MLflow model by BentoML. The contract is serve-image/README.md."""
