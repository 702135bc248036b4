{{- /* The name of everything: <release>, or <release>-caseharden where that does not say what it is. */}}
{{- define "caseharden.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* What a pod of ours is known by. It cannot change in the life of a Deployment. */}}
{{- define "caseharden.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "caseharden.labels" -}}
{{ include "caseharden.selectorLabels" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "caseharden.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "caseharden.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "caseharden.secretName" -}}
{{- .Values.certificates.secretName | default (printf "%s-tls" (include "caseharden.fullname" .)) -}}
{{- end -}}

{{- define "caseharden.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The namespaces that are never hardened, as JSON. A webhook that is needed to start
its own pods could never come back, and one that the control plane needs could take the
cluster down with it. */}}
{{- define "caseharden.excludedNamespaces" -}}
{{- concat (list .Release.Namespace "kube-system") .Values.webhook.excludedNamespaces | uniq | toJson -}}
{{- end -}}

{{- /* The names of the profiles, as JSON, and an error where the file of one is not that
of a profile of this name. The rest of it is checked at the start of the pods. */}}
{{- define "caseharden.profiles" -}}
{{- $builtIn := list "hardened" "restricted" -}}
{{- if not .Values.profiles -}}
{{- fail "profiles: is empty: then there is nothing to install" -}}
{{- end -}}
{{- range $name, $profile := .Values.profiles -}}
{{- $file := (default dict $profile).file -}}
{{- if and (has $name $builtIn) $file -}}
{{- fail (printf "profiles.%s: is built in and takes no file: give yours a name of its own" $name) -}}
{{- end -}}
{{- if not (or (has $name $builtIn) $file) -}}
{{- fail (printf "profiles.%s: is not built in (hardened and restricted are) and so needs a file, as with --set-file profiles.%s.file=%s.yaml" $name $name $name) -}}
{{- end -}}
{{- if $file -}}
{{- if gt (len (regexFindAll "(?m)^kind:" $file -1)) 1 -}}
{{- fail (printf "profiles.%s.file: holds more than one profile: give each an entry of its own" $name) -}}
{{- end -}}
{{- $parsed := fromYaml $file -}}
{{- with $parsed.Error -}}
{{- fail (printf "profiles.%s.file: %s" $name .) -}}
{{- end -}}
{{- $named := (default dict $parsed.metadata).name -}}
{{- if ne (toString $named) $name -}}
{{- fail (printf "profiles.%s.file: metadata.name is %q, and has to be the key, %q" $name (toString $named) $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- keys .Values.profiles | sortAlpha | toJson -}}
{{- end -}}

{{- /* The profiles that have a file. */}}
{{- define "caseharden.ownProfiles" -}}
{{- $own := dict -}}
{{- range $name := include "caseharden.profiles" . | fromJsonArray -}}
{{- with (index $.Values.profiles $name).file -}}
{{- $_ := set $own $name . -}}
{{- end -}}
{{- end -}}
{{- toJson $own -}}
{{- end -}}
