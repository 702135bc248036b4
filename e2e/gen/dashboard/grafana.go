// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA1019 Grafana before version 12 knows no other form of dashboards, and later ones know it too.

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	sdktable "github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// source is the Prometheus that the user picks at the top.
var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}

func newDashboard(rows []row) *dashboard.DashboardBuilder {
	d := dashboard.NewDashboardBuilder("Caseharden").
		Uid("caseharden").
		Description("What Caseharden fills in, what it skips, and how it fares. It takes the recording rules of Caseharden, and the metrics of its pods and of API servers.").
		Tags([]string{"caseharden", "kubernetes", "security"}).
		Time("now-6h", "now").
		Refresh("1m").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		WithVariable(dashboard.NewDatasourceVariableBuilder("datasource").Label("Prometheus").Type("prometheus")).
		WithVariable(dashboard.NewCustomVariableBuilder("mode").Label("Mode").
			Values(dashboard.StringOrMap{String: cog.ToPtr("enforce,warn,audit")}).
			Current(option("enforce", "enforce"))).
		WithVariable(labelValues("cluster", "Cluster", `label_values(caseharden_build_info, cluster)`).
			AllValue(".*")). // also of series without the label
		WithVariable(labelValues("profile", "Profile", `label_values(caseharden_pods_total{cluster=~"$cluster"}, profile)`)).
		WithVariable(labelValues("namespace", "Namespace", `label_values(caseharden_pods_total{cluster=~"$cluster", mode="$mode"}, namespace)`))
	id := uint32(0) // of a row or panel, which links to it hold
	for _, r := range rows {
		id++
		d.WithRow(dashboard.NewRowBuilder(r.title).Id(id))
		for _, p := range r.panels {
			id++
			d.WithPanel(p.builder(id))
		}
	}
	return d
}

// labelValues is a variable whose values are those of a label; all of them, unless some
// are picked.
func labelValues(name, label, values string) *dashboard.QueryVariableBuilder {
	return dashboard.NewQueryVariableBuilder(name).Label(label).
		Query(dashboard.StringOrMap{String: &values}).
		Datasource(source).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortAlphabeticalAsc).
		Multi(true).IncludeAll(true).AllValue(".+").
		Current(option("All", "$__all"))
}

func option(text, value string) dashboard.VariableOption {
	return dashboard.VariableOption{
		Selected: cog.ToPtr(true),
		Text:     dashboard.StringOrArrayOfString{String: &text},
		Value:    dashboard.StringOrArrayOfString{String: &value},
	}
}

func (p panel) builder(id uint32) cog.Builder[dashboard.Panel] {
	switch p.kind {
	case figure:
		b := stat.NewPanelBuilder().Id(id).Title(p.title).Description(p.about).Datasource(source).
			Unit(p.unit).Height(4).Span(p.width).
			GraphMode(common.BigValueGraphModeArea).Orientation(common.VizOrientationAuto).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
		if len(p.levels) > 0 {
			b.Thresholds(p.thresholds()).ColorScheme(dashboard.NewFieldColorBuilder().Mode("thresholds"))
		}
		for i, q := range p.queries {
			b.WithTarget(q.overTime().RefId(refID(i)))
		}
		return b
	case table:
		b := sdktable.NewPanelBuilder().Id(id).Title(p.title).Description(p.about).Datasource(source).
			Unit(p.unit).Height(8).Span(p.width).Filterable(true)
		if len(p.queries) > 1 {
			b.WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}})
		}
		b.WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"excludeByName": map[string]bool{"Time": true},
			"renameByName":  p.columns(),
		}})
		for i, q := range p.queries {
			b.WithTarget(q.now().RefId(refID(i)))
		}
		return b
	default:
		b := timeseries.NewPanelBuilder().Id(id).Title(p.title).Description(p.about).Datasource(source).
			Unit(p.unit).Height(8).Span(p.width).
			Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
		switch p.kind {
		case magnitudes:
			b.ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(10))
		case stack:
			b.Min(0).FillOpacity(40).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal))
		default:
			b.Min(0)
		}
		for i, q := range p.queries {
			b.WithTarget(q.overTime().RefId(refID(i)))
		}
		return b
	}
}

// thresholds says from which values on which colours are shown; the first from below any
// value.
func (p panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	var steps []dashboard.Threshold
	for i, l := range p.levels {
		step := dashboard.Threshold{Color: l.color}
		if i > 0 {
			step.Value = &l.from
		}
		steps = append(steps, step)
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

// columns says what the columns with the results of queries are called, which Grafana
// names after the queries if there are several.
func (p panel) columns() map[string]string {
	if len(p.queries) == 1 {
		return map[string]string{"Value": p.queries[0].legend}
	}
	columns := map[string]string{}
	for i, q := range p.queries {
		columns["Value #"+refID(i)] = q.legend
	}
	return columns
}

// refID is the name of a query within its panel, by its place.
func refID(i int) string { return string(rune('A' + i)) }

func (q query) overTime() *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(q.expr).LegendFormat(q.legend).Range()
}

func (q query) now() *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().Expr(q.expr).Format(prometheus.PromQueryFormatTable).Instant()
}
