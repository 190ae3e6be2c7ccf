{{/*
What the operator may do in the namespaces it watches: bound cluster-wide, or by a Role in each of them.
There is no verb on secrets: pods name the Secrets of their own namespace.
*/}}
{{- define "modelcycle.operatorRules" -}}
- apiGroups: [modelcycle.dev]
  resources: [trainingruns, trainingschedules, trainingsweeps, modeldeployments]
  verbs: [get, list, watch]
- apiGroups: [modelcycle.dev]
  resources: [trainingruns]
  verbs: [create, delete]
- apiGroups: [modelcycle.dev]
  resources: [trainingruns/status, trainingschedules/status, trainingsweeps/status, modeldeployments/status]
  verbs: [update]
- apiGroups: [modelcycle.dev]
  resources: [trainingruns] # those whose ttlSecondsAfterFinished is over
  verbs: [delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list]
{{- end -}}
