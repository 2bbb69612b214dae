package why

import (
	"github.com/nixbatch/nixbatch/internal/lazyre"
	"github.com/nixbatch/nixbatch/internal/status"
)

var bad = lazyre.New(`(?i)\b(error|fatal|exception|traceback|abort(ed|ing)?|panic|segmentation fault|killed|out of memory|oom|cannot|could not|not found|no such file|failed|denied|invalid|illegal instruction|floating.point exception|nan)\b`)

// decisive are the lines of a log that tell what went wrong: the last five that
// sound like it, else the last three.
func decisive(file string) (hits []string, err error) {
	lines, err := status.Tail(file)
	for _, l := range lines {
		if bad.MatchString(l) {
			hits = append(hits, l)
		}
	}
	if len(hits) > 0 {
		return hits[max(0, len(hits)-5):], err
	}
	return lines[max(0, len(lines)-3):], err
}
