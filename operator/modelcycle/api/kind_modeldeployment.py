"""The ModelDeployment's columns, and what its schema refuses."""

from modelcycle.api.kind import AGE, Column, Kind, Rule
from modelcycle.api.modeldeployment import (
    NAME_MAX_LENGTH,
    ModelDeployment,
    ModelDeploymentSpec,
    ModelDeploymentStatus,
)
from modelcycle.api.way_in import ROUTE_RULES

MODEL_DEPLOYMENT = Kind(
    ModelDeployment,
    ModelDeploymentSpec,
    ModelDeploymentStatus,
    plural="modeldeployments",
    short_name="mdep",
    name_max_length=NAME_MAX_LENGTH,
    columns=(
        Column("Ready", ".status.conditions[?(@.type=='Ready')].status", "Whether clients are answered."),
        Column(
            "Up-To-Date",
            ".status.conditions[?(@.type=='UpToDate')].status",
            "Whether what serves is what is followed.",
        ),
        Column("Model", ".spec.model.name", "Registered model it serves."),
        Column("Serving", ".status.serving.version", "Version that answers clients."),
        Column("Candidate", ".status.candidate.version", "Version that is being rolled out."),
        Column("URL", ".status.url", "Where clients reach it."),
        Column("Training", ".status.serving.trainingRun", "TrainingRun that made it.", priority=1),
        Column("Commit", ".status.serving.commit", "Commit of the code that made it.", priority=1),
        Column("Reason", ".status.reason", "Why the rollout is where it is.", priority=1),
        Column("Message", ".status.message", "Why, as a sentence.", priority=1),
        AGE,
    ),
    rules={
        "spec.model": (
            Rule(
                "[has(self.version), has(self.alias), has(self.latest)].filter(given, given).size() == 1",
                "name exactly one of version, alias and latest: what is followed",
            ),
            Rule(
                "!has(self.version) || string(self.version).matches('^[1-9][0-9]{0,9}$')",
                "a version is a whole number from 1, as MLflow counts them",
                ".version",
            ),
        ),
        "spec.route": ROUTE_RULES,
        "spec.autoscaling": (
            Rule("self.minReplicas <= self.maxReplicas", "minReplicas is above maxReplicas", ".minReplicas"),
        ),
        "spec.strategy": (
            Rule(
                "(self.type == 'Canary') == has(self.canary)",
                "type Canary has its steps in canary, and the other types have none",
                ".canary",
            ),
            Rule(
                "self.type == 'BlueGreen' || !self.recreateWhenUnschedulable",
                "recreateWhenUnschedulable belongs to type BlueGreen",
                ".recreateWhenUnschedulable",
            ),
        ),
        "spec.strategy.canary": (
            Rule(
                "self.steps.map(s, s.weight).isSorted() && "
                "self.steps.all(s, self.steps.exists_one(t, t.weight == s.weight))",
                "the weights of the steps have to rise from each to the next",
                ".steps",
            ),
        ),
        "spec.parity": (
            Rule(
                "!has(self.examples) || (!self.examples.startsWith('/') && "
                "!self.examples.split('/').exists(part, part == '..'))",
                "examples lies among the version's files: it does not begin with / and has no ..",
                ".examples",
            ),
            Rule(
                "!has(self.examples) || self.examples.matches('(?i)[.](json|csv|parquet)$')",
                "examples is a file that ends in .json, .csv or .parquet",
                ".examples",
            ),
        ),
        "spec.require[]": (
            Rule("has(self.atLeast) || has(self.atMost)", "say atLeast, atMost, or both: what is required"),
            Rule(
                "!has(self.atLeast) || !has(self.atMost) || self.atLeast <= self.atMost",
                "atLeast is above atMost: nothing can be both",
            ),
        ),
    },
    subresources={
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    },
)
