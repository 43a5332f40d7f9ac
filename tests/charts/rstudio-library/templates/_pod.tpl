{{- define "rstudio-library.strategy" -}}
strategy:
  type: {{ .Values.strategy.type }}
  {{- if eq .Values.strategy.type "RollingUpdate" }}
  rollingUpdate:
    maxUnavailable: {{ .Values.strategy.rollingUpdate.maxUnavailable }}
    maxSurge: {{ .Values.strategy.rollingUpdate.maxSurge }}
  {{- end }}
{{- end }}

{{- /* Each probe as given, without its switch. */ -}}
{{- define "rstudio-library.probes" -}}
{{- range list "livenessProbe" "readinessProbe" "startupProbe" }}
{{- $probe := get $.Values . }}
{{- if $probe.enabled }}
{{ . }}: {{ omit $probe "enabled" | toYaml | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The `keys` of `from` that are set, one below the other. */ -}}
{{- define "rstudio-library.copied" -}}
{{- range $key := .keys }}
{{- with get $.from $key }}
{{ $key }}: {{ kindIs "string" . | ternary (quote .) (toYaml . | nindent 2) }}
{{- end }}
{{- end }}
{{- end }}
