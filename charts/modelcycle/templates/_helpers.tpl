{{- define "modelcycle.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Cluster-wide objects carry the namespace, so that releases of one name in two namespaces stand side by side. */}}
{{- define "modelcycle.clusterWideName" -}}
{{- printf "%s-%s" .Release.Namespace (include "modelcycle.fullname" .) -}}
{{- end -}}

{{- define "modelcycle.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "modelcycle.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "modelcycle.selectorLabels" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: modelcycle
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "modelcycle.tag" -}}
{{- .Values.image.tag | default .Chart.AppVersion -}}
{{- end -}}

{{- define "modelcycle.trainImage" -}}
{{- .Values.trainImage | default (printf "%s/train:%s" .Values.image.registry (include "modelcycle.tag" .)) -}}
{{- end -}}

{{- define "modelcycle.serveImage" -}}
{{- .Values.serveImage | default (printf "%s/serve:%s" .Values.image.registry (include "modelcycle.tag" .)) -}}
{{- end -}}

{{- define "modelcycle.claimName" -}}
{{- .Values.storage.existingClaim | default .Values.storage.claimName -}}
{{- end -}}

{{- define "modelcycle.webhookSecret" -}}
{{- .Values.webhook.existingSecret | default (printf "%s-webhook" (include "modelcycle.fullname" .)) -}}
{{- end -}}

{{- define "modelcycle.databaseClaimName" -}}
{{- .Values.mlflow.database.claim.existingClaim | default (printf "%s-mlflow-database" (include "modelcycle.fullname" .)) -}}
{{- end -}}

{{/* The first watched namespace, or the release's own: where NOTES show how to create a TrainingRun. */}}
{{- define "modelcycle.exampleNamespace" -}}
{{- if or (empty .Values.watchNamespaces) (has .Release.Namespace .Values.watchNamespaces) -}}
{{- .Release.Namespace -}}
{{- else -}}
{{- first .Values.watchNamespaces -}}
{{- end -}}
{{- end -}}

{{- define "modelcycle.trackingUri" -}}
{{- if .Values.mlflow.enabled -}}
http://{{ include "modelcycle.fullname" . }}-mlflow.{{ .Release.Namespace }}.svc:5000
{{- else -}}
{{- .Values.mlflow.externalUri -}}
{{- end -}}
{{- end -}}

{{/* Without these names MLflow's host check answers 403. No pattern ends in a dot and a star: a stranger could register a name that fits. */}}
{{- define "modelcycle.allowedHosts" -}}
{{- $service := printf "%s-mlflow" (include "modelcycle.fullname" .) -}}
{{- $inNamespace := printf "%s.%s" $service .Release.Namespace -}}
{{- $inCluster := printf "%s.svc.%s" $inNamespace .Values.clusterDomain -}}
{{- $names := list "localhost" "127.0.0.1" $service $inNamespace (printf "%s.svc" $inNamespace) $inCluster -}}
{{- $hosts := list -}}
{{- range concat $names .Values.mlflow.allowedHosts -}}
{{- $hosts = append $hosts . -}}
{{- if not (contains ":" .) -}}
{{- $hosts = append $hosts (printf "%s:*" .) -}}
{{- end -}}
{{- end -}}
{{- join "," (uniq $hosts) -}}
{{- end -}}

{{/* The restricted Pod Security Standard, as the user that owns the volume. */}}
{{- define "modelcycle.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "modelcycle.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
