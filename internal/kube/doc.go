// SPDX-License-Identifier: Apache-2.0

// Package kube reaches a cluster as kubectl does: with the caller's kubeconfig, and with the
// caller's permissions. It has what the commands need that look at a cluster: objects
// by the dynamic client, logs, commands and HTTP requests in pods, and the question what the
// caller may do. It has no typed clients, whose code would be larger than all of Caseharden.
//
// Start reading at client.go.
package kube
