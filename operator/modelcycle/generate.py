"""`python -m modelcycle.generate`: writes the CRDs, into crds/ and the chart, and the example's ConfigMap."""

from pathlib import Path
from typing import Any

import yaml

from modelcycle.api.crd import KINDS, definition

_HEADER = "# Generated from operator/modelcycle/api by `make generate`.\n"
_CHART_ANNOTATIONS = """\
  annotations:
    {{- if .Values.crds.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
    modelcycle.dev/chart-version: {{ .Chart.Version | quote }}
"""


def files() -> dict[Path, str]:
    """Each generated file's path, relative to the repository's root, and its text."""
    out: dict[Path, str] = {}
    for kind in KINDS:
        crd = definition(kind)
        text = _HEADER + _yaml(crd)
        out[Path("crds") / f"{kind.plural}.yaml"] = text
        out[Path("charts/modelcycle/templates") / f"crd-{kind.plural}.yaml"] = _templated(crd)
    out[Path("examples/iris-source.yaml")] = _source_of(Path("examples/iris/train.py"))
    return out


def _source_of(script: Path) -> str:
    """The ConfigMap that brings a script to a TrainingRun, as `kubectl create configmap --from-file` makes it."""
    indented = "".join(f"    {line}".rstrip() + "\n" for line in script.read_text().splitlines())
    return (
        f"# Generated from {script} by `make generate`.\n"
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: iris-source\n"
        f"data:\n  {script.name}: |\n{indented}"
    )


def _templated(crd: dict[str, Any]) -> str:
    text = _yaml(crd).replace("{{", '{{ "{{" }}')
    name = f"  name: {crd['metadata']['name']}\n"
    return (
        _HEADER
        + "{{- if .Values.crds.enabled }}\n"
        + text.replace(name, name + _CHART_ANNOTATIONS, 1)
        + "{{- end }}\n"
    )


class _Plain(yaml.SafeDumper):
    """Writes a list that occurs twice twice, and not as an anchor and an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _yaml(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)


def main() -> None:
    """Writes every generated file below the current folder."""
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
