{{- define "rstudio-pm.account" -}}
{{- with .Values.serviceAccount -}}
{{ .name | default (empty .create | ternary "default" (include "rstudio-library.fullname" $)) }}
{{- end }}
{{- end }}
