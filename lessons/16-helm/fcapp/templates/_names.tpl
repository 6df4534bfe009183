{{/* A file with an underscore makes no object: it has templates for the others. */}}
{{- define "fcapp.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
