// SPDX-License-Identifier: Apache-2.0

// Package testbed holds what tests of a program for Kubernetes run on. It does not know
// which program is tested, so that it could be a library:
//
//	gobuild       compiles programs of Go modules, once for all tests
//	process       child processes, each with a log that its errors quote
//	controlplane  etcd and kube-apiserver
//	egress        what an API server dials in its cluster, taken to local processes
//	balancer      a Service: connections go to backends that are ready
//	cluster       controllers, scheduler, kubelet and containerd too: pods run
//	sandbox       the namespaces and cgroups that a cluster needs
//	oci           container images made by code
//	registry      a registry of container images, with TLS and a password
//	debian        container images of Debian's packages
//	serves        whether a server answers, and takes what it is given
//	workload      whether the pod of a Deployment serves on a cluster, and serves again
//	tools         Helm, Prometheus, containerd, that registry, the plugins of a pod network
package testbed
