"""A real Kubernetes cluster on this machine, and the project's images on it: `python3 -m cluster VERB`.

Only the standard library is imported: this runs before any virtual environment exists.
"""
