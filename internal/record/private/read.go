package private

import (
	"encoding/json"
	"fmt"
)

// ReadPrivate reads a PrivateFile.
func ReadPrivate(data []byte) (*Redactor, error) {
	var p Private
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", PrivateFile, err)
	}
	r, err := NewRedactor(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", PrivateFile, err)
	}
	return r, nil
}
