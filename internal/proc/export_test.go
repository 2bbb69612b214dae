package proc

import "time"

// Linger sets how long a command's output is waited for after its end.
func Linger(c *Cmd, d time.Duration) { c.linger = d }
