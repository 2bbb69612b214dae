package durable

import (
	"errors"
	"io/fs"
	"os"
)

// Reason is an error of the file system without the operation and the file.
func Reason(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	}
	return err
}
