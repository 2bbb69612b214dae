package jobspec

import (
	"strings"
	"testing"
)

// A password goes into no message.
func TestPasswordIsNotRepeated(t *testing.T) {
	const address = "'https://me:hunter2@example.org/x'"
	for _, pin := range []string{address, "{url: " + address + "}", "{git: " + address + ", ref: main}"} {
		_, err := Parse("x", []byte(job("environment", "environment: {nixpkgs: "+pin+", packages: [a]}")))
		if s := problems(t, err).Error(); strings.Contains(s, "hunter2") || !strings.Contains(s, "me:") && !strings.Contains(s, "password") {
			t.Error(s)
		}
	}
}
