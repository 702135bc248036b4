// SPDX-License-Identifier: Apache-2.0

package status

import (
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ReadNamespace reads a Namespace from JSON.
func ReadNamespace(object []byte) (*Namespace, error) {
	var o struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	if err := json.Unmarshal(object, &o); err != nil {
		return nil, err
	}
	n := &Namespace{Name: o.Metadata.Name, Labels: o.Metadata.Labels}
	n.LabelSet = labelSet(&o.Metadata)
	return n, nil
}

// labelSet returns when the label for mode enforce was set, at the latest: the time at which
// its field manager last changed anything that it manages. A label that came with the namespace is
// as old as the namespace.
func labelSet(m *metav1.ObjectMeta) time.Time {
	var latest time.Time
	for _, f := range m.ManagedFields {
		if f.FieldsV1 == nil || f.Time == nil {
			continue
		}
		var fields struct {
			Metadata struct {
				Labels map[string]json.RawMessage `json:"f:labels"`
			} `json:"f:metadata"`
		}
		if json.Unmarshal(f.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, owns := fields.Metadata.Labels["f:"+labelPrefix+"enforce"]; owns && f.Time.After(latest) {
			latest = f.Time.Time
		}
	}
	return latest
}
