// SPDX-License-Identifier: Apache-2.0

//go:build linux

package cluster

import (
	"os"
	"text/template"
)

// kubeletConfig is a kubelet's configuration: its defaults, but for what the host would
// notice, or does not have.
var kubeletConfig = template.Must(template.New("").Parse(`
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: {{.CA}}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix://{{.Socket}}

cgroupDriver: cgroupfs # there may be no systemd
failCgroupV1: false
failSwapOn: false

# The disk and the memory of the host have other users: pods are not evicted for them.
evictionHard: {memory.available: "0%", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%", imagefs.inodesFree: "0%"}
imageGCHighThresholdPercent: 100

# A pod that writes more than its volume may hold is evicted within seconds, not minutes.
volumeStatsAggPeriod: 1s

# Nothing outside of the sandbox.
resolvConf: ""
makeIPTablesUtilChains: false
podLogsDir: {{.Dir}}/pod-logs
volumePluginDir: {{.Dir}}/volume-plugins
`))

func (c *Cluster) configureKubelet() error {
	f, err := os.Create(c.file("kubelet.yaml"))
	if err != nil {
		return err
	}
	defer f.Close()
	return kubeletConfig.Execute(f, map[string]string{
		"CA":     c.KubeletCAFile(),
		"Socket": c.containerdSocket(),
		"Dir":    c.Dir(),
	})
}
