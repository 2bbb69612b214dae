package nixlog

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// DrvName is the name within a store path, without .drv.
func DrvName(p string) string {
	base := path.Base(p)
	if i := strings.IndexByte(base, '-'); i >= 0 {
		base = base[i+1:]
	}
	return strings.TrimSuffix(base, ".drv")
}

// Event is one thing Nix did while it evaluated or built.
type Event struct {
	// Kind says what:
	//   "start"    building or fetching Name began
	//   "done"     building or fetching Name ended (also after a failure)
	//   "fetch"    the download or copy of Name got to Bytes of TotalBytes
	//   "builds"   Done of Total derivations are built
	//   "copies"   Done of Total paths are fetched, Bytes of TotalBytes
	//   "phase"    the build of Name entered the phase Text
	//   "log"      the build of Name printed the line Text
	//   "message"  Nix said Text
	Kind              string
	Name              string // a derivation's or path's name, or a URL
	Fetch             bool   // start, done: a fetch, not a build
	Done, Total       int
	Bytes, TotalBytes int64 // 0 when not known
	Text              string
}

// The numbers of activities and results in Nix's internal-json log, stable
// since 2.4 (nix: src/libutil/logging.hh, ActivityType and ResultType).
const (
	actCopyPath      = 100
	actFileTransfer  = 101
	actCopyPaths     = 103
	actBuilds        = 104
	actBuild         = 105
	resBuildLogLine  = 101
	resSetPhase      = 104
	resProgress      = 105
	resPostBuildLine = 107
)

// TailLines is how many lines of each build's log are kept, to find the one that
// decides.
const TailLines = 200

// AnsiRe is a control sequence of a terminal, such as a colour.
var AnsiRe = lazyre.New("\x1b\\[[0-9;]*[A-Za-z]")

type activity struct {
	kind int
	name string // for people
	drv  string // builds: the store path
}

// LogReader reads Nix's stderr, internal-json or plain, turns it into events
// and keeps it as plain text.
type LogReader struct {
	tell  func(Event)
	buf   []byte
	text  bytes.Buffer
	acts  map[uint64]activity
	tails map[string][]string
}

// NewLogReader reads what Nix logs and tells what happens; tell may be nil.
func NewLogReader(tell func(Event)) *LogReader {
	if tell == nil {
		tell = func(Event) {}
	}
	return &LogReader{tell: tell, acts: map[uint64]activity{}, tails: map[string][]string{}}
}

// Write implements io.Writer; it never fails.
func (r *LogReader) Write(p []byte) (int, error) {
	r.buf = append(r.buf, p...)
	for {
		i := bytes.IndexByte(r.buf, '\n')
		if i < 0 {
			return len(p), nil
		}
		r.line(string(r.buf[:i]))
		r.buf = r.buf[i+1:]
	}
}

// Close reads what came after the last newline.
func (r *LogReader) Close() {
	if len(r.buf) > 0 {
		r.line(string(r.buf))
		r.buf = nil
	}
}

// Text is everything said so far, as plain lines.
func (r *LogReader) Text() string { return r.text.String() }

// Tails are the last lines of the logs of builds, by .drv.
func (r *LogReader) Tails() map[string][]string { return r.tails }

type message struct {
	Action string            `json:"action"`
	ID     uint64            `json:"id"`
	Level  int               `json:"level"`
	Type   int               `json:"type"`
	Text   string            `json:"text"`
	Msg    string            `json:"msg"`
	Fields []json.RawMessage `json:"fields"`
}

func (r *LogReader) line(l string) {
	js, ok := strings.CutPrefix(l, "@nix ")
	var m message
	if !ok || json.Unmarshal([]byte(js), &m) != nil {
		r.say(l)
		return
	}
	switch m.Action {
	case "msg":
		r.say(m.Msg)
	case "start":
		r.start(m)
	case "stop":
		if a, ok := r.acts[m.ID]; ok {
			delete(r.acts, m.ID)
			if a.visible() {
				r.tell(Event{Kind: "done", Name: a.name, Fetch: a.kind != actBuild})
			}
		}
	case "result":
		r.result(m)
	}
}

func (r *LogReader) say(text string) {
	text = strings.TrimRight(AnsiRe.ReplaceAllString(text, ""), "\r\n")
	r.text.WriteString(text + "\n")
	if strings.TrimSpace(text) != "" {
		r.tell(Event{Kind: "message", Text: text})
	}
}

// visible leaves out what a cache is asked about paths, and the download below
// the copy of a path, which is told already.
func (a activity) visible() bool {
	switch a.kind {
	case actBuild, actCopyPath:
		return true
	case actFileTransfer:
		return !cacheFileRe.MatchString(a.name)
	}
	return false
}

var cacheFileRe = lazyre.New(`(?:\.narinfo|\.nar(?:\.\w+)?|/nix-cache-info|\.ls)$`)

func (r *LogReader) start(m message) {
	a := activity{kind: m.Type}
	switch m.Type {
	case actBuild:
		a.drv = str(m.Fields, 0)
		a.name = DrvName(a.drv)
		delete(r.tails, a.drv)
	case actCopyPath:
		a.name = DrvName(str(m.Fields, 0))
	case actFileTransfer:
		a.name = str(m.Fields, 0)
	}
	r.acts[m.ID] = a
	if a.visible() {
		r.tell(Event{Kind: "start", Name: a.name, Fetch: a.kind != actBuild})
	}
}

func (r *LogReader) result(m message) {
	a := r.acts[m.ID]
	switch m.Type {
	case resBuildLogLine, resPostBuildLine:
		text := AnsiRe.ReplaceAllString(str(m.Fields, 0), "")
		r.text.WriteString(a.name + "> " + text + "\n")
		tail := append(r.tails[a.drv], text)
		if len(tail) > TailLines {
			tail = tail[len(tail)-TailLines:]
		}
		r.tails[a.drv] = tail
		r.tell(Event{Kind: "log", Name: a.name, Text: text})
	case resSetPhase:
		r.tell(Event{Kind: "phase", Name: a.name, Text: str(m.Fields, 0)})
	case resProgress:
		done, total := num(m.Fields, 0), num(m.Fields, 1)
		switch a.kind {
		case actBuilds:
			r.tell(Event{Kind: "builds", Done: int(done), Total: int(total)})
		case actCopyPaths:
			r.tell(Event{Kind: "copies", Done: int(done), Total: int(total)})
		case actFileTransfer, actCopyPath:
			if !a.visible() {
				return
			}
			r.tell(Event{Kind: "fetch", Name: a.name, Bytes: done, TotalBytes: total})
		}
	}
}

func str(f []json.RawMessage, i int) string {
	var s string
	if i < len(f) && json.Unmarshal(f[i], &s) == nil {
		return s
	}
	return ""
}

func num(f []json.RawMessage, i int) int64 {
	var n int64
	if i < len(f) && json.Unmarshal(f[i], &n) == nil {
		return n
	}
	return 0
}
