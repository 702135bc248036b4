// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// An API is what rotation needs of the API server: one Secret and one webhook
// configuration. If the object of a write has changed since it was read, the write is
// refused with a conflict.
//
// The permissions are get, watch and update of the Secret, create of Secrets in its
// namespace, and get, watch and patch of the configuration.
type API interface {
	GetSecret(ctx context.Context) (*corev1.Secret, error)
	WatchSecret(ctx context.Context) (watch.Interface, error)
	CreateSecret(ctx context.Context, data map[string][]byte) error
	UpdateSecret(ctx context.Context, secret *corev1.Secret) error

	GetConfiguration(ctx context.Context) (*admissionregistrationv1.MutatingWebhookConfiguration, error)
	WatchConfiguration(ctx context.Context) (watch.Interface, error)
	// PatchBundle sets the caBundle of every webhook, and nothing else.
	PatchBundle(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, caBundle []byte) error

	// Ahead returns how far the API server's clock was ahead of ours at its last answer.
	// It returns 0 if the clocks agree, or if no answer had the time.
	Ahead() time.Duration
}

const (
	secrets        = "secrets"
	configurations = "mutatingwebhookconfigurations"

	// fieldManager owns the caBundle in metadata.managedFields.
	fieldManager = "caseharden"

	// callTimeout bounds a call other than a watch.
	callTimeout = 10 * time.Second

	// watchTimeout ends a watch. The object is read again afterwards, in case the watch has
	// missed a change.
	watchTimeout = 5 * time.Minute
)

// kubernetes is the [API] of a cluster. It has clients for the two groups that it needs. A
// clientset would add every kind of object to the binary.
type kubernetes struct {
	clock
	core, admission *rest.RESTClient
	secret          types.NamespacedName
	configuration   string
}

// NewAPI returns the API for a Secret and a MutatingWebhookConfiguration in the cluster of
// the file kubeconfig. If kubeconfig is empty, it is the cluster in which this process runs
// as a Pod.
func NewAPI(kubeconfig string, secret types.NamespacedName, configuration string) (API, error) {
	config, err := RESTConfig(kubeconfig)
	if err != nil {
		return nil, err
	}
	config.WarningHandler = rest.NoWarnings{} // they would not be in our log
	config.QPS, config.Burst = 20, 40         // repairs must not wait; writes have their own limit
	k := &kubernetes{secret: secret, configuration: configuration}
	config.Wrap(k.wrap)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, admissionregistrationv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("internal error: %w", err)
		}
	}
	codecs := serializer.NewCodecFactory(scheme)
	client := func(group schema.GroupVersion, root string) (*rest.RESTClient, error) {
		c := rest.CopyConfig(config)
		c.GroupVersion, c.APIPath, c.NegotiatedSerializer = &group, root, codecs.WithoutConversion()
		return rest.RESTClientFor(c)
	}
	if k.core, err = client(corev1.SchemeGroupVersion, "/api"); err != nil {
		return nil, err
	}
	if k.admission, err = client(admissionregistrationv1.SchemeGroupVersion, "/apis"); err != nil {
		return nil, err
	}
	return k, nil
}

// RESTConfig returns how to reach the API server of the cluster in the file kubeconfig. If
// kubeconfig is empty, it is the cluster in which this process runs as a Pod.
func RESTConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("file %q: %w", kubeconfig, withoutPath(err))
		}
		return config, nil
	}
	config, err := rest.InClusterConfig()
	if errors.Is(err, rest.ErrNotInCluster) {
		return nil, errors.New("no file is given, and this is not a Pod with a service account")
	}
	if err != nil {
		return nil, fmt.Errorf("service account of this Pod: %w", err)
	}
	return config, nil
}

func (k *kubernetes) GetSecret(ctx context.Context) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	err := k.core.Get().Namespace(k.secret.Namespace).Resource(secrets).Name(k.secret.Name).Timeout(callTimeout).Do(ctx).Into(secret)
	return secret, err
}

func (k *kubernetes) WatchSecret(ctx context.Context) (watch.Interface, error) {
	return k.core.Get().Namespace(k.secret.Namespace).Resource(secrets).
		VersionedParams(watchOptions(k.secret.Name), metav1.ParameterCodec).Watch(ctx)
}

// watchOptions selects one object by name, as a permission for one named object requires.
// The watch begins with the object as it is, if there is one.
func watchOptions(name string) *metav1.ListOptions {
	seconds := int64(watchTimeout / time.Second)
	return &metav1.ListOptions{
		Watch:          true,
		FieldSelector:  fields.OneTermEqualSelector(metav1.ObjectNameField, name).String(),
		TimeoutSeconds: &seconds,
	}
}

func (k *kubernetes) CreateSecret(ctx context.Context, data map[string][]byte) error {
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: k.secret.Namespace,
			Name:      k.secret.Name,
			Labels:    map[string]string{"app.kubernetes.io/name": "caseharden", "app.kubernetes.io/managed-by": "caseharden"},
		},
		Data: data,
	}
	return k.core.Post().Namespace(k.secret.Namespace).Resource(secrets).Param("fieldManager", fieldManager).
		Timeout(callTimeout).Body(secret).Do(ctx).Error()
}

func (k *kubernetes) UpdateSecret(ctx context.Context, secret *corev1.Secret) error {
	return k.core.Put().Namespace(k.secret.Namespace).Resource(secrets).Name(k.secret.Name).Param("fieldManager", fieldManager).
		Timeout(callTimeout).Body(secret).Do(ctx).Error()
}

func (k *kubernetes) GetConfiguration(ctx context.Context) (*admissionregistrationv1.MutatingWebhookConfiguration, error) {
	configuration := &admissionregistrationv1.MutatingWebhookConfiguration{}
	err := k.admission.Get().Resource(configurations).Name(k.configuration).Timeout(callTimeout).Do(ctx).Into(configuration)
	return configuration, err
}

func (k *kubernetes) WatchConfiguration(ctx context.Context) (watch.Interface, error) {
	return k.admission.Get().Resource(configurations).
		VersionedParams(watchOptions(k.configuration), metav1.ParameterCodec).Watch(ctx)
}

func (k *kubernetes) PatchBundle(ctx context.Context, configuration *admissionregistrationv1.MutatingWebhookConfiguration, caBundle []byte) error {
	patch, err := bundlePatch(configuration, caBundle)
	if err != nil {
		return err
	}
	return k.admission.Patch(types.StrategicMergePatchType).Resource(configurations).Name(k.configuration).Param("fieldManager", fieldManager).
		Timeout(callTimeout).Body(patch).Do(ctx).Error()
}

// bundlePatch returns a strategic merge patch, which identifies webhooks by their names. If
// the configuration has changed since it was read, the API server refuses the patch because
// of its resourceVersion. The patch therefore never adds a webhook that was removed.
func bundlePatch(configuration *admissionregistrationv1.MutatingWebhookConfiguration, caBundle []byte) ([]byte, error) {
	type clientConfig struct {
		CABundle []byte `json:"caBundle"`
	}
	type webhook struct {
		Name         string       `json:"name"`
		ClientConfig clientConfig `json:"clientConfig"`
	}
	var patch struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
		Webhooks []webhook `json:"webhooks"`
	}
	patch.Metadata.ResourceVersion = configuration.ResourceVersion
	for _, w := range configuration.Webhooks {
		patch.Webhooks = append(patch.Webhooks, webhook{Name: w.Name, ClientConfig: clientConfig{caBundle}})
	}
	return json.Marshal(patch)
}
