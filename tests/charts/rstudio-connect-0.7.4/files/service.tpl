# Version: stand-in
{{- $data := include "rstudio-library.templates.data" nil | mustFromJson }}
apiVersion: v1
kind: Service
metadata:
  generateName: {{ .Job.generateName | quote }}
  annotations: {{ toYaml $data.service.annotations | nindent 4 }}
  labels:
    job-name: {{ .Job.id | quote }}
    {{- with $data.service.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  type: {{ $data.service.type }}
  selector:
    job-name: {{ .Job.id | quote }}
  ports: {{ toYaml .Job.ports | nindent 4 }}
