// SPDX-License-Identifier: Apache-2.0

package certs

import corev1 "k8s.io/api/core/v1"

// Helm takes every Secret with the label owner=helm for a record of a release, whatever
// its name, and applies what its key release says at the next upgrade. Our Secret must
// never be one: our account, which writes it, would then have the permissions of the
// person who runs Helm. See docs/threat-model.md#its-own-permissions.
const (
	helmOwnerLabel = "owner"
	helmOwner      = "helm"
	helmReleaseKey = "release"
)

// helmLabels are the labels of a record. The account guard of the chart lets our account
// remove these labels from a record, and change no other.
var helmLabels = []string{helmOwnerLabel, "name", "status", "version", "createdAt", "modifiedAt"}

// isHelmRecord reports whether Helm takes the Secret for a record of a release.
func isHelmRecord(secret *corev1.Secret) bool { return secret.Labels[helmOwnerLabel] == helmOwner }

// withoutHelmRecord returns a copy of a record without the labels and the key that make it
// one. Everything else that others have added stays: policies that label every Secret, or
// GitOps tools, would add it again and again.
func withoutHelmRecord(secret *corev1.Secret) *corev1.Secret {
	written := secret.DeepCopy()
	for _, label := range helmLabels {
		delete(written.Labels, label)
	}
	delete(written.Data, helmReleaseKey)
	return written
}
