package campaign

import (
	"fmt"
	"strings"
)

// What stands in front of sbatch in the wrappers of these kinds: see front.
const (
	take     = `"$REAL" "$@"`
	taken    = `"$REAL" "$@" >/dev/null`
	id       = `id=$("$REAL" "$@"); `
	timedOut = `echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1`
	refusal  = `echo "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified" >&2; exit 1`
)

// wrapped is a kind whose sbatch is a site's script.
func wrapped(name, does, body string) kind {
	return kind{name: name, does: "sbatch " + does, holds: once, run: func(f *fault) {
		f.maybeHeld()
		f.front("sbatch", body)
		f.submit()
		f.follow()
	}}
}

// unasked is one in front of which Slurm cannot be asked either, until nixbatch
// has ended: what it says is sbatch's word.
func unasked(name, does, body string) kind {
	return kind{name: name + "-unasked", does: "sbatch " + does + ", and Slurm cannot be asked", holds: once, run: func(f *fault) {
		f.maybeHeld()
		f.front("sbatch", strings.ReplaceAll(body, "OTHER", fmt.Sprint(f.stranger(f.c))))
		f.front("squeue", `exit 1`)
		f.submit()
		f.follow()
	}}
}

// maybeHeld makes every other job wait until all has been said: one that starts
// at once may have told its id before sbatch's answer is read.
func (f *fault) maybeHeld() {
	if f.rng.IntN(2) == 0 {
		f.job(work{hold: true})
	}
}

// answers are sbatch's that answer otherwise than Slurm's own, accept otherwise
// than once, or change what they submit.
func answers() []kind {
	return append(append(append(spoken(), failing()...), accepting()...), changing()...)
}

// spoken are answers with more, less or other than the id.
func spoken() []kind {
	return []kind{
		wrapped("banner-before", "prints a banner before the id", `echo "*** welcome ***"; echo "17 users"; `+take),
		wrapped("banner-after", "prints a banner after the id", take+`; echo; echo "*** bye ***"`),
		wrapped("number-before", "prints a number on a line of its own before the id", `echo 17; `+take),
		wrapped("number-after", "prints a number on a line of its own after the id", take+`; echo 42`),
		wrapped("no-line-end", "prints the id without its line end", id+`printf %s "$id"`),
		wrapped("cut-off", "prints the id but for its last digit, without a line end", id+`printf %s "${id%?}"`),
		wrapped("cut-off-line", "prints the id but for its last digit", id+`echo "${id%?}"`),
		{name: "other-id", does: "sbatch prints the id of somebody else's job", holds: once, run: func(f *fault) {
			other := f.stranger(f.c)
			f.front("sbatch", fmt.Sprintf("%s; echo %d", taken, other))
			f.submit()
			f.follow()
		}},
		{name: "other-id-cancelled", does: "sbatch prints the id of somebody else's job, and the user cancels at once",
			holds: "the other job stays, and what is said is true", run: func(f *fault) {
				other := f.stranger(f.c)
				f.job(work{hold: true})
				f.front("sbatch", fmt.Sprintf("%s; echo %d", taken, other))
				f.submit()
				f.cancelled, f.least = true, 0
				f.run("cancel", f.name)
				f.release()
				f.finish()
			}},
		unasked("cut-off-line", "prints the id but for its last digit", id+`echo "${id%?}"`),
		unasked("other-id", "prints the id of somebody else's job", taken+`; echo OTHER`),
		unasked("other-id-late", "prints the id of somebody else's job before it takes its own", `echo OTHER; `+taken),
		unasked("other-id-twice", "submits two times, and prints the id of somebody else's job", `keep; again "$@" >/dev/null; again "$@" >/dev/null; echo OTHER`),
		unasked("id-without-job", "takes nothing, prints a number, and exits with 0", `cat >/dev/null; echo 4711`),
		unasked("id-of-its-own", "prints the id as Slurm's does", take),
		{name: "other-id-cancelled-unasked", does: "sbatch prints the id of somebody else's job, Slurm cannot be asked, and the user cancels later",
			holds: "the other job stays, and what is said is true", run: func(f *fault) {
				other := f.stranger(f.c)
				f.job(work{hold: true})
				f.front("sbatch", fmt.Sprintf("%s; echo %d", taken, other))
				f.front("squeue", `exit 1`)
				f.submit()
				f.lift()
				f.cancels()
			}},
		{name: "sweep-other-id-unasked", does: "sbatch prints the id of somebody else's job for a sweep, and Slurm cannot be asked", holds: once, run: func(f *fault) {
			f.job(work{tasks: 3, hold: f.rng.IntN(2) == 0})
			f.front("sbatch", fmt.Sprintf("%s; echo %d", taken, f.stranger(f.c)))
			f.front("squeue", `exit 1`)
			f.submit()
			f.follow()
		}},
		wrapped("id-on-stderr", "prints the id on standard error", take+` >&2`),
		wrapped("silent-after", "takes the job, prints nothing, and exits with 0", taken),
		wrapped("silent-before", "takes nothing, prints nothing, and exits with 0", `cat >/dev/null`),
		wrapped("cluster", "prints id;cluster", id+`echo "$id;testbed"`),
		wrapped("colours", "prints the id in colour", id+`printf '\033[1;32m%s\033[0m\n' "$id"`),
		wrapped("crlf", "ends the id's line as DOS does", id+`printf '%s\r\n' "$id"`),
		wrapped("leading-spaces", "prints spaces before the id", id+`echo "    $id"`),
		wrapped("huge-before", "prints megabytes before the id", `head -c 4000000 /dev/zero | tr '\0' x; echo; `+take),
		wrapped("huge-after", "prints megabytes of numbers after the id", take+`; seq 1 400000`),
		wrapped("id-twice", "prints the id two times", id+`echo "$id"; echo "$id"`),
		wrapped("in-words", "prints what sbatch prints without --parsable", id+`echo "Submitted batch job $id"`),
		wrapped("warning", "warns on standard error", `echo "sbatch: warning: be nice" >&2; `+take),
		wrapped("error-yet-taken", "prints an error, and then the id", `echo "sbatch: error: slurm_persist_conn_open: retrying" >&2; `+take),
		wrapped("nul-bytes", "prints zero bytes around the id", id+`printf '\000%s\000\n' "$id"`),
		wrapped("negative", "prints the id as a negative number and as a version", id+`echo "-$id"; echo "$id.1"`),
	}
}

