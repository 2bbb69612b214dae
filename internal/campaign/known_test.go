package campaign

// excuse is what fails today in a kind, and why: only what is named is excused.
type excuse struct {
	lost, doubled, foreign, untrue bool
	why                            string
}

// excuses reports whether all that is wrong is known.
func (k excuse) excuses(r row) bool {
	return (k.lost || r.lost == 0) && (k.doubled || r.doubled == 0) && (k.foreign || r.foreign == 0) && (k.untrue || r.untrue == 0) && r.unjudged == 0
}

// The causes, as read in the code.
const (
	oneLine = "slurm/submit.go, parseSubmitted: one whole line with one id is believed at once, for looking would take a program more each time"
	noToken = "internal/ledger/submit.go, call: what the token does not find is called not taken, though a site may have changed the comment"
)

// knownBad are kinds that fail today. They are injected and reported, not
// asserted, and in no sample. Who mends one takes it off.
var knownBad = map[string]excuse{
	"cut-off-line":       {lost: true, untrue: true, why: oneLine},
	"other-id":           {lost: true, untrue: true, why: oneLine},
	"other-id-cancelled": {untrue: true, why: oneLine},
	"id-without-job":     {lost: true, untrue: true, why: oneLine},

	"comment-dropped-silently":  {untrue: true, why: noToken},
	"comment-dropped-timed-out": {untrue: true, why: noToken},
}
