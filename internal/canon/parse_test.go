package canon

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// One parser reads one document after the other, whatever the one before left:
// broken ones, lists and objects that are long enough for memory of their own.
func TestParserIsUsedAgain(t *testing.T) {
	long := func(n int) string {
		var items, members []string
		for i := range n {
			items = append(items, fmt.Sprintf(`{"k":[%d,[%d]]}`, i, i))
			members = append(members, fmt.Sprintf(`"m%d":{"a":[%d],"b":"x"}`, i, i))
		}
		return `{"list":[` + strings.Join(items, ",") + `],"object":{` + strings.Join(members, ",") + `}}`
	}
	docs := []string{`{"b":[1,2,{"c":null}],"a":"\u00e9\n"}`, `[[[[1],2],3`, `{"a":1,"a":2}`, long(40), `{}`, long(own - 1), long(own), `[1,{"a":[`, long(own + 1), long(3 * own), `"x"`, `[]`}
	docs = append(docs, strings.TrimSuffix(long(own+5), "}}")+`,"m3":1}}`)
	var p Parser
	for range 2 {
		for _, doc := range docs {
			v, err := p.Parse([]byte(doc))
			fresh, ferr := ParseJSON([]byte(doc))
			if fmt.Sprint(err) != fmt.Sprint(ferr) {
				t.Errorf("%.40s: %v, a new parser says %v", doc, err, ferr)
			}
			if err != nil {
				continue
			}
			got := string(v.Append(nil))
			if got != string(fresh.Append(nil)) {
				t.Errorf("%.40s: another value than a new parser's", doc)
			}
			var want any
			if err := json.Unmarshal([]byte(doc), &want); err != nil {
				t.Fatal(err)
			}
			if text, err := json.Marshal(want); err != nil || string(text) != got {
				t.Errorf("%.40s: %.80s, want %.80s (%v)", doc, got, text, err)
			}
		}
	}
	if _, err := p.Parse([]byte(docs[len(docs)-1])); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a key twice in a long object: %v", err)
	}
}

// A parser that has read a document reads one like it in the memory of its text.
func TestParserAllocates(t *testing.T) {
	doc := []byte(`{"a":[1,2,3],"b":{"c":"text","d":[true,null]},"e":-5}`)
	var p Parser
	if n := testing.AllocsPerRun(100, func() {
		if _, err := p.Parse(doc); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations, want that of the text", n)
	}
}
