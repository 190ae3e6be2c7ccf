"""How often the operator writes to the Kubernetes API, counted from the API server's own audit log."""
