# Version: stand-in
{{- $data := include "rstudio-library.templates.data" nil | mustFromJson }}
apiVersion: batch/v1
kind: Job
metadata:
  generateName: {{ .Job.generateName | quote }}
  {{- with $data.job.annotations }}
  annotations: {{ toYaml . | nindent 4 }}
  {{- end }}
  labels: {{ mergeOverwrite (dict "app.kubernetes.io/managed-by" "launcher" "launcher-instance-id" .Job.instanceId) $data.job.labels | toYaml | nindent 4 }}
spec:
  backoffLimit: 0
  {{- with $data.job.ttlSecondsAfterFinished }}
  ttlSecondsAfterFinished: {{ . }}
  {{- end }}
  template:
    metadata:
      {{- with $data.pod.annotations }}
      annotations: {{ toYaml . | nindent 8 }}
      {{- end }}
      {{- with $data.pod.labels }}
      labels: {{ toYaml . | nindent 8 }}
      {{- end }}
    spec:
      restartPolicy: Never
      enableServiceLinks: {{ $data.pod.enableServiceLinks | default false }}
      {{- with .Job.serviceAccountName | default $data.pod.serviceAccountName }}
      serviceAccountName: {{ . | quote }}
      {{- end }}
      {{- range $field := list "tolerations" "affinity" "nodeSelector" "priorityClassName" "imagePullSecrets" "hostAliases" }}
      {{- with get $data.pod $field }}
      {{ $field }}: {{ toJson . }}
      {{- end }}
      {{- end }}
      {{- $context := deepCopy $data.pod.defaultSecurityContext }}
      {{- with .Job.container.runAsUserId }}{{ $_ := set $context "runAsUser" . }}{{ end }}
      {{- with .Job.container.runAsGroupId }}{{ $_ := set $context "runAsGroup" . }}{{ end }}
      {{- with .Job.container.supplementalGroupIds }}{{ $_ := set $context "supplementalGroups" . }}{{ end }}
      {{- $context = mergeOverwrite $context $data.pod.securityContext }}
      {{- with $context }}
      securityContext: {{ toYaml . | nindent 8 }}
      {{- end }}
      volumes: {{ concat .Job.volumes $data.pod.volumes | toJson }}
      initContainers: {{ toJson $data.pod.initContainers }}
      containers:
        - name: rs-launcher-container
          image: {{ .Job.container.image | quote }}
          command: {{ $data.pod.command | default (list .Job.exe) | toJson }}
          {{- with $data.pod.imagePullPolicy }}
          imagePullPolicy: {{ . }}
          {{- end }}
          env: {{ concat .Job.environment $data.pod.env | toJson }}
          {{- with $data.pod.containerSecurityContext }}
          securityContext: {{ toYaml . | nindent 12 }}
          {{- end }}
          volumeMounts: {{ concat .Job.volumeMounts $data.pod.volumeMounts | toJson }}
          resources: {{ mergeOverwrite (deepCopy $data.pod.resources) .Job.resources | toJson }}
        {{- range $data.pod.extraContainers }}
        - {{ toJson . }}
        {{- end }}
