"""Rollouts in a row on the kind cluster, good and broken versions, under load, beside a plain rolling update."""
