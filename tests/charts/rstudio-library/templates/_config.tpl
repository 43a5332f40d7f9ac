{{- /* Sections of settings, written as the products read them; a list repeats its key. */ -}}
{{- define "rstudio-library.config.gcfg" -}}
{{- range $section, $settings := . -}}
[{{ $section }}]
{{- range $key, $value := $settings }}
{{- range kindIs "slice" $value | ternary $value (list $value) }}
{{ $key }} = {{ . }}
{{- end }}
{{- end }}

{{ end }}
{{- end }}

{{- /* The same in Chronicle's manner: no blanks, and what is no map goes on a line of its own. A text is left as it is. */ -}}
{{- define "rstudio-library.config.ini" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}
{{- range $section, $settings := . }}
{{- if kindIs "map" $settings }}
[{{ $section }}]
{{- range $key, $value := $settings }}
{{ $key }}={{ $value }}
{{- end }}
{{- else }}
{{ $section }}={{ $settings }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /*
launcher.kubernetes.profiles.conf from a dict of `profiles` (settings by section), `defaults` (overrides
that reach everyone) and `path` (where the override files are mounted).
*/ -}}
{{- define "rstudio-library.profiles.conf" -}}
{{- $path := .path }}
{{- $profiles := deepCopy .profiles }}
{{- if and .defaults (not (hasKey $profiles "*")) }}{{ $_ := set $profiles "*" dict }}{{ end }}
{{- $everyone := concat .defaults (dig "*" "job-json-overrides" list $profiles) }}
{{- range $section, $settings := $profiles }}
[{{ $section }}]
{{- range $key, $value := omit $settings "job-json-overrides" }}
{{ $key }}={{ kindIs "slice" $value | ternary (join "," $value) $value }}
{{- end }}
{{- $overrides := eq $section "*" | ternary $everyone list }}
{{- if and (ne $section "*") (hasKey $settings "job-json-overrides") }}
{{- $overrides = concat $everyone (get $settings "job-json-overrides") }}
{{- end }}
{{- $pairs := list }}
{{- range $overrides }}{{ $pairs = append $pairs (printf "%q:%q" .target (print $path (nospace .name) ".json")) }}{{ end }}
{{- if $pairs }}
job-json-overrides={{ join "," $pairs }}
{{- end }}
{{ end }}
{{- end }}

{{- /* One JSON file for each override of `defaults` and of every section of `profiles`. */ -}}
{{- define "rstudio-library.profiles.overrides" -}}
{{- $overrides := .defaults }}
{{- range .profiles }}{{ $overrides = concat $overrides (get . "job-json-overrides" | default list) }}{{ end }}
{{- $files := dict }}
{{- range $overrides }}
{{- if not (and (hasKey . "name") (hasKey . "json") (hasKey . "target")) }}
{{- fail "launcher.launcherKubernetesProfilesConf: every job-json-overrides entry needs name, target and json." }}
{{- end }}
{{- $_ := set $files (print (nospace .name) ".json") (toJson .json) }}
{{- end }}
{{- toYaml $files }}
{{- end }}
