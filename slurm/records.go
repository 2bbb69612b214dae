package slurm

import (
	"strconv"
	"strings"
	"time"
)

// Separators of the records asked for: control characters, which no name,
// feature or comment has, and an end of the record beside the line's end, so
// that a job's name may hold a line break.
const (
	recordStart = "\x1e"
	fieldEnd    = "\x1f"
	recordEnd   = "\x1d"
)

// recordFormat joins fields such as %N to a format of squeue and sinfo.
func recordFormat(fields ...string) string {
	return recordStart + strings.Join(fields, fieldEnd) + recordEnd
}

// records calls f for each record of n fields. What stands between records (line
// ends, "CLUSTER: name") is passed over, as is a record of another length.
func records(out string, n int, f func(fields []string)) {
	fields := make([]string, 0, n)
	for {
		_, rest, ok := strings.Cut(out, recordStart)
		if !ok {
			return
		}
		record, after, ok := strings.Cut(rest, recordEnd)
		if !ok {
			return
		}
		out = after
		fields = fields[:0]
		for range n - 1 {
			var one string
			if one, record, ok = strings.Cut(record, fieldEnd); !ok {
				break
			}
			fields = append(fields, one)
		}
		if ok {
			f(append(fields, record))
		}
	}
}

// atoi is 0 for what Slurm does not know.
func atoi(s string) int {
	n, err := strconv.Atoi(strings.TrimRight(strings.TrimSpace(s), "+"))
	if err != nil {
		return 0
	}
	return n
}

func atoi64(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimRight(strings.TrimSpace(s), "+"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// seconds reads a time as SLURM_TIME_FORMAT=%s gives it; "N/A", "Unknown" and
// "None" are the zero time. An old command that ignores the format gives local
// time as 2006-01-02T15:04:05.
func seconds(s string) time.Time {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n <= 0 {
			return time.Time{}
		}
		return time.Unix(n, 0).UTC()
	}
	t, err := time.ParseInLocation("2006-01-02T15:04:05", s, time.Local)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// limit reads a time limit; what is no time ("INVALID", "NOT_SET",
// "Partition_Limit") is 0.
func limit(s string) time.Duration {
	d, err := ParseTime(s)
	if err != nil {
		return 0
	}
	return d
}

func elapsed(s string) time.Duration {
	d, err := parseElapsed(s)
	if err != nil || d < 0 {
		return 0
	}
	return d
}

// list splits at commas; "(null)", "none" and "N/A" are Slurm's words for none.
func list(s string) []string {
	switch s {
	case "", "(null)", "N/A", "none":
		return nil
	}
	return strings.Split(s, ",")
}

func text(s string) string {
	if s == "(null)" || s == "N/A" {
		return ""
	}
	return s
}
