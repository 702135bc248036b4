// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"fmt"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

// Configuration returns the webhook configuration that is shipped, pointed at
// this process.
func (w *Webhook) Configuration() (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	return ConfigurationAt(w.Addr, w.CA)
}

// ConfigurationAt returns the webhook configuration that is shipped, pointed at
// an address: while there is no node, nothing stands behind a Service.
func ConfigurationAt(addr string, ca []byte) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	objects, err := manifests.Install()
	if err != nil {
		return nil, err
	}
	var configuration admissionregistrationv1.MutatingWebhookConfiguration
	if err := manifests.One(objects, "MutatingWebhookConfiguration", &configuration); err != nil {
		return nil, err
	}
	for i := range configuration.Webhooks {
		config := &configuration.Webhooks[i].ClientConfig
		url := "https://" + addr + *config.Service.Path
		*config = admissionregistrationv1.WebhookClientConfig{URL: &url, CABundle: ca}
	}
	return &configuration, nil
}

// Entry returns the entry of a configuration that is shipped for a mode and a profile.
func Entry(configuration *admissionregistrationv1.MutatingWebhookConfiguration, mode, profile string) *admissionregistrationv1.MutatingWebhook {
	for i := range configuration.Webhooks {
		if w := &configuration.Webhooks[i]; w.Name == mode+"-"+profile+".caseharden.io" {
			return w
		}
	}
	panic(fmt.Sprintf("the configuration %s has no entry for mode %s and profile %s", configuration.Name, mode, profile))
}
