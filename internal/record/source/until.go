package source

import (
	"context"
	"io"
)

// Until is a source that can be read until the context ends.
func Until(ctx context.Context, s Source) Source { return until{s, ctx} }

type until struct {
	Source
	ctx context.Context
}

func (u until) Open(name string) (io.ReadCloser, error) {
	if err := u.ctx.Err(); err != nil {
		return nil, err
	}
	f, err := u.Source.Open(name)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{Reader(u.ctx, f), f}, nil
}

// Reader reads until the context ends.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
