{{- /* The address given, otherwise that of a Chronicle server the API server knows. */ -}}
{{- define "rstudio-library.chronicle.address" -}}
{{- with .Values.chronicleAgent }}
{{- $address := .serverAddress }}
{{- if not (or $address .autoDiscovery) }}
{{- fail "chronicleAgent.serverAddress is empty and chronicleAgent.autoDiscovery is off." }}
{{- end }}
{{- if not $address }}
{{- $namespace := .serverNamespace | default $.Release.Namespace }}
{{- range (lookup "v1" "Service" $namespace "").items }}
{{- $labels := .metadata.labels | default dict }}
{{- if and (contains "posit-chronicle" (get $labels "app.kubernetes.io/name")) (eq "server" (get $labels "app.kubernetes.io/component")) }}
{{- $address = print .metadata.name "." $namespace }}
{{- end }}
{{- end }}
{{- end }}
{{- if not $address }}
{{- fail "No Chronicle server was found. Set chronicleAgent.serverAddress." }}
{{- end }}
{{- $address }}
{{- end }}
{{- end }}
