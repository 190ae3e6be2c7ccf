"""The TrainingRun's columns, and what its schema refuses."""

from modelcycle.api.kind import AGE, PARAMETER_NAMES, Column, Kind, Rule, immutable
from modelcycle.api.trainingrun import NAME_MAX_LENGTH, TrainingRun, TrainingRunSpec, TrainingRunStatus

_IMMUTABLE = "run inputs are immutable: create a TrainingRun with another name"

# How long a run may wait, run and stay is no input of it.
_CHANGEABLE = {"suspend", "pending_deadline_seconds", "ttl_seconds_after_finished"}


def _run_inputs() -> tuple[str, ...]:
    fields = TrainingRunSpec.model_fields.items()
    return tuple(f.alias or name for name, f in fields if name not in _CHANGEABLE)


_VOLUMES = (
    Rule(
        "self.all(volume, [has(volume.persistentVolumeClaim), has(volume.nfs), has(volume.secret), "
        "has(volume.configMap), has(volume.emptyDir)].filter(given, given).size() == 1)",
        "each volume has exactly one of persistentVolumeClaim, nfs, secret, configMap and emptyDir; another kind goes "
        "into podTemplate.spec.volumes",
    ),
    Rule(
        "self.all(volume, !(volume.name in ['mlruns', 'source', 'tmp', 'workspace']))",
        "the volumes mlruns, source, tmp and workspace are the run's own: choose another name",
    ),
)
_RESERVED_ALIAS = "matches('^([vV][0-9]+|[lL][aA][tT][eE][sS][tT])$')"
_PROMOTE = Rule(
    f"!self.alias.{_RESERVED_ALIAS}",
    "MLflow keeps latest, v1, v2 and so on to itself: name the alias otherwise, as in champion",
    ".alias",
)
_PROMOTION_RULE = (
    Rule(
        "has(self.atLeast) || has(self.atMost) || has(self.betterThan)",
        "a rule needs at least one of atLeast, atMost and betterThan",
    ),
    Rule(
        "!has(self.atLeast) || !has(self.atMost) || self.atLeast <= self.atMost",
        "atLeast is above atMost: nothing can be both",
    ),
    Rule(
        "has(self.betterThan) == has(self.higherIsBetter)",
        "say with betterThan, and only there, whether higherIsBetter: true for accuracy, false for a loss",
    ),
)

_GIT = (
    Rule(
        "self.url.matches('^(https?|git)://[^-@/\\\\s][^@/\\\\s]*/[^\\\\s]+$') || "
        "self.url.matches('^(ssh://)?[A-Za-z0-9._-]+@[A-Za-z0-9][^@/\\\\s]*[:/][^\\\\s]+$')",
        "a url is https://…, ssh://user@host/… or user@host:path; a password or token does not belong in it but in the "
        "Secret that secretName names",
        ".url",
    ),
    Rule(
        "self.url.matches('^(https?|git)://') || has(self.secretName)",
        "ssh needs a key: name a Secret with ssh-privatekey and known_hosts in secretName",
    ),
    Rule(
        "self.revision.matches('^[^-+~^:?*\\\\[\\\\s][^~^:?*\\\\[\\\\s]*$')",
        "a revision is the name of a branch or a tag, or a commit",
        ".revision",
    ),
    Rule(
        "!has(self.path) || (!self.path.startsWith('/') && !self.path.split('/').exists(part, part == '..'))",
        "a path lies in the repository: it does not begin with / and has no ..",
        ".path",
    ),
)

TRAINING_RUN = Kind(
    TrainingRun,
    TrainingRunSpec,
    TrainingRunStatus,
    plural="trainingruns",
    short_name="trun",
    name_max_length=NAME_MAX_LENGTH,
    columns=(
        Column("Status", ".status.phase", "Where the run is."),
        Column("Model", ".spec.model.name", "Registered model it is expected to make a version of."),
        Column("Version", ".status.version", "Version it registered."),
        Column("Metric", ".status.metric", "A metric of its main MLflow run."),
        Column("Duration", ".status.duration", "From start to end.", priority=1),
        Column("Run", ".status.runId", "Id of its main MLflow run.", priority=1),
        Column("Reason", ".status.reason", "Why it is where it is.", priority=1),
        AGE,
    ),
    rules={
        "spec": tuple(immutable(name, _IMMUTABLE) for name in _run_inputs()),
        "spec.params": (PARAMETER_NAMES,),
        "spec.volumes": _VOLUMES,
        "spec.model.promote": (_PROMOTE,),
        "spec.model.promote.when[]": _PROMOTION_RULE,
        "spec.source": (
            Rule("has(self.configMap) != has(self.git)", "name exactly one of configMap and git"),
        ),
        "spec.source.git": _GIT,
    },
    subresources={"status": {}},
)


def of_template() -> dict[str, tuple[Rule, ...]]:
    """A template is judged as the runs that are made from it; it may change, though, as they may not."""
    judged = {
        path: tuple(rule for rule in rules if "oldSelf" not in rule.rule)
        for path, rules in TRAINING_RUN.rules.items()
    }
    return {f"spec.template.{path}": rules for path, rules in judged.items() if rules}
