// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/caseharden/caseharden/e2e/bench/apiserver"
	"github.com/caseharden/caseharden/e2e/bench/direct"
	"github.com/caseharden/caseharden/e2e/bench/stats"
)

const (
	width      = 8 * vg.Inch
	rowHeight  = 26
	margin     = 12
	headHeight = 44 // title and key of a panel
	axisHeight = 46
)

// The colours differ also for people who confuse red and green, and the shapes for those
// who see no colours.
var (
	grey   = color.RGBA{R: 0x75, G: 0x75, B: 0x75, A: 0xff}
	blue   = color.RGBA{R: 0x00, G: 0x5f, B: 0xa8, A: 0xff}
	orange = color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}
	dark   = color.RGBA{R: 0x30, G: 0x30, B: 0x30, A: 0xff}
	purple = color.RGBA{R: 0xa0, G: 0x50, B: 0xb4, A: 0xff}
	pale   = color.RGBA{R: 0xe4, G: 0xe4, B: 0xe4, A: 0xff}
)

// DrawSVG writes the picture of what was measured: a panel for the reviews, and one for
// what is added to the creation of a pod. Its background is white.
func (r *Report) DrawSVG(w io.Writer) error {
	panels := r.panels()
	if len(panels) == 0 {
		return errors.New("there is nothing to draw in the report")
	}
	canvas := vgsvg.New(width, height(panels))
	drawAll(draw.New(canvas), panels)
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	// Few have the font by whose widths the picture is laid out; those have the same widths.
	_, err := w.Write(bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")))
	return err
}

// A panel has a row for each name, from the top, with a mark of each series in it.
type panel struct {
	title  string
	rows   []string
	series []series
	log    bool        // the axis
	ticks  []plot.Tick // of a logarithmic axis
}

// A series is what is shown by one kind of mark.
type series struct {
	name   string
	mark   draw.GlyphStyle
	offset float64 // from the middle of a row, in rows
	values []stats.Spread
}

func mark(c color.Color, shape draw.GlyphDrawer) draw.GlyphStyle {
	return draw.GlyphStyle{Color: c, Radius: 3.5, Shape: shape}
}

func (r *Report) panels() []*panel {
	var all []*panel
	if r.Direct != nil {
		all = append(all, reviewsPanel(r.Direct))
	}
	if r.APIServer != nil {
		all = append(all, createsPanel(r.APIServer))
	}
	return all
}

func reviewsPanel(r *direct.Result) *panel {
	p := &panel{title: "CPU for one review, straight at the webhook (logarithmic)", log: true}
	for _, k := range r.Kinds {
		p.rows = append(p.rows, k.Name)
	}
	for i, s := range []struct {
		name string
		mark draw.GlyphStyle
	}{
		{direct.Limit, mark(grey, draw.BoxGlyph{})},
		{direct.Caseharden, mark(blue, draw.CircleGlyph{})},
		{direct.ControllerRuntime, mark(orange, draw.PyramidGlyph{})},
	} {
		one := series{name: names[s.name], mark: s.mark, offset: 0.2 * float64(1-i)}
		for _, k := range r.Kinds {
			one.values = append(one.values, k.Server(s.name).CPU)
		}
		p.series = append(p.series, one)
	}
	for power := 0; power <= 7; power++ {
		ten := math.Pow10(power)
		unit := fmt.Sprintf("%.0f µs", ten)
		if power >= 3 {
			unit = fmt.Sprintf("%.0f ms", ten/1e3)
		}
		p.ticks = append(p.ticks, plot.Tick{Value: ten, Label: unit})
		for n := 2; n < 10; n++ {
			p.ticks = append(p.ticks, plot.Tick{Value: float64(n) * ten})
		}
	}
	return p
}

func createsPanel(r *apiserver.Result) *panel {
	p := &panel{title: "Time added to the creation of a pod, through an API server (median)"}
	marks := []draw.GlyphStyle{mark(dark, draw.CircleGlyph{}), mark(purple, draw.BoxGlyph{})}
	for i, c := range r.Clients {
		s := series{name: clients(c.Clients) + " at a time", mark: marks[i%len(marks)], offset: 0.3 * (0.5 - float64(i))}
		if c.Clients == 1 {
			s.name = "1 client"
		}
		for _, m := range c.Contenders {
			if m.Name == apiserver.None {
				continue
			}
			if i == 0 {
				p.rows = append(p.rows, nameOf(m.Name))
			}
			s.values = append(s.values, m.AddedP50)
		}
		p.series = append(p.series, s)
	}
	return p
}

func (p *panel) height() vg.Length {
	return headHeight + axisHeight + rowHeight*vg.Length(len(p.rows))
}

func height(panels []*panel) vg.Length {
	total := vg.Length(2*margin + margin*(len(panels)-1))
	for _, p := range panels {
		total += p.height()
	}
	return total
}

func drawAll(c draw.Canvas, panels []*panel) {
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	top := c.Max.Y - margin
	for _, p := range panels {
		c := c
		c.Rectangle = vg.Rectangle{
			Min: vg.Point{X: c.Min.X + margin, Y: top - p.height()},
			Max: vg.Point{X: c.Max.X - margin, Y: top},
		}
		p.draw(c)
		top -= p.height() + margin
	}
}

func style(size vg.Length, bold bool) text.Style {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = xfont.WeightBold
	}
	return text.Style{Color: color.Black, Font: f, Handler: plot.DefaultTextHandler}
}

