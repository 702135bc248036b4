// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A cluster of many Pods is read within the memory that is promised, page by page.
// STATUS_PODS=20000 is the size for which times are reported.
func TestManyPods(t *testing.T) {
	pods := 2000
	if n, err := strconv.Atoi(os.Getenv("STATUS_PODS")); err == nil {
		pods = n
	}
	const namespaces = 40 // more than are read one by one
	// The Pods are older than the labels: to harden them is not what is tested.
	for i := range namespaces {
		namespace(t, fmt.Sprintf("many-%d", i), nil)
	}
	template := corev1.PodTemplateSpec{Spec: spec()}
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(32)
	for i := range pods {
		group.Go(func() error {
			_, err := client.CoreV1().Pods(fmt.Sprintf("many-%d", i%namespaces)).Create(ctx, &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("pod-%d", i)}, Spec: template.Spec,
			}, metav1.CreateOptions{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for i := range namespaces {
		label(t, fmt.Sprintf("many-%d", i))
	}
	r := status(t, "-A")
	t.Logf("%d Pods, %d of them read: %s, %d MiB at most", pods, r.Report.Summary.Pods, r.Took.Round(time.Millisecond), r.Memory>>20)
	if older := r.Report.Summary.States["older"]; older < pods {
		t.Errorf("%d Pods are older, want %d", older, pods)
	}
	if r.Memory > 500<<20 {
		t.Errorf("%d MiB were resident", r.Memory>>20)
	}
}
