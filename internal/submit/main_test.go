package submit_test

import (
	"testing"

	"github.com/nixbatch/nixbatch/internal/testbed"
)

func TestMain(m *testing.M) { testbed.Main(m) }
