package canon

import (
	"strings"
	"testing"
)

func TestBounded(t *testing.T) {
	list := func(item string, n int) []byte { return []byte("[" + strings.Repeat(item+",", n) + item + "]") }
	for name, bad := range map[string][]byte{
		"values": list("0", MaxValues), "objects": list("{}", 200_000), "strings": list(`""`, 3_000_000),
		"deep": []byte(strings.Repeat("[", maxDepth+1)), "deep, never closed": []byte(strings.Repeat(`{"a":`, 5000)),
	} {
		if err := Bounded(bad); err == nil {
			t.Errorf("%s: passes", name)
		}
		if _, err := ParseJSON(bad); err == nil || !strings.Contains(err.Error(), Bounded(bad).Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, good := range map[string][]byte{
		"a sweep of a million tasks": list(`["1"]`, 1_000_000),
		"an accounting":              list(`{"ref":"123_45","task":45,"state":"completed","exit_code":0,"private":{"user":"mmustermann","account":"chem-42"}}`, 200_000),
		"brackets in a string":       []byte(`"` + strings.Repeat(`[{\"`, 1000) + `"`),
	} {
		if err := Bounded(good); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
