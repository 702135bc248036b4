// SPDX-License-Identifier: Apache-2.0

//go:build cluster && linux

package node

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/caseharden/caseharden/e2e/testbed/bedtest"
	"github.com/caseharden/caseharden/e2e/testbed/cluster"
	"github.com/caseharden/caseharden/e2e/testbed/cluster/kernel"
	"github.com/caseharden/caseharden/e2e/testbed/oci"
)

// What the kubelet says of images under runAsNonRoot.
const (
	rootImage  = "container has runAsNonRoot and image will run as root"
	namedImage = "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root"
)

// The one thing that nobody can see at admission: under profile restricted an image has to
// bring a user by its number, as the hazard image-user-unknown says, or the manifest names
// one; under hardened none of it matters.
func TestRestrictedNeedsAUserInTheImage(t *testing.T) {
	t.Parallel()
	for name, user := range map[string]string{"images.test/numbered:1": "65532", "images.test/named:1": "app"} {
		image := c.ProbeImage()
		image.Name, image.Config.User = name, user
		image.Files = append(image.Files, oci.File{Path: "/etc/passwd", Mode: 0o644, Content: []byte("app:x:1234:1234::/:/probe\n")})
		if err := c.LoadImage(t.Context(), image); err != nil {
			t.Fatal(err)
		}
	}
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: images}
spec:
  containers:
  - {name: root, image: ` + cluster.ProbeName + `}
  - {name: named, image: "images.test/named:1"}
  - {name: numbered, image: "images.test/numbered:1"}
  - {name: user-set, image: ` + cluster.ProbeName + `, securityContext: {runAsUser: 1000}}
  - {name: root-allowed, image: ` + cluster.ProbeName + `, securityContext: {runAsNonRoot: false}}
`
	// Users by profile and container, or why there is none.
	users := map[string]map[string]string{
		"plain":      {"root": "0", "named": "1234", "numbered": "65532", "user-set": "1000", "root-allowed": "0"},
		"restricted": {"root": rootImage, "named": namedImage, "numbered": "65532", "user-set": "1000", "root-allowed": "0"},
		"hardened":   {"root": "10001", "named": "10001", "numbered": "10001", "user-set": "1000", "root-allowed": "10001"},
	}
	for profile, want := range users {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			labels := enforcing(profile)
			if profile == "plain" {
				labels = nil
			}
			ns := bedtest.Namespace(t, c, "images-"+profile, labels)
			bedtest.Apply(t, c, ns, pod)
			got := map[string]string{}
			for container := range want {
				r, refused := runs(t, ns, "images", container)
				got[container] = refused
				if refused == "" {
					got[container], _, _ = strings.Cut(r.Status["Uid"], " ")
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("users (-want +got):\n%s", diff)
			}
		})
	}
}

// runs waits until a container does, and returns what the kernel says in it, or until the
// kubelet refuses to create it, and returns why.
func runs(t *testing.T, namespace, pod, container string) (r kernel.Report, refused string) {
	t.Helper()
	bedtest.Within(t, soon, "container "+container, func() error {
		p, err := c.Client().CoreV1().Pods(namespace).Get(t.Context(), pod, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, s := range p.Status.ContainerStatuses {
			if s.Name != container {
				continue
			}
			if waiting := s.State.Waiting; waiting != nil && strings.HasPrefix(waiting.Message, "container has runAsNonRoot") {
				// In parentheses there are the names of the pod and the container.
				refused, _, _ = strings.Cut(waiting.Message, " (pod: ")
				return nil
			}
			if s.State.Running != nil {
				r, err = c.Report(t.Context(), namespace, pod, container)
				return err
			}
		}
		return fmt.Errorf("%v", p.Status.ContainerStatuses)
	})
	return r, refused
}
