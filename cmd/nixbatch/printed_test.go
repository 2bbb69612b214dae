package main

import "os"

// printed is what a command wrote to a file. It is no pipe: a program in front
// that outlives the command keeps nobody waiting.
type printed struct{ *os.File }

func (p printed) String() string {
	data, err := os.ReadFile(p.Name())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (s *site) printed() printed {
	s.t.Helper()
	f, err := os.CreateTemp(s.t.TempDir(), "printed")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { f.Close() })
	return printed{f}
}