// failing are answers that say no, or end before they say anything.
func failing() []kind {
	return []kind{
		wrapped("refused-yet-taken", "takes the job, says that it was refused, and exits with 1", taken+`; `+refusal),
		wrapped("refused", "refuses the job, and says so", `cat >/dev/null; `+refusal),
		wrapped("timed-out-after", "takes the job, and says that its socket timed out", taken+`; `+timedOut),
		wrapped("timed-out-before", "takes nothing, and says that its socket timed out", timedOut),
		wrapped("fails-after", "takes the job, prints nothing, and exits with 1", taken+`; exit 1`),
		wrapped("fails-before", "takes nothing, prints nothing, and exits with 1", `exit 1`),
		wrapped("id-and-failure", "takes the job, prints the id, and exits with 3", take+`; exit 3`),
		wrapped("id-without-job", "takes nothing, prints a number, and exits with 0", `cat >/dev/null; echo 4711`),
		wrapped("killed-after", "is killed when it has taken the job", take+`; kill -KILL $$`),
		wrapped("killed-after-silently", "is killed when it has taken the job and printed nothing", taken+`; kill -KILL $$`),
		wrapped("killed-before", "is killed before it takes the job", `kill -KILL $$`),
		wrapped("killed-meanwhile", "is killed while the real one is at work", `keep; "$REAL" "$@" <"$AUX/script.$$" >/dev/null & sleep 0.0$RANDOM2; kill -KILL $$`),
		{name: "hangs-after", does: "sbatch takes the job and never ends", holds: once, share: 0.2, slow: true, run: func(f *fault) {
			f.front("sbatch", taken+`; stand never`)
			f.submit()
			f.follow()
		}},
		{name: "hangs-before", does: "sbatch hangs before it takes the job", holds: once, share: 0.2, slow: true, run: func(f *fault) {
			f.front("sbatch", `stand never; `+take)
			f.submit()
			f.mark("never")
			f.follow()
		}},
	}
}

