// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/caseharden/caseharden/defaults"
	"github.com/caseharden/caseharden/internal/yamltext"
)

// head is three lines: a spec begins on the fourth.
const head = "apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: x}\n"

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    spec: {containers: [{name: web, image: nginx}]}
status: {}
`

// profileErrors are files with errors, and what is said of them.
var profileErrors = map[string]struct{ data, want string }{
	// The document.
	"empty":             {"# nothing\n", "x.yaml:1: holds no profile"},
	"not YAML":          {"a: b\n c: d\n", "x.yaml:2: is not YAML: mapping values are not allowed in this context"},
	"a tab":             {head + "spec:\n  container:\n\trunAsUser: 1\n", "x.yaml:6: is not YAML: this line is indented with a tab: use spaces"},
	"a tab, later":      {head + "spec:\n  base: hardened\n\tcontainer: {}\n", "x.yaml:6: is not YAML: this line is indented with a tab: use spaces"},
	"a list":            {"[]", `x.yaml:1: must be an object, is []`},
	"a Deployment":      {deployment, "x.yaml:1: is a Deployment of apps/v1, not a Profile of caseharden.io/v1alpha1"},
	"a List":            {`{"apiVersion":"v1","kind":"List","items":[]}`, "x.yaml:1: is a List of v1, not a Profile of caseharden.io/v1alpha1"},
	"another's Profile": {"apiVersion: kubeflow.org/v1\nkind: Profile\nmetadata: {name: x}\nspec: {owner: {kind: User}}\n", "x.yaml:1: is a Profile of kubeflow.org/v1, not a Profile of caseharden.io/v1alpha1"},
	"values of a chart": {"replicas: 2\nprofiles: {}\n", "x.yaml:1: is not a profile: must have apiVersion: caseharden.io/v1alpha1 and kind: Profile"},
	"another version":   {strings.Replace(head, "v1alpha1", "v1", 1) + "spec: {container: {runAsNonRoot: false}}", "x.yaml:1: apiVersion: must be caseharden.io/v1alpha1, is \"caseharden.io/v1\"\nx.yaml:4: spec.container.runAsNonRoot: must be true, is false"},
	"another spelling":  {strings.Replace(head, "Profile", "profile", 1) + "spec: {container: {runAsNonRoot: true}}", `x.yaml:2: kind: must be Profile, is "profile"`},
	"no apiVersion":     {"kind: Profile\nmetadata: {name: x}\nspec: {container: {runAsNonRoot: true}}\n", "x.yaml:1: apiVersion: must be caseharden.io/v1alpha1, and is not there"},
	"another kind":      {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {container: {runAsNonRoot: true}}\n", "x.yaml:1: is a Pod of v1, not a Profile of caseharden.io/v1alpha1"},
	"no kind":           {"apiVersion: caseharden.io/v1alpha1\nmetadata: {name: x}\nspec: {container: {runAsNonRoot: true}}\n", "x.yaml:1: kind: must be Profile, and is not there"},
	"no name":           {"apiVersion: caseharden.io/v1alpha1\nkind: Profile\nspec: {container: {runAsNonRoot: true}}", "x.yaml:1: metadata.name: must be set"},
	"an empty name":     {"apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: ''}\nspec: {container: {runAsNonRoot: true}}", `x.yaml:3: metadata.name: must be the name of the profile, is ""`},
	"a numeric name":    {"apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: 7}\nspec: {container: {runAsNonRoot: true}}", `x.yaml:3: metadata.name: must be the name of the profile, is 7`},
	"no label's value":  {"apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: Legacy}\nspec: {container: {runAsNonRoot: true}}", `x.yaml:3: metadata.name: must be at most 55 lower case letters, digits and dashes, and begin and end with a letter or digit, is "Legacy"`},
	"too long a name":   {"apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: " + strings.Repeat("a", 56) + "}\nspec: {container: {runAsNonRoot: true}}", `x.yaml:3: metadata.name: must be at most 55 lower case letters, digits and dashes, and begin and end with a letter or digit, is "` + strings.Repeat("a", 56) + `"`},
	"a built-in's name": {"apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: hardened}\nspec: {container: {runAsNonRoot: true}}", "x.yaml:1: metadata.name: hardened is the name of a built-in profile: choose another, and name that as base"},
	"labels":            {"apiVersion: caseharden.io/v1alpha1\nkind: Profile\nmetadata: {name: x, labels: {}}\nspec: {container: {runAsNonRoot: true}}", "x.yaml:3: metadata.labels: unknown field: there is only name"},
	"no spec":           {head, "x.yaml:1: spec: must be set"},
	"an empty spec":     {head + "spec: {}", "x.yaml:1: spec: must have a default, under container or pod"},
	"a null spec":       {head + "spec:", "x.yaml:4: spec: must be an object, is null"},
	"a name twice":      {head + "spec: {container: {runAsNonRoot: true}}\n---\n" + head + "spec: {container: {runAsNonRoot: true}}", "x.yaml:6: metadata.name: a profile x is in x.yaml:1 too"},
	"all at once": {head + "spec:\n  container:\n    runAsUser: root\n    runAsNonRoot: no\n  pod:\n    fsgroup: 1\n",
		"x.yaml:6: spec.container.runAsUser: must be a number from 1 to 2147483647, is \"root\"\n" +
			"x.yaml:7: spec.container.runAsNonRoot: must be true, is \"no\"\n" +
			"x.yaml:9: spec.pod.fsgroup: unknown field: did you mean fsGroup?"},

	// The base.
	"no such base":              {head + "spec: {base: hard}", `x.yaml:4: spec.base: there is no profile "hard": there are compatible, hardened, restricted`},
	"no such base among others": {head + "spec:\n  base: hard\n  pod: {fsgroup: 1}", "x.yaml:5: spec.base: there is no profile \"hard\": there are compatible, hardened, restricted\nx.yaml:6: spec.pod.fsgroup: unknown field: did you mean fsGroup?"},
	"a misspelled base":         {head + "spec: {base: hardend}", `x.yaml:4: spec.base: there is no profile "hardend": did you mean hardened?`},
	"its own base":              {head + "spec: {base: x}", "x.yaml:4: spec.base: forms a cycle: x → x"},
	"null without base":         {head + "spec: {container: {runAsNonRoot: true, runAsUser: null}}", "x.yaml:4: spec.container.runAsUser: null removes a default of the base, which has none for runAsUser"},
	"null of no default":        {head + "spec: {base: restricted, container: {runAsUser: }}", "x.yaml:4: spec.container.runAsUser: null removes a default of the base, which has none for runAsUser"},

	// Fields.
	"a misspelt field":      {head + "spec: {container: {runAsNonroot: true}}", "x.yaml:4: spec.container.runAsNonroot: unknown field: did you mean runAsNonRoot?"},
	"an unknown field":      {head + "spec: {container: {user: 1}}", "x.yaml:4: spec.container.user: unknown field: must be one of " + strings.Join(namesAt(defaults.ContainerLevel), ", ")},
	"a repeated field":      {head + "spec: {container: {runAsUser: 1, runAsUser: 2}}", "x.yaml:4: spec.container.runAsUser: is there twice"},
	"the pod's":             {head + "spec: {container: {fsGroup: 1}}", "x.yaml:4: spec.container.fsGroup: is a field of the pod: set it under spec.pod"},
	"a container's":         {head + "spec: {pod: {readOnlyRootFilesystem: true}}", "x.yaml:4: spec.pod.readOnlyRootFilesystem: is a field of containers: set it under spec.container"},
	"more capabilities":     {head + "spec: {container: {capabilities: {add: [NET_ADMIN]}}}", "x.yaml:4: spec.container.capabilities.add: must not be set: only the author of a pod may"},
	"no object":             {head + "spec: {container: true}", "x.yaml:4: spec.container: must be an object, is true"},
	"an anchor with errors": {head + "spec: {container: {seccompProfile: &s {type: Unconfined}}, pod: {seccompProfile: *s}}", "x.yaml:4: spec.container.seccompProfile: must be " + defaults.FieldByName("seccompProfile").Values.Must + `, is {"type":"Unconfined"}` + "\nx.yaml:4: spec.pod.seccompProfile: must be " + defaults.FieldByName("seccompProfile").Values.Must + `, is {"type":"Unconfined"}`},

	// Writable paths.
	"no list":          {head + "spec: {base: hardened, writablePaths: /tmp}", `x.yaml:4: spec.writablePaths: must be a list of {path, sizeLimit}, is "/tmp"`},
	"an empty list":    {head + "spec: {base: hardened, writablePaths: []}", `x.yaml:4: spec.writablePaths: must be a list of {path, sizeLimit}, is []`},
	"no path":          {head + "spec: {base: hardened, writablePaths: [{sizeLimit: 1Mi}]}", "x.yaml:4: spec.writablePaths[0]: path: must be set"},
	"no quantity":      {head + "spec: {base: hardened, writablePaths: [{path: /tmp, sizeLimit: much}]}", `x.yaml:4: spec.writablePaths[0].sizeLimit: must be a quantity of bytes above zero, such as 64Mi, is "much"`},
	"a limit of zero":  {head + "spec: {base: hardened, writablePaths: [{path: /tmp, sizeLimit: 0}]}", `x.yaml:4: spec.writablePaths[0].sizeLimit: must be a quantity of bytes above zero, such as 64Mi, is 0`},
	"a path twice":     {head + "spec: {base: hardened, writablePaths: [{path: /tmp, sizeLimit: 1}, {path: /tmp, sizeLimit: 2}]}", "x.yaml:4: spec.writablePaths[1]: path: /tmp is there twice"},
	"nothing to mount": {head + "spec: {base: restricted, writablePaths: [{path: /tmp, sizeLimit: 1}]}", "x.yaml:4: spec.writablePaths: are for root file systems that the profile makes read-only, and it has no default for readOnlyRootFilesystem"},
	"too many paths":   {head + "spec: {base: hardened, writablePaths: [" + manyPaths(17) + "]}", "x.yaml:4: spec.writablePaths: must have at most 16 paths, has 17"},

	// Exceptions.
	"no exceptions":                      {head + "spec: {base: hardened, exceptions: []}", "x.yaml:4: spec.exceptions: must be a list of exceptions, is []"},
	"nothing in it":                      {head + "spec: {base: hardened, exceptions: [{}]}", "x.yaml:4: spec.exceptions[0]: match: must be set, and say which containers are meant\nx.yaml:4: spec.exceptions[0]: reason: must be set: it is shown where the exception applies\nx.yaml:4: spec.exceptions[0]: must have leave, the fields that get no default, container, other defaults, or writablePaths"},
	"a match of everything":              {exception("match: {}, leave: [runAsUser], reason: x"), "x.yaml:4: spec.exceptions[0].match: must be an object that says which containers are meant, by one or more of containers, containerTypes, privileged, addsCapabilities, runAsNonRoot, podLabels, images, is {}"},
	"an unknown criterion":               {exception("match: {names: [x]}, leave: [runAsUser], reason: x"), "x.yaml:4: spec.exceptions[0].match.names: unknown field: must be one of containers, containerTypes, privileged, addsCapabilities, runAsNonRoot, podLabels, images\nx.yaml:4: spec.exceptions[0].match: must be an object that says which containers are meant, by one or more of containers, containerTypes, privileged, addsCapabilities, runAsNonRoot, podLabels, images, is {\"names\":[\"x\"]}"},
	"a bad glob":                         {exception("match: {containers: ['[']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.containers[0]: must be a glob, such as istio-*, is "["`},
	"a bad type":                         {exception("match: {containerTypes: [sidecar]}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.containerTypes[0]: must be init, regular or ephemeral, is "sidecar"`},
	"runAsNonRoot: false":                {exception("match: {runAsNonRoot: false}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.runAsNonRoot: must be true: leave it out for the others, is false`},
	"addsCapabilities: a list":           {exception("match: {addsCapabilities: [ALL]}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.addsCapabilities: must be true: leave it out for the others, is ["ALL"]`},
	"no labels":                          {exception("match: {podLabels: {}}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.podLabels: must be an object of labels, such as {app.kubernetes.io/name: jenkins}, is {}`},
	"labels as a list":                   {exception("match: {podLabels: [app]}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.podLabels: must be an object, is ["app"]`},
	"a label's key and value":            {exception("match: {podLabels: {a b: 'x*'}}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.podLabels.a b: must have the name of a label: name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')` + "\n" + `x.yaml:4: spec.exceptions[0].match.podLabels.a b: must be the value of a label: a string of at most 63 letters, digits, -, _ and ., which begins and ends with a letter or digit, or is empty, is "x*"`},
	"a label's value that is no string":  {exception("match: {podLabels: {a: true}}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.podLabels.a: must be the value of a label: a string of at most 63 letters, digits, -, _ and ., which begins and ends with a letter or digit, or is empty, is true`},
	"no owner":                           {exception("match: {containers: [x]}, leave: [runAsUser], reason: x, owner: ''"), `x.yaml:4: spec.exceptions[0].owner: must be who answers for the exception, is ""`},
	"a long owner":                       {exception("match: {containers: [x]}, leave: [runAsUser], reason: x, owner: " + strings.Repeat("a", 201)), `x.yaml:4: spec.exceptions[0].owner: must be one line of at most 200 bytes`},
	"no day":                             {exception("match: {containers: [x]}, leave: [runAsUser], reason: x, reviewBy: soon"), `x.yaml:4: spec.exceptions[0].reviewBy: must be a day of the calendar, as YYYY-MM-DD, such as 2027-06-30, is "soon"`},
	"a day that is none":                 {exception("match: {containers: [x]}, leave: [runAsUser], reason: x, reviewBy: 2027-02-29"), `x.yaml:4: spec.exceptions[0].reviewBy: must be a day of the calendar, as YYYY-MM-DD, such as 2027-06-30, is "2027-02-29"`},
	"a day without zeros":                {exception("match: {containers: [x]}, leave: [runAsUser], reason: x, reviewBy: 2027-6-3"), `x.yaml:4: spec.exceptions[0].reviewBy: must be a day of the calendar, as YYYY-MM-DD, such as 2027-06-30, is "2027-6-3"`},
	"no value of a day":                  {exception("match: {containers: [x]}, leave: [runAsUser], reason: x, reviewBy: [1]"), `x.yaml:4: spec.exceptions[0].reviewBy: must be a day of the calendar, as YYYY-MM-DD, such as 2027-06-30, is [1]`},
	"a time":                             {exception("match: {containers: [x]}, leave: [runAsUser], reason: x, reviewBy: 2027-06-30T10:00:00Z"), `x.yaml:4: spec.exceptions[0].reviewBy: must be a day of the calendar, as YYYY-MM-DD, such as 2027-06-30, is "2027-06-30T10:00:00Z"`},
	"paths beside what leaves the root":  {exception("match: {containers: [x]}, leave: [readOnlyRootFilesystem], writablePaths: [{path: /tmp}], reason: x"), `x.yaml:4: spec.exceptions[0].writablePaths: are for root file systems that the profile makes read-only, and this exception leaves readOnlyRootFilesystem`},
	"paths of an exception, and no need": {head + "spec: {base: restricted, exceptions: [{match: {containers: [x]}, writablePaths: [{path: /tmp}], reason: x}]}", `x.yaml:4: spec.exceptions[0].writablePaths: are for root file systems that the profile makes read-only, and it has no default for readOnlyRootFilesystem`},
	"a bad path of an exception":         {exception("match: {containers: [x]}, writablePaths: [{path: tmp}], reason: x"), `x.yaml:4: spec.exceptions[0].writablePaths[0].path: must be an absolute path without //, /./, /../, a : or a / at its end, and not /, in /dev, /proc or /sys, or one of /etc/hosts, /etc/hostname and /etc/resolv.conf, is "tmp"`},
	// Self-service.
	"no fields":                          {head + "spec: {base: hardened, selfService: []}", `x.yaml:4: spec.selfService: must be a list of fields, such as runAsUser or capabilities.drop, is []`},
	"a misspelled field of it":           {head + "spec: {base: hardened, selfService: [runAsUsr]}", `x.yaml:4: spec.selfService[0]: unknown field: did you mean runAsUser?`},
	"the author's alone":                 {head + "spec: {base: hardened, selfService: [capabilities.add]}", `x.yaml:4: spec.selfService[0]: unknown field: must be one of ` + strings.Join(slices.Compact(slices.Sorted(slices.Values(append(namesAt(defaults.ContainerLevel), namesAt(defaults.PodLevel)...)))), ", ")},
	"a field twice in it":                {head + "spec: {base: hardened, selfService: [runAsUser, runAsUser]}", `x.yaml:4: spec.selfService[1]: runAsUser is there twice`},
	"what is no default":                 {head + "spec: {base: restricted, selfService: [runAsUser]}", `x.yaml:4: spec.selfService[0]: the profile has no default for runAsUser that an author could ask to leave: remove it from the list`},
	"null of no self-service":            {head + "spec: {container: {runAsUser: 1}, selfService: null}", `x.yaml:4: spec.selfService: null removes that of the base, and there is none`},
	"privileged: false":                  {exception("match: {privileged: false}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.privileged: must be true: leave it out for the others, is false`},
	"an image with a tag":                {exception("match: {images: ['nginx:1']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must name a repository without tag and digest: a tag or digest is never compared, is "nginx:1"`},
	"an image with a digest":             {exception("match: {images: ['nginx@sha256:00']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must name a repository without tag and digest: a tag or digest is never compared, is "nginx@sha256:00"`},
	"no image":                           {exception("match: {images: ['a//b']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must be a repository, in which * stands for a part of one component and ** for any number of components, is "a//b"`},
	"an upper-case image":                {exception("match: {images: [Nginx]}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must be a repository, in which * stands for a part of one component and ** for any number of components, is "Nginx"`},
	"a path for an image":                {exception("match: {images: [a/..]}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must be a repository, in which * stands for a part of one component and ** for any number of components, is "a/.."`},
	"any image with a tag":               {exception("match: {images: ['*:latest']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must name a repository without tag and digest: a tag or digest is never compared, is "*:latest"`},
	"any registry or anybody":            {exception("match: {images: ['*/*', '*/a/b', '*/**']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must not begin with */: write **/* for any registry, or docker.io/*/* for Docker Hub, is "*/*"` + "\n" + `x.yaml:4: spec.exceptions[0].match.images[1]: must not begin with */: write **/a/b for any registry, or docker.io/*/a/b for Docker Hub, is "*/a/b"` + "\n" + `x.yaml:4: spec.exceptions[0].match.images[2]: must not begin with */: write **/** for any registry, or docker.io/*/** for Docker Hub, is "*/**"`},
	"a registry alone":                   {exception("match: {images: ['registry.example.com', '*.example.com']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must name more than a registry: registry.example.com/** stands for all its images, is "registry.example.com"` + "\n" + `x.yaml:4: spec.exceptions[0].match.images[1]: must name more than a registry: *.example.com/** stands for all its images, is "*.example.com"`},
	"** in a component":                  {exception("match: {images: ['nginx**', 'registry.example.com/shop**', '***']}, leave: [runAsUser], reason: x"), many("x.yaml:4: spec.exceptions[0].match.images[%d]: must have ** only as a whole component, such as in **/nginx: it stands for any number of components, is %q", "nginx**", "registry.example.com/shop**", "***")},
	"an empty image":                     {exception("match: {images: ['']}, leave: [runAsUser], reason: x"), `x.yaml:4: spec.exceptions[0].match.images[0]: must be an image repository, such as jenkins/jenkins, is ""`},
	"SELinux options in an exception":    {exception("match: {containers: [x]}, container: {seLinuxOptions: {level: s0}}, reason: x"), "x.yaml:4: spec.exceptions[0].container.seLinuxOptions: must not differ between the containers of a pod: a kubelet refuses a volume that they share"},
	"two SELinux options":                {head + `spec: {container: {seLinuxOptions: {level: s0}}, pod: {seLinuxOptions: {level: s1}}}`, `x.yaml:1: spec: container.seLinuxOptions must be the same as pod.seLinuxOptions: a kubelet refuses a volume that containers with different labels share`},
	"a literal dot":                      {head + `spec: {container: {capabilities.drop: [ALL]}}`, `x.yaml:4: spec.container.capabilities.drop: unknown field: what is in an object is written so: capabilities: {drop: [ALL]}`},
	"capabilities: null":                 {head + `spec: {base: hardened, container: {capabilities: null}}`, `x.yaml:4: spec.container.capabilities: must be an object: it is capabilities.drop that null removes, as in capabilities: {drop: null}`},
	"writablePaths: null without a base": {head + `spec: {container: {runAsUser: 1}, writablePaths: null}`, `x.yaml:4: spec.writablePaths: null removes those of the base, and there is none`},
	"exceptions: null without a base":    {head + `spec: {container: {runAsUser: 1}, exceptions: null}`, `x.yaml:4: spec.exceptions: null removes those of the base, and there is none`},
	"an alias for a key":                 {head + `spec: {container: {&a runAsUser: 1, *a : 1}}`, `x.yaml:4: spec.container: has a key that is no plain string`},
	"a number for a key":                 {head + `spec: {container: {1: 1}}`, `x.yaml:4: spec.container: has a key that is no plain string`},
	"an object for a key":                {head + `spec: {container: {{}: 1}}`, `x.yaml:4: spec.container: has a key that is no plain string`},
	"control characters":                 {head + "spec: {container: {\"run\\eAsUser\": 1}}", "x.yaml:4: spec.container.run\uFFFDAsUser: unknown field: did you mean runAsUser?"},
	"no reason":                          {exception("match: {containers: [x]}, leave: [runAsUser]"), "x.yaml:4: spec.exceptions[0]: reason: must be set: it is shown where the exception applies"},
	"an empty reason":                    {exception("match: {containers: [x]}, leave: [runAsUser], reason: ''"), `x.yaml:4: spec.exceptions[0].reason: must be a sentence that says why, is ""`},
	"too long a reason":                  {exception("match: {containers: [x]}, leave: [runAsUser], reason: " + strings.Repeat("x", 201)), "x.yaml:4: spec.exceptions[0].reason: must be one line of at most 200 bytes"},
	"a reason of two lines":              {exception(`match: {containers: [x]}, leave: [runAsUser], reason: "x\ny"`), "x.yaml:4: spec.exceptions[0].reason: must be one line of at most 200 bytes"},
	"an unknown field left":              {exception("match: {containers: [x]}, leave: [runasuser], reason: x"), "x.yaml:4: spec.exceptions[0].leave[0]: unknown field: did you mean runAsUser?"},
	"a field left twice":                 {exception("match: {containers: [x]}, leave: [runAsUser, runAsUser], reason: x"), "x.yaml:4: spec.exceptions[0].leave[1]: runAsUser is there twice"},
	"a field without default":            {exception("match: {containers: [x]}, leave: [fsGroup], reason: x"), "x.yaml:4: spec.exceptions[0].leave[0]: the profile has no default for fsGroup that this exception could leave: remove it from the list"},
	"left and given":                     {exception("match: {containers: [x]}, leave: [runAsUser], container: {runAsUser: 1}, reason: x"), "x.yaml:4: spec.exceptions[0].container.runAsUser: is also named under leave: must be in one of them only"},
	"left, with null": {head + "spec: {base: hardened, container: {runAsUser: null}, exceptions: [{match: {containers: [x]}, leave: [runAsUser], reason: x}]}",
		"x.yaml:4: spec.exceptions[0].leave[0]: the profile has no default for runAsUser that this exception could leave: remove it from the list"},
	"left, and given by an earlier exception": {exception("match: {containers: [x]}, container: {runAsGroup: 1}, reason: x}, {match: {containers: [y]}, leave: [runAsGroup], reason: y"),
		"x.yaml:4: spec.exceptions[1].leave[0]: the profile has no default for runAsGroup that this exception could leave: remove it from the list"},
	"null in an exception":      {exception("match: {containers: [x]}, container: {runAsUser: null}, reason: x"), "x.yaml:4: spec.exceptions[0].container.runAsUser: must not be null: to leave the field, name it under leave"},
	"nothing given":             {exception("match: {containers: [x]}, container: {}, reason: x"), "x.yaml:4: spec.exceptions[0].container: must set a field"},
	"a weak value in exception": {exception("match: {containers: [x]}, container: {privileged: true}, reason: x"), "x.yaml:4: spec.exceptions[0].container.privileged: must be false, is true"},
}

// Every error names the file, the line, the path and what was expected.
func TestProfileErrors(t *testing.T) {
	for name, tt := range profileErrors {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]File{{Name: "x.yaml", Data: []byte(tt.data)}})
			if err == nil {
				t.Fatalf("Parse took it:\n%s", tt.data)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if _, ok := errors.AsType[*yamltext.Error](err); !ok {
				t.Errorf("the error is a %T, and joins no *Error", err)
			}
		})
	}
}

// many returns the same error for several elements of a list.
func many(format string, shown ...string) string {
	var lines []string
	for i, element := range shown {
		lines = append(lines, fmt.Sprintf(format, i, element))
	}
	return strings.Join(lines, "\n")
}

func manyPaths(n int) string {
	var paths []string
	for i := range n {
		paths = append(paths, fmt.Sprintf("{path: /x%d, sizeLimit: 1}", i))
	}
	return strings.Join(paths, ", ")
}

func exception(members string) string {
	return head + "spec: {base: hardened, exceptions: [{" + members + "}]}"
}

// One report has the errors of all files, in the order of files and lines.
func TestErrorsOfAllFiles(t *testing.T) {
	_, err := Parse([]File{
		{Name: "b.yaml", Data: []byte(strings.Replace(head, "x", "b", 1) + "spec: {container: {privileged: true, runAsUser: 0}}")},
		{Name: "a.yaml", Data: []byte("kind: [")},
		{Name: "c.yaml", Data: []byte(strings.Replace(head, "name: x", "name: c", 1) + "spec: {base: b, container: {procMount: Unmasked}}")},
	})
	want := `a.yaml:1: is not YAML: did not find expected node content
b.yaml:4: spec.container.privileged: must be false, is true
b.yaml:4: spec.container.runAsUser: must be a number from 1 to 2147483647, is 0
c.yaml:4: spec.container.procMount: must be Default, is "Unmasked"`
	if err == nil {
		t.Fatal("there is no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// A cycle of bases is one error, which names every profile in it, beside the other
// errors of these profiles.
func TestCycle(t *testing.T) {
	const kind = "apiVersion: caseharden.io/v1alpha1\nkind: Profile\n"
	_, err := Parse([]File{{Name: "x.yaml", Data: []byte(
		kind + "metadata: {name: c}\nspec: {base: b}\n---\n" +
			kind + "metadata: {name: b}\nspec: {base: a, container: {privileged: true}}\n---\n" +
			kind + "metadata: {name: a}\nspec: {base: b, exceptions: [{leave: [runAsUser], reason: x}]}\n---\n" +
			kind + "metadata: {}\nspec: {base: hardend}\n---\n" +
			kind + "metadata: {name: hardened}\nspec: {base: hard}\n")}})
	want := `x.yaml:9: spec.container.privileged: must be false, is true
x.yaml:9: spec.base: forms a cycle: b → a → b
x.yaml:14: spec.exceptions[0]: match: must be set, and say which containers are meant
x.yaml:18: metadata: name: must be set
x.yaml:19: spec.base: there is no profile "hardend": did you mean hardened?
x.yaml:21: metadata.name: hardened is the name of a built-in profile: choose another, and name that as base
x.yaml:24: spec.base: there is no profile "hard": there are a, b, c, compatible, restricted`
	if err == nil {
		t.Fatal("there is no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// Errors that do not concern what a profile fills in do not hide that it leaves
// what it does not fill in; others do, since the field may be what they are about.
func TestUselessLeaveBesideOtherErrors(t *testing.T) {
	const useless = "spec.exceptions[0].leave[0]: the profile has no default for fsGroup that this exception could leave: remove it from the list"
	const leave = "exceptions: [{match: {containers: [x]}, leave: [fsGroup], reason: x}]"
	for name, tt := range map[string]struct {
		data string
		want bool
	}{
		"a label":                   {strings.Replace(head, "name: x", "name: x, labels: {}", 1) + "spec: {base: hardened, " + leave + "}", true},
		"a writable path":           {head + "spec: {base: hardened, writablePaths: [{path: tmp}], " + leave + "}", true},
		"another exception's match": {head + "spec: {base: hardened, " + strings.TrimSuffix(leave, "]") + ", {match: {}, leave: [runAsUser], reason: x}]}", true},
		"the base's label": {head + "spec: {base: y, " + leave + "}\n---\n" +
			strings.Replace(head, "name: x", "name: y, labels: {}", 1) + "spec: {base: hardened}", true},
		"the field misspelled":    {head + "spec: {base: hardened, pod: {fsgrp: 1}, " + leave + "}", false},
		"the field's value":       {head + "spec: {base: hardened, pod: {fsGroup: 0}, " + leave + "}", false},
		"the base":                {head + "spec: {base: hard, " + leave + "}", false},
		"the base's field":        {head + "spec: {base: y, " + leave + "}\n---\n" + strings.Replace(head, "name: x", "name: y", 1) + "spec: {pod: {fsGroup: 0}}", false},
		"what an exception gives": {head + "spec: {base: hardened, " + strings.TrimSuffix(leave, "]") + ", {match: {containers: [x]}, container: {runAsUser: 0}, reason: x}]}", false},
	} {
		_, err := Parse([]File{{Name: "x.yaml", Data: []byte(tt.data)}})
		if err == nil {
			t.Fatalf("%s: there is no error", name)
		}
		if got := strings.Contains(err.Error(), useless); got != tt.want {
			t.Errorf("%s: the useless leave is reported: %t, want %t:\n%v", name, got, tt.want, err)
		}
		if tt.want && !strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: there is no other error: %v", name, err)
		}
	}
}

// Aliases that multiply must not take the memory of the world.
func TestAliasesDoNotMultiply(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'l'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	for name, data := range map[string]string{
		"many":    head + "spec:\n  container:\n    runAsUser: *k\n" + bomb,
		"itself":  head + "spec: &s {container: *s}",
		"defined": strings.ReplaceAll(bomb, "\n", "\n") + head + "spec: {container: {runAsUser: *k}}",
	} {
		if _, err := Parse([]File{{Name: "x.yaml", Data: []byte(data)}}); err == nil {
			t.Errorf("%s: Parse took it", name)
		}
	}
}
