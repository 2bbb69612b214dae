package plot

import (
	"fmt"
	"math"
	"strings"
)

// Figure is a picture.
type Figure struct {
	Title  string
	X      string // title of the axis that all panels share
	Panels []Panel
	Note   string // below the picture
}

// Panel is one of the pictures below each other.
type Panel struct {
	Y      string // title of its axis
	Series []Series
}

// Series is points that belong together, joined by a line in their order.
type Series struct {
	Name   string // "" for the only one
	Points []Point
}

// Point is finite, or it is not drawn, and the line has a gap.
type Point struct{ X, Y float64 }

func (p Point) finite() bool {
	return !math.IsNaN(p.X) && !math.IsInf(p.X, 0) && !math.IsNaN(p.Y) && !math.IsInf(p.Y, 0)
}

// drawing is a picture that is being written.
type drawing struct{ text strings.Builder }

func (d *drawing) add(format string, args ...any) { fmt.Fprintf(&d.text, format, args...) }

// Sizes in pixels.
const (
	width, panel = 640, 260 // of the picture, and a panel's height
	left, right  = 110, 20  // margins
	top, bottom  = 34, 18
	axis         = 46 // below the last panel
	line         = 16 // of text
)

// colours can be told apart by people who see fewer of them (Okabe and Ito, 2008).
var colours = []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"}

// SVG is the picture.
func (f Figure) SVG() []byte {
	var b drawing
	names := f.names()
	height := top + len(f.Panels)*panel + axis + len(names)*line
	if f.Note != "" {
		height += line
	}
	b.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	b.add(`<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	label(&b, width/2, 20, "middle", `font-size="14"`, f.Title)
	x := rangeOf(f.all(), func(p Point) float64 { return p.X })
	y0 := top
	for i, p := range f.Panels {
		p.draw(&b, y0, x, i == len(f.Panels)-1, names)
		y0 += panel
	}
	label(&b, (left+width-right)/2, y0+axis-10, "middle", "", f.X)
	y := y0 + axis + line/2
	for i, n := range names {
		b.add(`<circle cx="%d" cy="%d" r="3" fill="%s"/>`+"\n", left, y-4, colours[i%len(colours)])
		label(&b, left+10, y, "start", "", n)
		y += line
	}
	label(&b, left, y, "start", `fill="#666666"`, f.Note)
	b.add("</svg>\n")
	return []byte(b.text.String())
}

// names are those of all series, each once, for the legend.
func (f Figure) names() (out []string) {
	seen := map[string]bool{"": true}
	for _, p := range f.Panels {
		for _, s := range p.Series {
			if !seen[s.Name] {
				seen[s.Name] = true
				out = append(out, s.Name)
			}
		}
	}
	return out
}

func (f Figure) all() (out []Point) {
	for _, p := range f.Panels {
		out = append(out, p.all()...)
	}
	return out
}

func (p Panel) all() (out []Point) {
	for _, s := range p.Series {
		for _, q := range s.Points {
			if q.finite() {
				out = append(out, q)
			}
		}
	}
	return out
}

// draw draws a panel from y0 on.
func (p Panel) draw(b *drawing, y0 int, x scale, last bool, names []string) {
	y := rangeOf(p.all(), func(q Point) float64 { return q.Y })
	x.from, x.to = left, width-right
	y.from, y.to = float64(y0+panel-bottom), float64(y0+10)
	b.add(`<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#444444"/>`+"\n", left, y0+10, width-left-right, panel-bottom-10)
	for _, t := range y.ticks() {
		at := y.at(t)
		b.add(`<path d="M%d %.1fH%d" stroke="#dddddd"/>`+"\n", left, at, width-right)
		label(b, left-6, int(at)+4, "end", "", y.text(t))
	}
	for _, t := range x.ticks() {
		at := x.at(t)
		b.add(`<path d="M%.1f %dv5" stroke="#444444"/>`+"\n", at, y0+panel-bottom)
		if last {
			label(b, int(at), y0+panel-bottom+18, "middle", "", x.text(t))
		}
	}
	middle := y0 + panel/2
	label(b, 14, middle, "middle", fmt.Sprintf(`transform="rotate(-90 14 %d)"`, middle), p.Y)
	for _, s := range p.Series {
		s.draw(b, x, y, colours[max(index(names, s.Name), 0)%len(colours)])
	}
}

func index(names []string, name string) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

func (s Series) draw(b *drawing, x, y scale, colour string) {
	pen := "M"
	var path strings.Builder
	for _, p := range s.Points {
		if !p.finite() {
			pen = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", pen, x.at(p.X), y.at(p.Y))
		pen = "L"
	}
	if path.Len() > 0 {
		b.add(`<path d="%s" fill="none" stroke="%s"/>`+"\n", path.String(), colour)
	}
	for _, p := range s.Points {
		if p.finite() {
			b.add(`<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x.at(p.X), y.at(p.Y), colour)
		}
	}
}

// label prints a text; what has a meaning in XML, or is no character of it, is
// written out.
func label(b *drawing, x, y int, anchor, more, text string) {
	if text == "" {
		return
	}
	if more != "" {
		more = " " + more
	}
	b.add(`<text x="%d" y="%d" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, more, escape(text))
}

func escape(s string) string {
	const most = 90 // characters
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r < 0x20 || r == 0x7f || r == 0xfffe || r == 0xffff:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
