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
	lastNumber  = "slurm/submit.go, parseSubmitted: the last line that is a number is believed at once; only a failure is looked up by the token"
	refusedText = "slurm/submit.go, submitError, and internal/ledger/submit.go, call: the text of a refusal is believed, nothing is looked up, and the run's directory is removed"
	unknownOver = "internal/submit/retry.go, wanted: unknown is taken for over"
	claimFirst  = "internal/agent/agent.go, Main: an attempt is claimed before the job is known to be the right one, and a copy that stops keeps it"
	otherWorld  = "internal/ledger/settle.go, internal/status and cancel: a job is its number, of whichever cluster answers"
	firstRound  = "cmd/nixbatch/status.go, statusOf: job_id is that of the first submission, also when a retry runs or has run"
	noToken     = "internal/ledger/submit.go, call: what the token does not find is called not taken, though a site may have changed the comment"
	otherToken  = "internal/status/merge.go, Ours: a job whose comment was changed is somebody else's, so gone, and " + unknownOver
	notSlurm    = "internal/ledger/settle.go, Witness is asked for jobs of Slurm's alone: outside Slurm the payload runs, and the right job stops"
)

// knownBad are kinds that fail today. They are injected and reported, not
// asserted, and in no sample. Who mends one takes it off.
var knownBad = map[string]excuse{
	"number-after":       {lost: true, untrue: true, why: lastNumber},
	"huge-after":         {lost: true, untrue: true, why: lastNumber},
	"cut-off":            {lost: true, untrue: true, why: lastNumber},
	"cut-off-line":       {lost: true, untrue: true, why: lastNumber},
	"other-id":           {lost: true, untrue: true, why: lastNumber},
	"other-id-cancelled": {foreign: true, untrue: true, why: lastNumber},
	"id-without-job":     {lost: true, untrue: true, why: lastNumber},
	"sweep-number-after": {lost: true, untrue: true, why: lastNumber},

	"refused-yet-taken":         {untrue: true, why: refusedText},
	"comment-dropped-silently":  {untrue: true, why: noToken},
	"comment-dropped-timed-out": {untrue: true, why: noToken},

	// Which of two copies loses depends on which is quicker.
	"twice":                 {lost: true, why: claimFirst},
	"twice-first-id":        {lost: true, why: claimFirst},
	"twice-both-ids":        {lost: true, why: claimFirst},
	"twice-silently":        {lost: true, why: claimFirst},
	"twice-timed-out":       {lost: true, why: claimFirst},
	"sweep-twice":           {lost: true, why: claimFirst},
	"late-beside-retry":     {lost: true, untrue: true, why: claimFirst},
	"twice-at-once":         {lost: true, why: claimFirst},
	"late-apart":            {lost: true, untrue: true, why: claimFirst + "; its run then counts as begun, submitting again is refused, and what was settled as none is not looked up again"},
	"late-before-retry":     {lost: true, untrue: true, why: claimFirst},
	"hand-while-pending":    {lost: true, why: claimFirst},
	"hand-after-given-up":   {lost: true, why: claimFirst + "; its run then counts as begun, and submitting again is refused"},
	"outside-while-pending": {untrue: true, why: notSlurm},

	"squeue-empty-retry":   {doubled: true, untrue: true, why: unknownOver},
	"squeue-invalid-retry": {doubled: true, untrue: true, why: unknownOver},
	"squeue-garbage-retry": {doubled: true, untrue: true, why: unknownOver},
	"squeue-cut-retry":     {doubled: true, untrue: true, why: unknownOver},
	"retry-after-comment":  {doubled: true, untrue: true, why: otherToken},

	"elsewhere-status-unsure": {lost: true, untrue: true, why: otherWorld},
	"elsewhere-cancel-sure":   {untrue: true, why: otherWorld},
	"elsewhere-cancel-twin":   {foreign: true, untrue: true, why: otherWorld},
	"elsewhere-cancel-unsure": {lost: true, untrue: true, why: otherWorld},
	"elsewhere-retry-sure":    {lost: true, doubled: true, untrue: true, why: otherWorld + "; " + unknownOver},
	"elsewhere-retry-twin":    {lost: true, doubled: true, untrue: true, why: otherWorld + "; " + unknownOver},
	"elsewhere-retry-unsure":  {lost: true, doubled: true, untrue: true, why: otherWorld + "; " + unknownOver},
	"elsewhere-retry-running": {doubled: true, untrue: true, why: otherWorld + "; " + unknownOver},

	"int-retry":            {untrue: true, why: firstRound},
	"term-retry":           {untrue: true, why: firstRound},
	"hup-retry":            {untrue: true, why: firstRound},
	"kill-retry":           {untrue: true, why: firstRound},
	"two-retries":          {untrue: true, why: firstRound},
	"hand-beside-retry":    {untrue: true, why: firstRound},
	"outside-beside-retry": {untrue: true, why: firstRound},
	"ctld-down-retry":      {untrue: true, why: firstRound},
	"full-retry":           {untrue: true, why: firstRound},
	"full-start":           {untrue: true, why: firstRound},
	"full-before":          {untrue: true, why: firstRound},
	"full-after":           {untrue: true, why: firstRound},
	"full-after-silently":  {untrue: true, why: firstRound},
	"read-only-retry":      {untrue: true, why: firstRound},
	"read-only-start":      {untrue: true, why: firstRound},
	"read-only-before":     {untrue: true, why: firstRound},
	"read-only-after":      {untrue: true, why: firstRound},

	"read-only-after-silently": {untrue: true, why: firstRound},
}
