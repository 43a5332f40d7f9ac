{{- /* The init container that brings the session runtime to content of the Launcher. */ -}}
{{- define "rstudio-connect.launcher.init" -}}
{{- with .Values.launcher.defaultInitContainer }}
name: init
image: {{ print .repository ":" (.tag | default ($.Values.versionOverride | default $.Chart.AppVersion)) | quote }}
imagePullPolicy: {{ .imagePullPolicy | default "IfNotPresent" }}
resources: {{ toYaml .resources | nindent 2 }}
securityContext: {{ toYaml .securityContext | nindent 2 }}
volumeMounts:
  - name: rsc-volume
    mountPath: /mnt/rstudio-connect-runtime/
{{- end }}
{{- end }}

{{- /* The runtime volume, its mounts and its init container, as one dict. The source is in lower case: no source. */ -}}
{{- define "rstudio-connect.launcher.runtime" -}}
{{- $mounts := list }}
{{- range list "R" "python" "scripts" "ext" }}
{{- $mounts = append $mounts (dict "name" "rsc-volume" "mountPath" (print "/opt/rstudio-connect/" .) "subPath" .) }}
{{- end }}
{{- $init := include "rstudio-connect.launcher.init" . | fromYaml }}
{{- dict "volume" (dict "name" "rsc-volume" "emptydir" dict) "mounts" $mounts "init" $init | toJson }}
{{- end }}

{{- /* templateValues with the runtime behind what the user gave. */ -}}
{{- define "rstudio-connect.launcher.templateData" -}}
{{- $data := deepCopy .Values.launcher.templateValues }}
{{- $_ := set $data.sharedStorage "name" (include "rstudio-library.claim" .) }}
{{- with .Values.sharedStorage.subPath }}{{ $_ := set $data.sharedStorage "subPath" . }}{{ end }}
{{- if and .Values.launcher.useTemplates .Values.launcher.defaultInitContainer.enabled }}
{{- $runtime := include "rstudio-connect.launcher.runtime" . | fromJson }}
{{- $_ := set $data.pod "volumes" (append $data.pod.volumes $runtime.volume) }}
{{- $_ := set $data.pod "volumeMounts" (concat $data.pod.volumeMounts $runtime.mounts) }}
{{- $_ := set $data.pod "initContainers" (append $data.pod.initContainers $runtime.init) }}
{{- end }}
{{- toJson $data }}
{{- end }}

{{- /* The same runtime as overrides of a Job, for use without templates. */ -}}
{{- define "rstudio-connect.launcher.overrides" -}}
{{- $overrides := list }}
{{- if and .Values.launcher.defaultInitContainer.enabled (not .Values.launcher.useTemplates) }}
{{- $runtime := include "rstudio-connect.launcher.runtime" . | fromJson }}
{{- $overrides = list
  (dict "name" "defaultRuntimeConnectVolume" "target" "/spec/template/spec/volumes/-" "json" $runtime.volume)
  (dict "name" "defaultInitContainer" "target" "/spec/template/spec/initContainers/0" "json" $runtime.init) }}
{{- range $mount := $runtime.mounts }}
{{- $overrides = append $overrides (dict "name" (print "defaultRuntimeContainerVolumeMount" (get $mount "subPath")) "target" "/spec/template/spec/containers/0/volumeMounts/-" "json" $mount) }}
{{- end }}
{{- end }}
{{- toJson $overrides }}
{{- end }}
