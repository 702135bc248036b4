// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os/exec"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/caseharden/caseharden/e2e/product/manifests"
)

// The policies compile with what the oldest Kubernetes that docs/engines.md names has of CEL: 1.36
// for mode enforce, and 1.30 for the other modes.
func TestPoliciesCompileOnTheOldestVersions(t *testing.T) {
	for _, profile := range profiles(t) {
		t.Run(profile, func(t *testing.T) {
			output, err := exec.Command(binary(t), append([]string{"profiles", "export", profile}, flags(t)...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			objects, err := manifests.Decode(output)
			if err != nil {
				t.Fatal(err)
			}
			compiled := 0
			for _, o := range objects {
				switch o.GetKind() {
				case "MutatingAdmissionPolicy":
					var p admissionregistrationv1.MutatingAdmissionPolicy
					if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &p); err != nil {
						t.Fatal(err)
					}
					c := newOld(t, 36)
					for _, v := range p.Spec.Variables {
						c.variable(t, p.Name, v.Name, v.Expression)
					}
					c.expression(t, p.Name, &patch.JSONPatchCondition{Expression: p.Spec.Mutations[0].JSONPatch.Expression}, true)
					compiled++
				case "ValidatingAdmissionPolicy":
					var p admissionregistrationv1.ValidatingAdmissionPolicy
					if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &p); err != nil {
						t.Fatal(err)
					}
					c := newOld(t, 30)
					for _, condition := range p.Spec.MatchConditions {
						c.expression(t, p.Name, &validating.ValidationCondition{Expression: condition.Expression}, false)
					}
					for _, v := range p.Spec.Variables {
						c.variable(t, p.Name, v.Name, v.Expression)
					}
					c.expression(t, p.Name, &validating.ValidationCondition{Expression: p.Spec.Validations[0].Expression}, false)
					c.expression(t, p.Name, &validating.MessageExpressionCondition{MessageExpression: p.Spec.Validations[0].MessageExpression}, false)
					compiled++
				}
			}
			if compiled < 3 {
				t.Errorf("only %d policies", compiled)
			}
		})
	}
}

// An old compiles as an API server of a minor version of Kubernetes 1 does.
type old struct{ *plugincel.CompositedCompiler }

func newOld(t *testing.T, minor uint) old {
	t.Helper()
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(version.MajorMinor(1, minor)))
	if err != nil {
		t.Fatal(err)
	}
	return old{compiler}
}

func (c old) variable(t *testing.T, policy, name, expression string) {
	t.Helper()
	v := &validating.Variable{Name: name, Expression: expression}
	if result := c.CompileAndStoreVariable(v, plugincel.OptionalVariableDeclarations{HasAuthorizer: true}, environment.NewExpressions); result.Error != nil {
		t.Errorf("%s: variable %s: %v", policy, name, result.Error)
	}
}

func (c old) expression(t *testing.T, policy string, expression plugincel.ExpressionAccessor, patches bool) {
	t.Helper()
	options := plugincel.OptionalVariableDeclarations{HasAuthorizer: true, HasPatchTypes: patches}
	if result := c.CompileCELExpression(expression, options, environment.NewExpressions); result.Error != nil {
		t.Errorf("%s: %v", policy, result.Error)
	}
}
