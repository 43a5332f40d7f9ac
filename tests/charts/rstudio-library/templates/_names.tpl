{{- define "rstudio-library.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rstudio-library.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (print .Release.Name "-" $name) -}}
{{ .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "rstudio-library.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rstudio-library.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The full set: only some objects carry it. */ -}}
{{- define "rstudio-library.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "rstudio-library.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "rstudio-library.claim" -}}
{{ .Values.sharedStorage.name | default (print (include "rstudio-library.fullname" .) "-shared-storage") }}
{{- end }}

{{- /* "true" where the shared storage is mounted, otherwise nothing. */ -}}
{{- define "rstudio-library.hasStorage" -}}
{{- if or .Values.sharedStorage.create .Values.sharedStorage.mount }}true{{ end }}
{{- end }}
