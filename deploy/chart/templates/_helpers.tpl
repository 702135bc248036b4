{{- /* The name of everything: <release>, or <release>-caseharden where that does not say what it is.
A Service may have no dot in its name, and before Kubernetes 1.35 has to begin with a letter. */}}
{{- define "caseharden.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $chart := default .Chart.Name .Values.nameOverride -}}
{{- $name = contains $chart .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $chart) | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" $name) -}}
{{- fail (printf "the name of the release, %q, does not begin with a letter: set fullnameOverride" .Release.Name) -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- /* What a pod of ours is known by. It cannot change in the life of a Deployment. */}}
{{- define "caseharden.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- /* The labels of an object: ours, those of all objects, and further ones of its own. Where
several have a label, the first of these wins. */}}
{{- define "caseharden.labelsWith" -}}
{{- $ours := include "caseharden.selectorLabels" .context | fromYaml -}}
{{- merge $ours (deepCopy (.context.Values.commonLabels | default dict)) (deepCopy (.labels | default dict)) | toYaml -}}
{{- end -}}

{{- /* The labels and annotations of an object. Where it and all objects have an annotation, its own
wins. */}}
{{- define "caseharden.metadata" -}}
labels:
  {{- include "caseharden.labelsWith" . | nindent 2 }}
{{- with merge (deepCopy (.annotations | default dict)) (.context.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The namespace of all that has one. */}}
{{- define "caseharden.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "caseharden.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "caseharden.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "caseharden.secretName" -}}
{{- .Values.certificates.secretName | default (printf "%s-tls" (include "caseharden.fullname" .)) -}}
{{- end -}}

{{- /* The image. A registry takes the place of the one that the repository may begin with: a first
part with a dot or a port, as container runtimes tell it. */}}
{{- define "caseharden.image" -}}
{{- $repository := .Values.image.repository -}}
{{- with dig "imageRegistry" "" (.Values.global | default dict) | default .Values.image.registry -}}
{{- $repository = printf "%s/%s" . (regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "") -}}
{{- end -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ $repository }}@{{ .digest }}
{{- else -}}
{{ $repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The pull secrets of all charts and of this one, each once. */}}
{{- define "caseharden.imagePullSecrets" -}}
{{- $secrets := list -}}
{{- range concat (dig "imagePullSecrets" list (.Values.global | default dict) | default list) (.Values.imagePullSecrets | default list) -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with uniq $secrets -}}
imagePullSecrets:
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{- /* What a selector asks for, as JSON, as expressions alone: so that they can stand beside others,
and none is lost where both name a label. */}}
{{- define "caseharden.expressions" -}}
{{- $expressions := list -}}
{{- range $key, $value := .matchLabels -}}
{{- $expressions = append $expressions (dict "key" $key "operator" "In" "values" (list $value)) -}}
{{- end -}}
{{- concat $expressions (.matchExpressions | default list) | toJson -}}
{{- end -}}

{{- /* The namespaces that are never hardened, as JSON. A webhook that is needed to start
its own pods could never come back, and one that the control plane needs could take the
cluster down with it. */}}
{{- define "caseharden.excludedNamespaces" -}}
{{- $system := ternary (list "kube-node-lease" "kube-public" "kube-system") (list "kube-system") (not (empty .Values.namespaces.default)) -}}
{{- concat (list (include "caseharden.namespace" .)) $system (.Values.webhook.excludedNamespaces | default list) | uniq | toJson -}}
{{- end -}}

{{- /* What the labels of a namespace must be, as JSON, for a mode and a profile. The default profile
also has namespaces without a label, and those whose label names no installed profile. */}}
{{- define "caseharden.namespaceSelector" -}}
{{- $values := .context.Values -}}
{{- $key := printf "caseharden.io/%s" .mode -}}
{{- $excluded := dict "key" "kubernetes.io/metadata.name" "operator" "NotIn" "values" (include "caseharden.excludedNamespaces" .context | fromJsonArray) -}}
{{- $further := include "caseharden.expressions" ($values.webhook.namespaceSelector | default dict) | fromJsonArray -}}
{{- $selector := dict -}}
{{- if and (eq .mode "enforce") (eq .profile $values.namespaces.default) -}}
{{- $others := append (without (include "caseharden.profiles" .context | fromJsonArray) .profile) "none" -}}
{{- $label := dict "key" $key "operator" "NotIn" "values" $others -}}
{{- $_ := set $selector "matchExpressions" (concat (list $label $excluded) $further) -}}
{{- else -}}
{{- $_ := set $selector "matchLabels" (dict $key .profile) -}}
{{- $_ := set $selector "matchExpressions" (concat (list $excluded) $further) -}}
{{- end -}}
{{- toJson $selector -}}
{{- end -}}

{{- /* Labels that a selector matches, as JSON: the first value of each label that has to be there. */}}
{{- define "caseharden.matching" -}}
{{- $labels := dict -}}
{{- range include "caseharden.expressions" . | fromJsonArray -}}
{{- if has .operator (list "In" "Exists") -}}
{{- $_ := set $labels .key (.values | default (list "") | first) -}}
{{- end -}}
{{- end -}}
{{- toJson $labels -}}
{{- end -}}

{{- /* The names of the profiles, as JSON, and an error where the file of one is not that
of a profile of this name. The rest of it is checked at the start of the pods. */}}
{{- define "caseharden.profiles" -}}
{{- $builtIn := list "compatible" "hardened" "restricted" -}}
{{- if not .Values.profiles -}}
{{- fail "profiles: is empty: then there is nothing to install" -}}
{{- end -}}
{{- with .Values.namespaces.default -}}
{{- if not (hasKey $.Values.profiles .) -}}
{{- fail (printf "namespaces.default: %q is not in profiles: there are %s" . (keys $.Values.profiles | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- if hasKey .Values.profiles "none" -}}
{{- fail "profiles.none: the label caseharden.io/enforce: none opts a namespace out of namespaces.default: give the profile another name" -}}
{{- end -}}
{{- range $name, $profile := .Values.profiles -}}
{{- $file := (default dict $profile).file -}}
{{- if and (has $name $builtIn) $file -}}
{{- fail (printf "profiles.%s: is built in and takes no file: give yours a name of its own" $name) -}}
{{- end -}}
{{- if not (or (has $name $builtIn) $file (and (eq $.Values.engine "policy") (not $.Values.auditWebhook))) -}}
{{- fail (printf "profiles.%s: is not built in (compatible, hardened and restricted are) and so needs a file, as with --set-file profiles.%s.file=%s.yaml" $name $name $name) -}}
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

{{- /* The modes that the webhook serves, as JSON: none where there is no webhook. */}}
{{- define "caseharden.webhookModes" -}}
{{- if ne .Values.engine "policy" -}}
["enforce","warn","audit"]
{{- else if .Values.auditWebhook -}}
["audit"]
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{- /* The policies of a profile, as caseharden profiles export prints them. */}}
{{- define "caseharden.policiesOf" -}}
{{- $given := (index .context.Values.profiles .name | default dict).policies -}}
{{- $shipped := .context.Files.Get (printf "files/policies/%s.yaml" .name) -}}
{{- if and $given $shipped -}}
{{- fail (printf "profiles.%s.policies: is built in: give policies of your own a name of their own" .name) -}}
{{- end -}}
{{- if not (or $given $shipped) -}}
{{- fail (printf "profiles.%s.policies: is needed for engine %s: caseharden profiles export %[1]s --profiles DIR > %[1]s-policies.yaml, then --set-file profiles.%[1]s.policies=%[1]s-policies.yaml" .name .context.Values.engine) -}}
{{- end -}}
{{- $given | default $shipped -}}
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

{{- /* Fails if a text is not of certificates in PEM, with anything between them. Not left to
the schema, whose message would have the whole text, and a private key with it. */}}
{{- define "caseharden.checkCAs" -}}
{{- with .text -}}
{{- if contains "PRIVATE KEY" . -}}
{{- fail (printf "%s: holds a private key, which everybody could read there: give the certificates of the CA alone" $.name) -}}
{{- end -}}
{{- if not (regexMatch "^([^-]|-[^-])*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----([^-]|-[^-])*)+$" .) -}}
{{- fail (printf "%s: is not of whole certificates in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----" $.name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
