package slurm

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Unlimited is the duration of a job without a time limit.
const Unlimited time.Duration = -1

// maxTime is the largest limit taken: beyond 31 bits of seconds sbatch computes
// other times than the ones written.
const maxTime = (1<<31 - 1) * time.Second

// ParseTime reads a time as sbatch(1) --time does: "minutes",
// "minutes:seconds", "hours:minutes:seconds", "days-hours",
// "days-hours:minutes", "days-hours:minutes:seconds", UNLIMITED or INFINITE
// (in any case), which give Unlimited. A part may be larger than its unit
// (90:00 is an hour and a half). Zero is Unlimited too, as for sbatch. The
// result is exact to the second; sbatch rounds a limit up to whole minutes.
// "-1" and "1-", which sbatch happens to take, are errors.
func ParseTime(s string) (time.Duration, error) {
	d, err := parseElapsed(s)
	if err == nil && d == 0 {
		return Unlimited, nil
	}
	return d, err
}

// parseElapsed reads the same forms where zero means zero.
func parseElapsed(s string) (time.Duration, error) {
	switch strings.ToUpper(s) {
	case "UNLIMITED", "INFINITE":
		return Unlimited, nil
	}
	bad := fmt.Errorf("time %q is not minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds or UNLIMITED", s)
	days, rest, hasDays := strings.Cut(s, "-")
	if !hasDays {
		rest = s
	}
	parts := strings.Split(rest, ":")
	if len(parts) > 3 {
		return 0, bad
	}
	// Without days the last of two parts is seconds; with days the first of
	// any number is hours.
	units := [][]time.Duration{{time.Minute}, {time.Minute, time.Second}, {time.Hour, time.Minute, time.Second}}[len(parts)-1]
	if hasDays {
		units = []time.Duration{time.Hour, time.Minute, time.Second}
		parts, units = append([]string{days}, parts...), append([]time.Duration{24 * time.Hour}, units...)
	}
	var sum time.Duration
	for i, p := range parts {
		n, err := digits(p)
		if err != nil {
			return 0, bad
		}
		if n > int64(maxTime/units[i]) {
			return 0, fmt.Errorf("time %q is longer than Slurm can hold", s)
		}
		if sum += time.Duration(n) * units[i]; sum > maxTime {
			return 0, fmt.Errorf("time %q is longer than Slurm can hold", s)
		}
	}
	return sum, nil
}

// FormatTime writes a time as D-HH:MM:SS, or UNLIMITED. Parts of a second are
// rounded up.
func FormatTime(d time.Duration) string {
	if d < 0 {
		return "UNLIMITED"
	}
	s := int64((d + time.Second - 1) / time.Second)
	return fmt.Sprintf("%d-%02d:%02d:%02d", s/86400, s/3600%24, s/60%60, s%60)
}

// digits reads a number of one or more decimal digits and nothing else.
func digits(s string) (int64, error) {
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.ParseInt(s, 10, 64)
}
