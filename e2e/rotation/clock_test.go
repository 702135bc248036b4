// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"net/http"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// Every answer of the API server has the time in its header Date, which is what replicas
// go by: also one that refuses, and one that begins a watch.
func TestAPIServerTellsTheTime(t *testing.T) {
	t.Parallel()
	httpClient, err := rest.HTTPClientFor(controlPlane.Config())
	if err != nil {
		t.Fatal(err)
	}
	for path, status := range map[string]int{
		"/api/v1/namespaces/default/secrets/none":                        http.StatusNotFound,
		"/api/v1/namespaces/default":                                     http.StatusOK,
		"/api/v1/namespaces/default/secrets?watch=true&timeoutSeconds=1": http.StatusOK,
	} {
		response, err := httpClient.Get(controlPlane.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		told, err := http.ParseTime(response.Header.Get("Date"))
		if response.StatusCode != status || err != nil || time.Since(told).Abs() > 10*time.Second {
			t.Errorf("%s: status %d, date %q, %v", path, response.StatusCode, response.Header.Get("Date"), err)
		}
	}
}
