// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"

	bench "github.com/caseharden/caseharden/e2e/bench/reviews"
)

// A review is a good one, with a UID of its own for each sending.
type review struct {
	name   string
	path   string
	weight int // how often it is sent, beside the others

	before, after []byte // the body, around the UID
	object        []byte // to which a patch must apply
	want          want
}

// want is what the answer to a review must have.
type want int

const (
	aPatch want = iota // that fills in something
	noPatch
	maybePatch
	aWarning    // and no patch
	anAuditNote // and no patch
)

// A pod of 5 kB is a typical one: two containers with what templates give them.
const typicalVolumes = `"volumes":[{"name":"data","emptyDir":{}},{"name":"config","configMap":{"name":"shop"}}]`

func typicalContainer(name string) string {
	return fmt.Sprintf(`{"name":%q,"image":"registry.example.com/shop/%s:1.2.3","imagePullPolicy":"IfNotPresent","ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],`+
		`"env":[%s],"resources":{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"memory":"256Mi"}},`+
		`"livenessProbe":{"httpGet":{"path":"/healthz","port":"http","scheme":"HTTP"},"periodSeconds":10,"timeoutSeconds":1,"successThreshold":1,"failureThreshold":3},`+
		`"volumeMounts":[{"name":"data","mountPath":"/var/data"},{"name":"config","mountPath":"/etc/shop","readOnly":true}],`+
		`"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File"}`, name, name, variables(20))
}

// variables is so much environment, of 60 bytes each.
func variables(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"name":"VARIABLE_%06d","value":"the value of the variable %d"}`, i, i))
	}
	return strings.Join(all, ",")
}

func podOf(name string, containers ...string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"shop","labels":{"app":"shop"}},"spec":{"containers":[%s],%s}}`,
		name, strings.Join(containers, ","), typicalVolumes)
}

func containerWith(variableCount int) string {
	return fmt.Sprintf(`{"name":"app","image":"app","env":[%s]}`, variables(variableCount))
}

const (
	smallPod    = `{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"app"}]}}`
	hardenedPod = `{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"app","securityContext":{"capabilities":{"drop":["ALL"]},"runAsUser":10001,` +
		`"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,"seccompProfile":{"type":"RuntimeDefault"}}}]}}`
	debuggedPod = `{"metadata":{"name":"web"},"spec":{"containers":[{"name":"app","image":"app"}],"ephemeralContainers":[{"name":"debug","image":"busybox"}]}}`

	kilobyteVariables = 14 // of variables, in a kB
)

// goodReviews are those that are always there, and the pods of the corpus, if any.
func goodReviews(corpus string) ([]*review, error) {
	const enforce = "/enforce/hardened"
	typical := podOf("typical", typicalContainer("app"), typicalContainer("sidecar"))
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf(`{"name":"c%d","image":"app"}`, i))
	}
	deployment := `{"metadata":{"name":"shop"},"spec":{"template":` + typical + `}}`
	ephemeral := newReview("ephemeral container", 20, enforce, `"subResource":"ephemeralcontainers","operation":"UPDATE","oldObject":`+smallPod, "pods", debuggedPod, aPatch)
	template := newReview("warn, Deployment", 20, "/warn/hardened", createOf, "deployments", deployment, aWarning)
	template.before = bytes.Replace(template.before, []byte(`"group":""`), []byte(`"group":"apps"`), 1)
	reviews := []*review{
		newReview("small", 100, enforce, createOf, "pods", smallPod, aPatch),
		newReview("typical", 200, enforce, createOf, "pods", typical, aPatch),
		newReview("typical, restricted", 50, "/enforce/restricted", createOf, "pods", typical, aPatch),
		newReview("typical, dry run", 20, enforce, createOf+`,"dryRun":true`, "pods", typical, aPatch),
		newReview("already hardened", 50, enforce, createOf, "pods", hardenedPod, noPatch),
		newReview("100 containers", 5, enforce, createOf, "pods", podOf("many", many...), aPatch),
		newReview("100 kB", 10, enforce, createOf, "pods", podOf("large", containerWith(100*kilobyteVariables)), aPatch),
		newReview("1 MiB", 1, enforce, createOf, "pods", mebibytePod, aPatch),
		newReview("warn", 30, "/warn/hardened", createOf, "pods", typical, aWarning),
		newReview("audit", 30, "/audit/hardened", createOf, "pods", typical, anAuditNote),
		ephemeral, template,
	}
	if corpus == "" {
		return reviews, nil
	}
	pods, err := bench.Pods(corpus)
	if err != nil {
		return nil, fmt.Errorf("CORPUS: %w", err)
	}
	for _, pod := range pods {
		reviews = append(reviews, newReview("corpus", max(1, 200/len(pods)), enforce, createOf, "pods", string(pod), maybePatch))
	}
	return reviews, nil
}

// mebibytePod is near the largest that a cluster stores: etcd takes 1.5 MiB.
var mebibytePod = podOf("huge", containerWith(1024*kilobyteVariables))

const createOf = `"operation":"CREATE"`

func newReview(name string, weight int, path, request, resource, object string, want want) *review {
	return &review{
		name: name, weight: weight, path: path, object: []byte(object), want: want,
		before: []byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"resource":{"group":"","version":"v1","resource":"` +
			resource + `"},"namespace":"shop",` + request + `,"object":` + object + `,"uid":"`),
		after: []byte(`"}}`),
	}
}

func (r *review) body(uid string) []byte {
	return bytes.Join([][]byte{r.before, []byte(uid), r.after}, nil)
}

// check returns what is wrong with an answer. Where it is to look closely, it applies
// the patch, with the library that API servers use.
func (r *review) check(uid string, answer []byte, closely bool) error {
	var got admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &got); err != nil {
		return fmt.Errorf("%w: %.200s", err, answer)
	}
	a := got.Response
	switch {
	case a == nil || !a.Allowed:
		return fmt.Errorf("not allowed: %.200s", answer)
	case string(a.UID) != uid:
		return fmt.Errorf("the answer is for %q, and %s was sent", a.UID, uid)
	case r.want == aPatch && len(a.Patch) == 0:
		return errors.New("no patch")
	case r.want != aPatch && r.want != maybePatch && len(a.Patch) > 0:
		return fmt.Errorf("a patch: %.200s", a.Patch)
	case r.want == aWarning && len(a.Warnings) == 0:
		return errors.New("no warning")
	case r.want == anAuditNote && len(a.AuditAnnotations) == 0:
		return errors.New("no audit annotation")
	case len(a.Patch) == 0 || !closely:
		return nil
	}
	patch, err := jsonpatch.DecodePatch(a.Patch)
	if err != nil {
		return fmt.Errorf("the patch: %w", err)
	}
	patched, err := patch.Apply(r.object)
	if err != nil {
		return fmt.Errorf("the patch does not apply: %w", err)
	}
	if r.want == aPatch && !bytes.Contains(patched, []byte(`"runAsNonRoot":true`)) {
		return fmt.Errorf("not hardened: %.500s", patched)
	}
	return nil
}
