{{- /* The Job that content of the direct runner starts from: what the user gave, with the runtime behind it. */ -}}
{{- define "rstudio-connect.jobBase" -}}
{{- $direct := .Values.backends.kubernetes }}
{{- $job := deepCopy ($direct.defaultResourceJobBase | default dict) }}
{{- if not (hasKey $job "apiVersion") }}{{ $_ := set $job "apiVersion" "batch/v1" }}{{ end }}
{{- if not (hasKey $job "kind") }}{{ $_ := set $job "kind" "Job" }}{{ end }}
{{- if ne $job.kind "Job" }}
{{- fail (printf "backends.kubernetes.defaultResourceJobBase.kind is %s, only Job is possible." $job.kind) }}
{{- end }}
{{- with $direct.defaultInitContainer }}
{{- if .enabled }}
{{- if not (hasKey $job "spec") }}{{ $_ := set $job "spec" dict }}{{ end }}
{{- if not (hasKey $job.spec "template") }}{{ $_ := set $job.spec "template" dict }}{{ end }}
{{- if not (hasKey $job.spec.template "spec") }}{{ $_ := set $job.spec.template "spec" dict }}{{ end }}
{{- $pod := $job.spec.template.spec }}
{{- $tag := .tag | default $.Values.versionOverride | default $.Chart.AppVersion }}
{{- $init := dict "name" "connect-content-init" "image" (print .repository ":" $tag) }}
{{- range $key, $value := pick . "imagePullPolicy" "resources" "securityContext" }}
{{- if $value }}{{ $_ := set $init $key $value }}{{ end }}
{{- end }}
{{- include "rstudio-connect.jobBase.container" (dict "pod" $pod "field" "initContainers" "container" $init
  "mountPath" "/mnt/rstudio-connect-runtime/") }}
{{- include "rstudio-connect.jobBase.container" (dict "pod" $pod "field" "containers" "container" (dict "name" "connect-content")
  "mountPath" (include "rstudio-connect.runtimeDir" $) "forbidden" "/opt/rstudio-connect") }}
{{- $names := list }}
{{- range $pod.volumes }}{{ $names = append $names .name }}{{ end }}
{{- if not (has "rsc-volume" $names) }}
{{- $_ := set $pod "volumes" (append ($pod.volumes | default list) (dict "name" "rsc-volume" "emptyDir" dict)) }}
{{- end }}
{{- end }}
{{- end }}
{{- toYaml $job }}
{{- end }}

{{- /*
Changes `pod`: the container of this name in the list `field` gets what it lacks of `container` and the runtime
volume at `mountPath`; where there is none it is added at the end. No mount may be at `forbidden`.
*/ -}}
{{- define "rstudio-connect.jobBase.container" -}}
{{- $mount := dict "name" "rsc-volume" "mountPath" .mountPath }}
{{- $containers := get .pod .field | default list }}
{{- $found := false }}
{{- range $given := $containers }}
{{- if eq $given.name $.container.name }}
{{- $found = true }}
{{- $mounted := false }}
{{- range $given.volumeMounts }}
{{- if eq .mountPath ($.forbidden | default "") }}
{{- fail (printf "backends.kubernetes.defaultResourceJobBase: %s mounts %s, which hides the installation of Connect." $given.name .mountPath) }}
{{- end }}
{{- if eq .mountPath $.mountPath }}
{{- if ne .name "rsc-volume" }}
{{- fail (printf "backends.kubernetes.defaultResourceJobBase: %s mounts volume %s at %s, which is reserved for rsc-volume." $given.name .name .mountPath) }}
{{- end }}
{{- $mounted = true }}
{{- end }}
{{- end }}
{{- range $key, $value := $.container }}
{{- if not (hasKey $given $key) }}{{ $_ := set $given $key $value }}{{ end }}
{{- end }}
{{- if not $mounted }}{{ $_ := set $given "volumeMounts" (append ($given.volumeMounts | default list) $mount) }}{{ end }}
{{- end }}
{{- end }}
{{- if not $found }}
{{- $containers = append $containers (merge (dict "volumeMounts" (list $mount)) .container) }}
{{- end }}
{{- $_ := set .pod .field $containers }}
{{- end }}
