{{- /*
What the Job Launcher asks of the API server. `account` is made in the namespace of the release, the Role
in `contentNamespace`.
*/ -}}
{{- define "rstudio-library.rbac" -}}
{{- $root := .root }}
{{- $rbac := $root.Values.rbac }}
{{- $given := $rbac.serviceAccount.create }}
{{- if not (or (kindIs "bool" $given) (kindIs "invalid" $given)) }}
{{- fail (printf "rbac.serviceAccount.create must be true or false, it is a %s." (kindOf $rbac.serviceAccount.create)) }}
{{- end }}
{{- $rules := list
  (dict "apiGroups" (list "") "resources" (list "serviceaccounts") "verbs" (list "list"))
  (dict "apiGroups" (list "") "resources" (list "pods" "pods/attach" "pods/exec") "verbs" (list "get" "create" "update" "patch" "watch" "list" "delete"))
  (dict "apiGroups" (list "") "resources" (list "pods/log") "verbs" (list "get" "watch" "list"))
  (dict "apiGroups" (list "") "resources" (list "events") "verbs" (list "watch"))
  (dict "apiGroups" (list "") "resources" (list "services") "verbs" (list "create" "get" "watch" "list" "delete"))
  (dict "apiGroups" (list "batch") "resources" (list "jobs") "verbs" (list "create" "update" "patch" "get" "watch" "list" "delete"))
  (dict "apiGroups" (list "metrics.k8s.io") "resources" (list "pods") "verbs" (list "get"))
}}
{{- include "rstudio-library.rbac.objects" (merge (dict
  "rules" $rules "clusterRole" $rbac.clusterRoleCreate "nodeVerbs" (list "get" "list" "watch") "unsaid" (kindIs "invalid" $given)) .) }}
{{- end }}

{{- /* The objects, whatever the rules. `unsaid`: the values say nothing of the account, which is yes. */ -}}
{{- define "rstudio-library.rbac.objects" -}}
{{- $account := .account }}
{{- $root := .root }}
{{- $unsaid := .unsaid }}
{{- with $root.Values.rbac.serviceAccount }}
{{- if or .create $unsaid }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ $account }}
  namespace: {{ $root.Release.Namespace }}
  {{- with .labels }}
  labels: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
{{- $roles := dict "Role" .rules }}
{{- if .clusterRole }}
{{- $_ := set $roles "ClusterRole" (list (dict "apiGroups" (list "") "resources" (list "nodes") "verbs" .nodeVerbs)) }}
{{- end }}
{{- range $kind, $rules := $roles }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $account }}
  {{- if eq $kind "Role" }}
  namespace: {{ $.contentNamespace }}
  {{- end }}
rules: {{ toYaml $rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $account }}
  {{- if eq $kind "Role" }}
  namespace: {{ $.contentNamespace }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $account }}
subjects:
  - kind: ServiceAccount
    name: {{ $account }}
    namespace: {{ $root.Release.Namespace }}
{{- end }}
{{- end }}
