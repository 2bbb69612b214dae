package slurm

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nixbatch/nixbatch/internal/lazyre"
)

// Config is a cluster's configuration: slurm.conf(5) with all defaults, as the
// controller has it.
type Config struct {
	// Time is when the controller sent it, by its own clock and to the second;
	// zero where it does not tell.
	Time   time.Time
	values map[string]string // by the key in lower case
}

// Get returns the value of a key, which may be in any case; "" where it is not
// there or not set.
func (c Config) Get(key string) string { return text(c.values[strings.ToLower(key)]) }

// ClusterName is the cluster's name, in lower case as the accounting has it; ""
// where it is not told.
func (c Config) ClusterName() string {
	if f := strings.Fields(c.Get("ClusterName")); len(f) > 0 {
		return strings.ToLower(f[0])
	}
	return ""
}

// MaxArraySize is one more than the highest index of an array; 0 where it is
// not told.
func (c Config) MaxArraySize() int {
	n, err := strconv.Atoi(c.Get("MaxArraySize"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Config asks scontrol for the controller's configuration.
func (c *Client) Config(ctx context.Context) (Config, error) {
	out, err := c.run(ctx, Command{Name: "scontrol", Args: []string{"show", "config"}}, true)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return ParseConfig(string(out.Stdout)), nil
}

var configTime = lazyre.New(`(?m)^Configuration data as of (\S+)`)

// ParseConfig reads what `scontrol show config` prints, or the text of a
// slurm.conf: keys and values with = between, a comment from # on. Of a key that
// is there several times the last one counts. Lines of another form are passed
// over.
func ParseConfig(s string) Config {
	c := Config{values: map[string]string{}}
	if m := configTime.FindStringSubmatch(s); m != nil {
		c.Time = seconds(m[1])
	}
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		key, value, ok := strings.Cut(line, "=")
		if key = strings.TrimSpace(key); ok && key != "" && !strings.ContainsAny(key, " \t") {
			c.values[strings.ToLower(key)] = strings.TrimSpace(value)
		}
	}
	return c
}
