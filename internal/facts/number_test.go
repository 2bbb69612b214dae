package facts

import (
	"encoding/json"
	"math"
	"testing"
)

// What is no number of JSON's is a string there, and comes back as it was.
func TestFloatInJSON(t *testing.T) {
	in := []Float{-74.942079928192, 0, Float(math.Copysign(0, -1)), 5e-324, math.MaxFloat64, Float(math.NaN()), Float(math.Inf(1)), Float(math.Inf(-1))}
	data, err := json.Marshal(in)
	if want := `[-74.942079928192,0,-0,5e-324,1.7976931348623157e+308,"NaN","Infinity","-Infinity"]`; err != nil || string(data) != want {
		t.Fatalf("%s, %v", data, err)
	}
	var out []Float
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	for i, v := range out {
		if math.Float64bits(float64(v)) != math.Float64bits(float64(in[i])) && !(math.IsNaN(float64(v)) && math.IsNaN(float64(in[i]))) {
			t.Errorf("%v became %v", in[i], v)
		}
	}
	for _, bad := range []string{`"nan"`, `"1"`, `null`, `[1]`, `true`, `1e999`} {
		if v := Float(7); json.Unmarshal([]byte(bad), &v) == nil {
			t.Errorf("%s is %v", bad, v)
		}
	}
}

// What an older nixbatch wrote is read as it was meant.
func TestOldNumber(t *testing.T) {
	var n Number
	const old = `{"file":"a.out","pattern":"e (.)","abs":1e-9,"rel":0,"values":[-1.5,2]}`
	if err := json.Unmarshal([]byte(old), &n); err != nil || n.File != "a.out" || n.Pattern != "e (.)" || n.Abs != 1e-9 || len(n.Values) != 2 || n.Label() != "e (.)" {
		t.Errorf("%+v, %v", n, err)
	}
	if now, err := json.Marshal(n); err != nil || string(now) != old {
		t.Errorf("%s, %v", now, err)
	}
}
