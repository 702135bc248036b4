// SPDX-License-Identifier: Apache-2.0

// Package oddpods has Pods in which the engines could differ, and makes further ones by chance.
package oddpods

import (
	"fmt"
	"math/rand/v2"
)

// Cases are further Pods in which the engines could differ: where CEL and Go read the same
// thing by different means.
var Cases = map[string]string{
	"image patterns": `spec: {containers: [
		{name: a, image: "jenkins/jenkins"}, {name: b, image: "docker.io/jenkins/jenkins:lts"}, {name: c, image: "index.docker.io/jenkins/jenkins"},
		{name: d, image: "localhost/jenkins/jenkins"}, {name: e, image: "localhost:5000/jenkins"}, {name: f, image: "registry.example.com/a/b/tomcat-9:1"},
		{name: g, image: tomcat}, {name: h, image: "docker.io/tomcat"}, {name: i, image: "library/tomcat:9"}, {name: j, image: "docker.io/library/tomcat"},
		{name: k, image: "tomcat@sha256:0000000000000000000000000000000000000000000000000000000000000000"}, {name: l, image: "tomcat@sha256:00"},
		{name: m, image: "Tomcat"}, {name: n, image: "EXAMPLE/tomcat"}, {name: o, image: "registry.example.com/tomcat-"}, {name: p, image: "nginx:1"},
		{name: q, image: "registry.example.com:443/shop/db"}, {name: r, image: "registry.example.com/db:1@sha256:0000000000000000000000000000000000000000000000000000000000000000"},
		{name: s, image: "0000000000000000000000000000000000000000000000000000000000000000"}, {name: t, image: "not an image"}]}`,
	"container patterns": `spec: {initContainers: [{name: istio-proxy, image: "docker.io/istio/proxyv2:1", restartPolicy: Always}], containers: [
		{name: linkerd-proxy, image: "cr.l5d.io/linkerd/proxy:1"}, {name: mesh-proxy}, {name: proxy}, {name: istio-validation, image: "registry.example.com/istio/proxyv2"}]}`,
	"mounts": `spec: {volumes: [{name: data, emptyDir: {}}], containers: [
		{name: a, volumeMounts: [{name: data, mountPath: /tmp}]}, {name: b, volumeMounts: [{name: data, mountPath: //tmp/./}]},
		{name: c, volumeMounts: [{name: data, mountPath: tmp}]}, {name: d, volumeMounts: [{name: data, mountPath: /}]}, {name: e, volumeMounts: [{name: data, mountPath: /tmp/below}]},
		{name: f, volumeMounts: [{name: data, mountPath: /tmpfs}]}, {name: g, volumeMounts: [{name: data, mountPath: /var}]}, {name: h, volumeMounts: [{name: data, mountPath: ./var/run/.}]}, {name: i}]}`,
	"volumes that are taken": `spec: {volumes: [{name: caseharden-tmp-3b0c7ba0, emptyDir: {medium: Memory}}], containers: [{name: app}]}`,
	"windows by selector":    `spec: {nodeSelector: {kubernetes.io/os: windows}, containers: [{name: app}]}`,
	"windows by build":       `spec: {nodeSelector: {node.kubernetes.io/windows-build: 10.0.20348}, containers: [{name: app}]}`,
	"linux by selector":      `spec: {nodeSelector: {beta.kubernetes.io/os: linux}, containers: [{name: app, securityContext: {windowsOptions: {runAsUserName: x}}}]}`,
	"windows by options":     `spec: {containers: [{name: app, securityContext: {windowsOptions: {runAsUserName: x}}}]}`,
	"no node can take it":    `spec: {nodeSelector: {kubernetes.io/os: windows, beta.kubernetes.io/os: linux}, containers: [{name: app}]}`,
	"windows by affinity": `spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
		{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [linux]}]}, {matchExpressions: [{key: node.kubernetes.io/windows-build, operator: Exists}]}]}}}, containers: [{name: app}]}`,
	"perhaps by affinity": `spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [
		{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}, {matchFields: [{key: metadata.name, operator: In, values: [n]}]}]}}}, containers: [{name: app}]}`,
	"a record of an earlier pass": `{metadata: {annotations: {caseharden.io/injected: '{"profile":"restricted","containers":{"app":["runAsNonRoot","zzz"],"gone":["x"],"other":["runAsGroup"]},"pod":["fsGroup"],"writablePaths":{"app":["/a","/tmp"],"gone":["/b"]}}'}},
		spec: {containers: [{name: app}, {name: other, securityContext: {privileged: true, runAsUser: 0}}]}}`,
	"declares a user": `spec: {securityContext: {runAsNonRoot: true}, containers: [{name: app}, {name: other, securityContext: {runAsNonRoot: false}}]}`,
	"declared by an earlier pass": `{metadata: {annotations: {caseharden.io/injected: '{"profile":"asked","containers":{"app":["runAsNonRoot"]},"pod":["runAsNonRoot"]}'}},
		spec: {securityContext: {runAsNonRoot: true}, containers: [{name: app, securityContext: {runAsNonRoot: true}}, {name: own, securityContext: {runAsNonRoot: true}}, {name: other}]}}`,
	"asks to leave":             `{metadata: {annotations: {caseharden.io/leave: " capabilities.drop ,readOnlyRootFilesystem,runAsUser,,x, fsGroup"}}, spec: {containers: [{name: app}]}}`,
	"a database":                `{metadata: {labels: {app: db}}, spec: {volumes: [{name: d, emptyDir: {}}], initContainers: [{name: i}], containers: [{name: app, volumeMounts: [{name: d, mountPath: /run}]}]}}`,
	"a record of somebody else": `{metadata: {annotations: {caseharden.io/injected: "not ours"}}, spec: {containers: [{name: app}]}}`,
	"empty contexts":            `spec: {securityContext: {}, containers: [{name: app, securityContext: {}}, {name: b, securityContext: {capabilities: {}}}]}`,
	"a mirror Pod":              `{metadata: {annotations: {kubernetes.io/config.mirror: x}}, spec: {nodeName: n, containers: [{name: app}]}}`,
}

