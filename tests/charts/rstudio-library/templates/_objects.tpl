{{- /* Options: `labelled` (full label set), `bound` (volumeName and selector are read), `annotations`. */ -}}
{{- define "rstudio-library.pvc" -}}
{{- $storage := .root.Values.sharedStorage }}
{{- if $storage.create }}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ include "rstudio-library.claim" .root }}
  namespace: {{ .root.Release.Namespace }}
  {{- if .labelled }}
  labels: {{ include "rstudio-library.labels" .root | nindent 4 }}
  {{- end }}
  {{- with .annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
spec:
  accessModes: {{ toYaml $storage.accessModes | nindent 4 }}
  volumeMode: Filesystem
  {{- with $storage.storageClassName }}
  storageClassName: {{ . }}
  {{- end }}
  {{- if .bound }}
  {{- with $storage.volumeName }}
  volumeName: {{ . }}
  {{- end }}
  {{- with $storage.selector }}
  selector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  resources:
    requests:
      storage: {{ $storage.requests.storage }}
{{- end }}
{{- end }}

{{- define "rstudio-library.ingress" -}}
{{- if .Values.ingress.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "rstudio-library.fullname" . }}
  namespace: {{ .Release.Namespace }}
  labels: {{ include "rstudio-library.labels" . | nindent 4 }}
  {{- with .Values.ingress.annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.ingress.ingressClassName }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .Values.ingress.tls }}
  tls: {{ toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- range .Values.ingress.hosts }}
    - host: {{ .host | quote }}
      http:
        paths:
          {{- range .paths }}
          {{- $path := kindIs "string" . | ternary (dict "path" .) . }}
          - path: {{ $path.path }}
            pathType: {{ $path.pathType | default "Prefix" }}
            backend:
              service:
                name: {{ include "rstudio-library.fullname" $ }}
                port:
                  number: {{ $.Values.service.port }}
          {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{- define "rstudio-library.pdb" -}}
{{- with .Values.podDisruptionBudget }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "rstudio-library.fullname" $ }}
  namespace: {{ $.Release.Namespace }}
  labels: {{ include "rstudio-library.labels" $ | nindent 4 }}
spec:
  {{- toYaml . | nindent 2 }}
  selector:
    matchLabels: {{ include "rstudio-library.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end }}

{{- define "rstudio-library.serviceMonitor" -}}
{{- if .Values.serviceMonitor.enabled }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: {{ include "rstudio-library.fullname" . }}
  namespace: {{ .Values.serviceMonitor.namespace | default .Release.Namespace }}
  labels:
    {{- include "rstudio-library.labels" . | nindent 4 }}
    {{- with .Values.serviceMonitor.additionalLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  endpoints:
    - port: metrics
  namespaceSelector:
    matchNames: [{{ .Release.Namespace | quote }}]
  selector:
    matchLabels: {{ include "rstudio-library.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}

{{- /* `ports` is the list of the Service, `root` the context of the product chart. */ -}}
{{- define "rstudio-library.service" -}}
{{- $service := .root.Values.service }}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "rstudio-library.fullname" .root }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{ include "rstudio-library.labels" .root | nindent 4 }}
  {{- with $service.annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type }}
  {{- if and $service.clusterIP (eq $service.type "ClusterIP") }}
  clusterIP: {{ $service.clusterIP }}
  {{- end }}
  {{- if and $service.loadBalancerIP (eq $service.type "LoadBalancer") }}
  loadBalancerIP: {{ $service.loadBalancerIP }}
  {{- end }}
  selector: {{ include "rstudio-library.selectorLabels" .root | nindent 4 }}
  ports: {{ toYaml .ports | nindent 4 }}
{{- end }}

{{- define "rstudio-library.extraObjects" -}}
{{- range .Values.extraObjects }}
---
{{ tpl (kindIs "string" . | ternary . (toYaml .)) $ }}
{{- end }}
{{- end }}