// draw draws the title, below it the key, and below that the plot.
func (p *panel) draw(c draw.Canvas) {
	title := style(12, true)
	title.YAlign = draw.YTop
	c.FillText(title, vg.Point{X: c.Min.X, Y: c.Max.Y}, p.title)

	key := style(10, false)
	key.YAlign = draw.YCenter
	at := vg.Point{X: c.Min.X + 4, Y: c.Max.Y - 28}
	for _, s := range p.series {
		c.DrawGlyph(s.mark, at)
		at.X += 9
		c.FillText(key, at, s.name)
		at.X += key.Width(s.name) + 22
	}

	plt := plot.New()
	plt.Add(grid(len(p.rows)))
	for _, s := range p.series {
		plt.Add(s)
	}
	plt.Y.Min, plt.Y.Max = -0.5, float64(len(p.rows))-0.5
	plt.Y.LineStyle.Width, plt.Y.Tick.LineStyle.Width = 0, 0
	plt.Y.Tick.Length = 0
	// The first row is on top.
	plt.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
	var rows []plot.Tick
	for i, name := range p.rows {
		rows = append(rows, plot.Tick{Value: float64(i), Label: name})
	}
	plt.Y.Tick.Marker = plot.ConstantTicks(rows)
	label := style(10, false)
	label.XAlign, label.YAlign = draw.XRight, draw.YCenter
	plt.Y.Tick.Label = label
	label.XAlign, label.YAlign = draw.XCenter, draw.YTop
	plt.X.Tick.Label = label
	if p.log {
		plt.X.Scale = plot.LogScale{}
		plt.X.Tick.Marker = plot.ConstantTicks(p.ticks)
		// From a label on, and with a little air for marks.
		plt.X.Min, plt.X.Max = math.Pow10(int(math.Floor(math.Log10(plt.X.Min/1.1)))), plt.X.Max*1.3
	} else {
		plt.X.Min = min(0, plt.X.Min)
		plt.X.Max *= 1.05
		plt.X.Tick.Marker = plot.TickerFunc(milliseconds)
	}
	plt.Draw(draw.Crop(c, 0, -24, 0, -headHeight))
}

// milliseconds writes the unit to each of the usual ticks.
func milliseconds(from, to float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(from, to)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label += " ms"
		}
	}
	return ticks
}

// A grid is a line in the middle of each of so many rows.
type grid int

// Plot implements plot.Plotter.
func (g grid) Plot(c draw.Canvas, plt *plot.Plot) {
	_, y := plt.Transforms(&c)
	for row := range int(g) {
		c.StrokeLine2(draw.LineStyle{Color: pale, Width: 0.75}, c.Min.X, y(float64(row)), c.Max.X, y(float64(row)))
	}
}

// Plot implements plot.Plotter: a line from quartile to quartile, with a mark at the
// median.
func (s series) Plot(c draw.Canvas, plt *plot.Plot) {
	x, y := plt.Transforms(&c)
	for row, v := range s.values {
		at := y(float64(row) - s.offset)
		c.StrokeLine2(draw.LineStyle{Color: s.mark.Color, Width: 1.5}, x(v.LowerQuartile), at, x(v.UpperQuartile), at)
		c.DrawGlyph(s.mark, vg.Point{X: x(v.Median), Y: at})
	}
}

// DataRange implements plot.DataRanger.
func (s series) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, xmax = math.Inf(1), math.Inf(-1)
	for _, v := range s.values {
		xmin, xmax = min(xmin, v.LowerQuartile), max(xmax, v.UpperQuartile)
	}
	return xmin, xmax, 0, float64(len(s.values) - 1)
}
