{{- /* "true" where content runs in pods of its own, otherwise nothing. */ -}}
{{- define "rstudio-connect.offHost" -}}
{{- if or .Values.launcher.enabled .Values.backends.kubernetes.enabled }}true{{ end }}
{{- end }}

{{- define "rstudio-connect.account" -}}
{{ .Values.rbac.serviceAccount.name | default (include "rstudio-library.fullname" .) }}
{{- end }}

{{- /* Where content of the direct runner finds the session runtime. */ -}}
{{- define "rstudio-connect.runtimeDir" -}}
{{ dig "Kubernetes" "ConnectRuntimeDir" "" .Values.config | default "/opt/rstudio-connect-runtime" }}
{{- end }}

{{- /* What the chart knows, below what the user says. */ -}}
{{- define "rstudio-connect.config" -}}
{{- $user := deepCopy .Values.config }}
{{- $direct := .Values.backends.kubernetes }}
{{- $claim := "" }}
{{- if and .Values.sharedStorage.mountContent (include "rstudio-library.hasStorage" .) }}{{ $claim = include "rstudio-library.claim" . }}{{ end }}
{{- $chart := dict }}
{{- if .Values.launcher.enabled }}
{{- $launcher := dict
  "Enabled" "true"
  "Kubernetes" "true"
  "KubernetesNamespace" (.Values.launcher.namespace | default .Release.Namespace)
  "KubernetesProfilesConfig" "/etc/rstudio-connect/launcher/launcher.kubernetes.profiles.conf"
  "KubernetesUseTemplates" (empty .Values.launcher.useTemplates | ternary "false" "true")
}}
{{- if .Values.launcher.useTemplates }}
{{- $_ := set $launcher "ScratchPath" (.Values.config.Launcher.KubernetesScratchPath | default "/var/lib/rstudio-connect-launcher") }}
{{- end }}
{{- with $claim }}{{ $_ := set $launcher "DataDirPVCName" . }}{{ end }}
{{- $_ := set $chart "Launcher" $launcher }}
{{- end }}
{{- if $direct.enabled }}
{{- $kubernetes := dict
  "Enabled" "true"
  "Namespace" ($direct.namespace | default .Release.Namespace)
  "DefaultResourceJobBase" "/etc/rstudio-connect/job.yaml"
}}
{{- if $direct.defaultResourceServiceBase }}
{{- $_ := set $kubernetes "DefaultResourceServiceBase" "/etc/rstudio-connect/service.yaml" }}
{{- end }}
{{- if $direct.defaultInitContainer.enabled }}
{{- $_ := set $kubernetes "ConnectRuntimeDir" (include "rstudio-connect.runtimeDir" .) }}
{{- end }}
{{- with $claim }}
{{- $_ := set $kubernetes "DataDirPVCName" . }}
{{- with $.Values.sharedStorage.subPath }}{{ $_ := set $kubernetes "DataDirPVCSubPath" . }}{{ end }}
{{- end }}
{{- $_ := set $chart "Kubernetes" $kubernetes }}
{{- end }}
{{- if .Values.executionEnvironments }}
{{- $_ := set $chart "ExecutionEnvironments" (dict "ConfigFilePath" "/etc/rstudio-connect/execution-environments/environments.yaml") }}
{{- end }}
{{- if .Values.license.server }}
{{- $_ := set $chart "Licensing" (dict "LicenseType" "Remote") }}
{{- end }}
{{- if .Values.prometheus.enabled }}
{{- $_ := set $chart "Metrics" (dict "PrometheusListen" (print ":" .Values.prometheus.port)) }}
{{- end }}
{{- include "rstudio-library.config.gcfg" (mergeOverwrite $chart $user) }}
{{- end }}