// accepting are wrappers that submit twice, or late.
func accepting() []kind {
	// What goes on in the background has given up all files but its own.
	const alone = `for n in {3..60}; do eval "exec $n>&-"; done; exec >/dev/null 2>&1 </dev/null; `
	late := func(name, does, apart string, after func(f *fault)) kind {
		return kind{name: name, does: does, holds: once, run: func(f *fault) {
			f.maybeHeld()
			f.front("sbatch", `keep; (`+apart+`stand given; again "$@"; mark sent) >/dev/null 2>&1 & `+timedOut)
			f.submit()
			f.lift()
			after(f)
		}}
	}
	sends := func(f *fault) {
		f.mark("given")
		f.awaits("sent")
	}
	return []kind{
		wrapped("twice", "submits two times, and prints the second id", `keep; again "$@" >/dev/null; again "$@"`),
		wrapped("twice-first-id", "submits two times, and prints the first id", `keep; again "$@"; again "$@" >/dev/null`),
		wrapped("twice-both-ids", "submits two times, and prints both ids", `keep; again "$@"; again "$@"`),
		wrapped("twice-silently", "submits two times, and prints nothing", `keep; again "$@" >/dev/null; again "$@" >/dev/null`),
		wrapped("twice-timed-out", "submits two times, since the first seems to fail, and times out", `keep; again "$@" >/dev/null; again "$@" >/dev/null; `+timedOut),
		wrapped("twice-at-once", "submits two times at the same moment", `keep; again "$@" >/dev/null & again "$@"; wait`),
		late("late", "sbatch times out, and its child submits when nixbatch has ended", "", func(f *fault) {
			sends(f)
			f.follow()
		}),
		late("late-apart", "sbatch times out, and a child that shares no file with it submits when nixbatch has ended", alone, func(f *fault) {
			sends(f)
			f.follow()
		}),
		late("late-behind-again", "sbatch times out, and its child submits when the user has submitted again", alone, func(f *fault) {
			c, ok := f.learn(known)
			if !ok || !c.Submitted {
				f.submit()
			}
			sends(f)
			f.follow()
		}),
		late("late-beside-retry", "sbatch times out, and its child submits beside a retry", alone, func(f *fault) {
			f.learn(known)
			f.run("retry", f.name)
			sends(f)
			f.follow()
		}),
		late("late-before-retry", "sbatch times out, and its child's job runs when a retry comes", alone, func(f *fault) {
			f.learn(known)
			sends(f)
			f.run("retry", f.name)
			f.follow()
		}),
	}
}

// changing are wrappers and plugins of a site that change what they submit.
func changing() []kind {
	const without = `for a; do shift; case $a in --comment=*) ;; *) set -- "$@" "$a" ;; esac; done; `
	return []kind{
		wrapped("comment-changed", "submits with another comment, as a job_submit plugin does", take+` --comment=site:checked`),
		wrapped("comment-prefixed", "puts words before the comment", `for a; do shift; case $a in --comment=*) a="--comment=site:checked ${a#--comment=}" ;; esac; set -- "$@" "$a"; done; `+take),
		wrapped("comment-dropped", "submits without the comment", without+take),
		wrapped("comment-dropped-silently", "submits without the comment, and prints nothing", without+taken),
		wrapped("comment-dropped-timed-out", "submits without the comment, and times out", without+taken+`; `+timedOut),
		{name: "all-dropped-unseen", does: "sbatch submits without the comment, and its name and comment are changed before anybody looks", holds: once, run: func(f *fault) {
			f.job(work{hold: true})
			f.front("sbatch", without+taken+`; mark at; stand on; `+timedOut)
			u := f.command(nil, "submit", "job.yaml").start()
			f.awaits("at")
			f.control("update", "Comment=seen", "JobName=other")
			f.mark("on")
			u.wait()
			f.follow()
		}},
		wrapped("name-changed", "submits under another name", take+` --job-name=site-job`),
		wrapped("name-changed-silently", "submits under another name, and prints nothing", taken+` --job-name=site-job`),
		wrapped("partition-changed", "submits to another partition", take+` --partition=short`),
		wrapped("all-changed", "submits with another comment, name and partition", take+` --comment=site --job-name=site-job --partition=short`),
		wrapped("options-added", "submits with a nice value and a mail address of its own", take+` --nice=10 --mail-user=nobody`),
	}
}
