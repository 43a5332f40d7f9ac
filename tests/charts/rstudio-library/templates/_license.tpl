{{- /* `prefix` is RSC or RSPM, `root` the context of the product chart. */ -}}
{{- define "rstudio-library.license.env" -}}
{{- $license := .root.Values.license }}
{{- if $license.key }}
- name: {{ .prefix }}_LICENSE
  valueFrom:
    secretKeyRef:
      name: {{ include "rstudio-library.fullname" .root }}-license
      key: {{ .root.Chart.Name }}
{{- end }}
{{- if $license.server }}
- name: {{ .prefix }}_LICENSE_SERVER
  value: {{ $license.server | quote }}
{{- end }}
{{- if or $license.file.contents $license.file.secret }}
- name: {{ .prefix }}_LICENSE_FILE_PATH
  value: "{{ $license.file.mountPath }}/{{ $license.file.secretKey }}"
{{- end }}
{{- end }}

{{- /* `hidesDirectory`: the single file is mounted over its own folder, as old charts did. */ -}}
{{- define "rstudio-library.license.mount" -}}
{{- with .root.Values.license.file }}
{{- if or .contents .secret }}
- name: license-file
  mountPath: {{ or (empty .mountSubPath) (not (empty $.hidesDirectory)) | ternary .mountPath (print .mountPath "/" .secretKey) | quote }}
  {{- if .mountSubPath }}
  subPath: {{ .secretKey | quote }}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "rstudio-library.license.volume" -}}
{{- with .Values.license.file }}
{{- if or .contents .secret }}
- name: license-file
  secret:
    secretName: {{ .secret | default (print (include "rstudio-library.fullname" $) "-license-file") }}
{{- end }}
{{- end }}
{{- end }}

{{- define "rstudio-library.license.secrets" -}}
{{- $secrets := dict }}
{{- with .Values.license.key }}{{ $_ := set $secrets "license" (list $.Chart.Name .) }}{{ end }}
{{- with .Values.license.file }}
{{- if .contents }}{{ $_ := set $secrets "license-file" (list .secretKey (indent 0 .contents)) }}{{ end }}
{{- end }}
{{- range $suffix, $entry := $secrets }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ include "rstudio-library.fullname" $ }}-{{ $suffix }}
  namespace: {{ $.Release.Namespace }}
type: Opaque
stringData:
  {{ first $entry }}: {{ last $entry | quote }}
{{- end }}
{{- end }}
