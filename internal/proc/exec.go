package proc

import "syscall"

// Exec puts a command in this process's place: same process, same files, no
// way back. It returns only an error. The environment, directory and path are
// the command's; standard input and output stay.
func Exec(c Cmd) error {
	path, err := Look(c.Path)
	if err != nil {
		return newError(c, nil, nil, err)
	}
	if err := syscall.Exec(path, append([]string{c.Path}, c.Args...), c.Env); err != nil {
		return newError(c, nil, nil, err)
	}
	return nil
}
