"""modelcycle: a Kubernetes operator for the life of a model."""