// Random returns a Pod that the API server mostly accepts: of settings that conditions look
// at, in each combination by chance.
func Random(seed uint64) map[string]any {
	g := generator{rand.New(rand.NewPCG(seed, 1))}
	metadata := map[string]any{"name": "fuzz", "annotations": map[string]any{}}
	g.maybe(metadata, "labels", func() any { return map[string]any{"app": g.oneOf("db", "web")} })
	if g.IntN(5) == 0 {
		metadata["annotations"].(map[string]any)["caseharden.io/leave"] = g.oneOf("capabilities.drop", "fsGroup, readOnlyRootFilesystem", "runAsUser")
	}
	spec := map[string]any{}
	g.maybe(spec, "securityContext", func() any { return g.podContext() })
	g.maybe(spec, "hostUsers", func() any { return g.IntN(2) == 0 })
	g.maybe(spec, "hostNetwork", func() any { return g.IntN(3) == 0 })
	g.maybe(spec, "hostIPC", func() any { return g.IntN(3) == 0 })
	if g.IntN(6) == 0 {
		spec["nodeSelector"] = map[string]any{g.oneOf("kubernetes.io/os", "beta.kubernetes.io/os", "disk").(string): g.oneOf("linux", "windows", "ssd")}
	}
	if g.IntN(8) == 0 {
		spec["os"] = map[string]any{"name": g.oneOf("linux", "windows")}
	}
	spec["volumes"] = []any{map[string]any{"name": "data", "emptyDir": map[string]any{}}}
	var names []string
	for _, list := range []string{"initContainers", "containers"} {
		many := g.IntN(3)
		if list == "containers" {
			many++
		}
		var containers []any
		for range many {
			name := fmt.Sprintf("%s%d", g.oneOf("app-", "b-", "istio-proxy-", "x-proxy-"), len(names))
			if len(names) == 0 {
				name = g.oneOf("b", "istio-proxy", "mesh-proxy", "linkerd-proxy").(string)
			}
			names = append(names, name)
			c := map[string]any{"name": name, "image": g.oneOf("app", "jenkins/jenkins:lts", "tomcat", "registry.example.com/a/tomcat-9", "quay.io/x/proxyv2", "nginx@sha256:1", "localhost:5000/a")}
			g.maybe(c, "securityContext", func() any { return g.context() })
			g.maybe(c, "volumeMounts", func() any {
				return []any{map[string]any{"name": "data", "mountPath": g.oneOf("/tmp", "/", "/data", "/var/", "tmp", "/tmp/x")}}
			})
			containers = append(containers, c)
		}
		if many > 0 {
			spec[list] = containers
		}
	}
	for _, prefix := range []string{"container.seccomp.security.alpha.kubernetes.io/", "container.apparmor.security.beta.kubernetes.io/"} {
		if g.IntN(5) == 0 {
			metadata["annotations"].(map[string]any)[prefix+names[g.IntN(len(names))]] = g.oneOf("runtime/default", "unconfined", "localhost/x", "docker/default")
		}
	}
	return map[string]any{"metadata": metadata, "spec": spec}
}

type generator struct{ *rand.Rand }

func (g generator) maybe(object map[string]any, key string, value func() any) {
	if g.IntN(3) == 0 {
		object[key] = value()
	}
}

func (g generator) oneOf(values ...any) any { return values[g.IntN(len(values))] }

// shared adds settings that both levels have.
func (g generator) shared(sc map[string]any) {
	g.maybe(sc, "runAsUser", func() any { return g.oneOf(0, 1, 70000) })
	g.maybe(sc, "runAsGroup", func() any { return g.oneOf(0, 1) })
	g.maybe(sc, "runAsNonRoot", func() any { return g.IntN(2) == 0 })
	if g.IntN(4) == 0 {
		sc["seccompProfile"] = map[string]any{"type": g.oneOf("RuntimeDefault", "Unconfined")}
	}
	if g.IntN(4) == 0 {
		sc["seLinuxOptions"] = map[string]any{"level": g.oneOf("s0:c1,c2", "s0")}
	}
	if g.IntN(8) == 0 {
		sc["windowsOptions"] = map[string]any{"runAsUserName": g.oneOf("ContainerAdministrator", "me")}
	}
}

func (g generator) podContext() map[string]any {
	sc := map[string]any{}
	g.shared(sc)
	g.maybe(sc, "fsGroup", func() any { return 5 })
	g.maybe(sc, "supplementalGroups", func() any { return []any{7} })
	return sc
}

func (g generator) context() map[string]any {
	sc := map[string]any{}
	g.shared(sc)
	g.maybe(sc, "privileged", func() any { return g.IntN(2) == 0 })
	g.maybe(sc, "readOnlyRootFilesystem", func() any { return g.IntN(2) == 0 })
	g.maybe(sc, "capabilities", func() any {
		c := map[string]any{}
		g.maybe(c, "add", func() any {
			return []any{g.oneOf("ALL", "all", "NET_RAW", "cap_net_raw", "SYS_ADMIN", "CAP_SYS_ADMIN", "CHOWN")}
		})
		g.maybe(c, "drop", func() any { return []any{g.oneOf("ALL", "KILL")} })
		return c
	})
	return sc
}
