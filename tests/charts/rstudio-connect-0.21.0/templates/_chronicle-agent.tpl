{{- define "rstudio-connect.chronicleAgent" -}}
{{- $agent := .Values.chronicleAgent }}
{{- range list "registry" "repository" "tag" }}
{{- if not (get $agent.image .) }}{{ fail (printf "chronicleAgent.image.%s is empty." .) }}{{ end }}
{{- end }}
- name: chronicle-agent
  image: "{{ $agent.image.registry }}/{{ $agent.image.repository }}:{{ $agent.image.tag }}{{ with $agent.image.sha }}@sha256:{{ . }}{{ end }}"
  imagePullPolicy: {{ $agent.image.imagePullPolicy }}
  restartPolicy: Always
  env:
    - name: CHRONICLE_SERVER_ADDRESS
      value: {{ include "rstudio-library.chronicle.address" . | quote }}
    {{- with $agent.agentEnvironment }}
    - name: CHRONICLE_AGENT_ENVIRONMENT
      value: {{ . | quote }}
    {{- end }}
    - name: CONNECT_API_KEY
      {{- with $agent.connectApiKey.valueFrom }}
      valueFrom: {{ toYaml . | nindent 8 }}
      {{- else }}
      value: {{ $agent.connectApiKey.value | quote }}
      {{- end }}
    {{- with $agent.env }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- include "rstudio-library.copied" (dict "from" $agent "keys" (list "securityContext" "resources" "volumeMounts")) | nindent 2 }}
{{- end }}
