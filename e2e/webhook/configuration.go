// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"os"
	"path/filepath"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/caseharden/caseharden/e2e/cluster"
)

// Configuration returns the webhook configuration that is shipped, pointed at
// this process.
func (w *Webhook) Configuration() (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	return ConfigurationAt(w.Addr, w.CA)
}

// ConfigurationAt returns the webhook configuration that is shipped, pointed at
// an address: while there is no node, nothing stands behind a Service.
func ConfigurationAt(addr string, ca []byte) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	module, err := cluster.ModuleDir()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(module), "deploy", "webhook.yaml"))
	if err != nil {
		return nil, err
	}
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	if err := yaml.UnmarshalStrict(data, &configuration); err != nil {
		return nil, err
	}
	for i := range configuration.Webhooks {
		config := &configuration.Webhooks[i].ClientConfig
		url := "https://" + addr + *config.Service.Path
		*config = admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: ca}
	}
	return &configuration, nil
}
