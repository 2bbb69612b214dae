package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// wellFormed fails unless a picture is XML, and returns its texts.
func wellFormed(t *testing.T, svg []byte) (texts []string) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, svg)
		}
		if c, ok := tok.(xml.CharData); ok && len(bytes.TrimSpace(c)) > 0 {
			texts = append(texts, string(c))
		}
	}
}

// What is printed in a picture can break neither it nor the file.
func TestHostileTexts(t *testing.T) {
	const hostile = `</text><script>alert("x")</script>&amp;` + "\x00\x1b[31m\ufffe\xff" + "é → ✓"
	f := Figure{Title: hostile, X: hostile, Note: hostile, Panels: []Panel{{Y: hostile, Series: []Series{{Name: hostile, Points: []Point{{1, 1}}}}}}}
	svg := f.SVG()
	if bytes.Contains(svg, []byte("<script")) {
		t.Errorf("%s", svg)
	}
	found := 0
	for _, s := range wellFormed(t, svg) {
		if strings.Contains(s, "é → ✓") && strings.HasPrefix(s, `</text><script>alert("x")</script>&amp;\x00\x1b[31m`) {
			found++
		}
	}
	if found != 5 {
		t.Errorf("the text stands %d times:\n%s", found, svg)
	}
}

// Any numbers give a picture in which every coordinate is one, inside of it.
func TestOddNumbers(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, points := range map[string][]Point{
		"none": nil, "one": {{3, 4}}, "zero": {{0, 0}}, "same": {{1, 2}, {1, 2}}, "gaps": {{1, 1}, {2, nan}, {3, 3}}, "not finite": {{1, nan}, {nan, 1}, {2, inf}, {-inf, 3}},
		"huge": {{-math.MaxFloat64, -math.MaxFloat64}, {math.MaxFloat64, math.MaxFloat64}}, "tiny": {{5e-324, 1e-300}, {1e-323, 2e-300}}, "close": {{1, -74.942079928192}, {2, -74.942079928191}},
		"far": {{1, 1e15}, {2, 1e15 + 1}},
	} {
		svg := Figure{Panels: []Panel{{Y: "y", Series: []Series{{Points: points}}}}}.SVG()
		wellFormed(t, svg)
		for _, bad := range []string{"NaN", "Inf", "e+", "e-3"} {
			for l := range strings.Lines(string(svg)) {
				if strings.Contains(l, bad) && !strings.Contains(l, "<text") {
					t.Errorf("%s: %s", name, l)
				}
			}
		}
		want := 0
		for _, p := range points {
			if p.finite() {
				want++
			}
		}
		if n := bytes.Count(svg, []byte("<circle")); n != want {
			t.Errorf("%s: %d points are drawn, not %d\n%s", name, n, want, svg)
		}
		for l := range strings.Lines(string(svg)) {
			var x, y float64
			if n, _ := fmt.Sscanf(l, `<circle cx="%g" cy="%g"`, &x, &y); n == 2 && (x < left || x > width-right || y < 0 || y > top+panel) {
				t.Errorf("%s: a point lies outside: %s", name, l)
			}
		}
	}
}

// Ticks can be told apart, and lie on the axis.
func TestTicks(t *testing.T) {
	for _, s := range []scale{{low: 0, high: 1}, {low: -74.9420799, high: -74.9420798}, {low: -3, high: 1e6}, {low: 0.1, high: 0.3}, {low: 300, high: 1000}} {
		texts := map[string]bool{}
		ticks := s.ticks()
		for _, v := range ticks {
			texts[s.text(v)] = true
			if v < s.low || v > s.high {
				t.Errorf("%+v: %g", s, v)
			}
		}
		if len(ticks) < 2 || len(texts) != len(ticks) {
			t.Errorf("%+v: %v, %v", s, ticks, texts)
		}
	}
}

// The same points give the same bytes.
func TestSame(t *testing.T) {
	f := Figure{Title: "t", X: "x", Panels: []Panel{{Y: "y", Series: []Series{{"a", []Point{{1, 2}, {2, 3}}}, {"b", []Point{{1, 3}}}}}}}
	if !bytes.Equal(f.SVG(), f.SVG()) {
		t.Error("they differ")
	}
}
