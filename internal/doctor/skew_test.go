package doctor

import (
	"testing"
	"time"
)

// A clock is right when what it shows lies within the time that asking took,
// however long that was.
func TestSkew(t *testing.T) {
	before := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	after := before.Add(20 * time.Second)
	for shown, want := range map[time.Duration]time.Duration{
		0: 0, 10 * time.Second: 0, 20 * time.Second: 0,
		-time.Second: time.Second, -time.Hour: time.Hour, 26 * time.Second: -6 * time.Second,
	} {
		if got := skew(before.Add(shown), before, after); got != want {
			t.Errorf("shown after %s: %s, want %s", shown, got, want)
		}
	}
	h := Health{}
	h.clock("x", skew(before.Add(-time.Minute), before, after))
	if h.Checks[0].Verdict != Bad {
		t.Errorf("%+v", h.Checks)
	}
}
