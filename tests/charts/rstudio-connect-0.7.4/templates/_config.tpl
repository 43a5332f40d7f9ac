{{- /* "true" where the old graphite exporter stands beside the server, otherwise nothing. */ -}}
{{- define "rstudio-connect.graphite" -}}
{{- if and .Values.prometheus.legacy .Values.prometheusExporter.enabled }}true{{ end }}
{{- end }}

{{- define "rstudio-connect.metricsPort" -}}
{{ include "rstudio-connect.graphite" . | eq "true" | ternary 9108 .Values.prometheus.port }}
{{- end }}

{{- /* What the chart knows, below what the user says. */ -}}
{{- define "rstudio-connect.config" -}}
{{- $user := deepCopy .Values.config }}
{{- $chart := dict }}
{{- if .Values.launcher.enabled }}
{{- $launcher := dict
  "Enabled" "true"
  "Kubernetes" "true"
  "ClusterDefinition" "/etc/rstudio-connect/runtime.yaml"
  "KubernetesNamespace" (.Values.launcher.namespace | default .Release.Namespace)
  "KubernetesProfilesConfig" "/etc/rstudio-connect/launcher/launcher.kubernetes.profiles.conf"
  "KubernetesUseTemplates" (empty .Values.launcher.useTemplates | ternary "false" "true")
}}
{{- if .Values.launcher.useTemplates }}
{{- $_ := set $launcher "ScratchPath" "/var/lib/rstudio-connect-launcher" }}
{{- end }}
{{- if and .Values.sharedStorage.mountContent (include "rstudio-library.hasStorage" .) }}
{{- $_ := set $launcher "DataDirPVCName" (include "rstudio-library.claim" .) }}
{{- end }}
{{- $_ := set $chart "Launcher" $launcher }}
{{- end }}
{{- if .Values.license.server }}
{{- $_ := set $chart "Licensing" (dict "LicenseType" "Remote") }}
{{- end }}
{{- if and .Values.prometheus.enabled (not .Values.prometheus.legacy) }}
{{- $_ := set $chart "Metrics" (dict "PrometheusListen" (print ":" .Values.prometheus.port)) }}
{{- /* Faithful to the original: the changed dict is printed in front of the first section. */ -}}
{{- if hasKey $user.Metrics "GraphiteEnabled" }}{{ set $user.Metrics "GraphiteEnabled" false }}{{ end }}
{{- end }}
{{- include "rstudio-library.config.gcfg" (mergeOverwrite $chart $user) }}
{{- end }}

{{- /* A text is taken as it is, "base" and "pro" name bundled lists, a map is written as YAML. */ -}}
{{- define "rstudio-connect.runtimeYaml" -}}
{{- $runtime := .Values.launcher.customRuntimeYaml | default "base" }}
{{- $extra := .Values.launcher.additionalRuntimeImages }}
{{- if kindIs "map" $runtime }}
{{- if kindIs "slice" $extra }}{{ $runtime = merge (dict "images" (concat $runtime.images $extra)) $runtime }}{{ end }}
{{- toYaml $runtime }}
{{- else }}
{{- if has $runtime (list "base" "pro") }}{{ $runtime = .Files.Get (print "runtime-" $runtime ".yaml") }}{{ end }}
{{- trim $runtime }}
{{- with $extra }}
{{ kindIs "string" . | ternary . (toYaml . | indent 2) }}
{{- end }}
{{- end }}
{{- end }}
