// SPDX-License-Identifier: Apache-2.0

package kube

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// An Access says how to reach a cluster, as kubectl's flags of the same names do. The
// zero value is kubectl's own default: KUBECONFIG or ~/.kube/config, with its current
// context, or the service account of the Pod in which the command runs.
type Access struct {
	Kubeconfig string
	Context    string
	Namespace  string
}

// A Client reaches one cluster. Its methods may be called concurrently.
type Client struct {
	Namespace string // of the flags, else of the context, else "default"
	Server    string // address of the API server
	Context   string // of the kubeconfig; empty in a Pod

	dynamic dynamic.Interface
	core    rest.Interface
	config  *rest.Config
}

// Connect returns a client, and makes no call.
func Connect(a Access) (*Client, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{
		CurrentContext: a.Context,
	})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, accessError(a, err)
	}
	namespace := a.Namespace
	if namespace == "" {
		if namespace, _, err = loader.Namespace(); err != nil {
			return nil, accessError(a, err)
		}
	}
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, accessError(a, err)
	}
	// A trial asks about all its copies at once, every second.
	config.QPS, config.Burst = 50, 100
	config.WarningHandler = rest.NoWarnings{}
	c := &Client{Namespace: namespace, Server: config.Host, Context: cmp.Or(a.Context, raw.CurrentContext), config: config}
	if c.dynamic, err = dynamic.NewForConfig(config); err != nil {
		return nil, accessError(a, err)
	}
	core := rest.CopyConfig(config)
	core.GroupVersion, core.APIPath = &schema.GroupVersion{Version: "v1"}, "/api"
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"}) // what errors say
	core.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	if c.core, err = rest.RESTClientFor(core); err != nil {
		return nil, accessError(a, err)
	}
	return c, nil
}

func accessError(a Access, err error) error {
	switch {
	case clientcmd.IsEmptyConfig(err):
		return errors.New("no cluster is configured: give a file with --kubeconfig, or set KUBECONFIG")
	case a.Kubeconfig != "" && errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--kubeconfig %q: no such file", a.Kubeconfig)
	}
	return fmt.Errorf("kubeconfig: %w", err)
}

// Resource returns objects of one resource.
func (c *Client) Resource(r schema.GroupVersionResource) dynamic.NamespaceableResourceInterface {
	return c.dynamic.Resource(r)
}
