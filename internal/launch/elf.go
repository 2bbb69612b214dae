package launch

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// systemDirs is where the loader looks last (ld.so(8)), on the distributions
// that clusters run.
var systemDirs = []string{"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"}

// maxObjects bounds the libraries looked at for one program.
const maxObjects = 500

// walk visits the libraries that a program needs, those of libraries too,
// nearest first, until visit is false. It finds them as the loader would. A
// program that is no ELF file, or static, has none.
func walk(program, libraryPath string, visit func(soname, path string) bool) {
	type object struct {
		path string
		dirs []string // of whoever asked for it, the fallback of DT_RPATH
	}
	queue, seen := []object{{program, nil}}, map[string]bool{}
	for len(queue) > 0 && len(seen) < maxObjects {
		o := queue[0]
		queue = queue[1:]
		f, err := elf.Open(o.path)
		if err != nil {
			continue
		}
		needed, _ := f.ImportedLibraries()
		dirs := filepath.SplitList(libraryPath)
		for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
			lists, _ := f.DynString(tag)
			for _, l := range lists {
				for _, d := range strings.Split(l, ":") {
					origin := filepath.Dir(real(o.path))
					dirs = append(dirs, strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin).Replace(d))
				}
			}
		}
		f.Close()
		dirs = append(dirs, o.dirs...)
		for _, soname := range needed {
			if seen[soname] {
				continue
			}
			seen[soname] = true
			path := ""
			for _, d := range slices.Concat(dirs, systemDirs) {
				if p := filepath.Join(d, soname); d != "" && exists(p) {
					path = p
					break
				}
			}
			if !visit(soname, path) {
				return
			}
			if path != "" {
				queue = append(queue, object{path, dirs})
			}
		}
	}
}

func real(path string) string {
	if r, err := filepath.EvalSymlinks(path); err == nil {
		return r
	}
	return path
}

// unwrap follows nixpkgs' wrappers: beside NAME, the program itself is called
// .NAME-wrapped.
func unwrap(program string) string {
	for range 5 {
		r := real(program)
		inner := filepath.Join(filepath.Dir(r), "."+filepath.Base(r)+"-wrapped")
		if !exists(inner) {
			return r
		}
		program = inner
	}
	return program
}

// shebang is the first line of a script after "#!", and whether there is one:
// what a script loads cannot be told from its file.
func shebang(program string) (string, bool) {
	f, err := os.Open(program)
	if err != nil {
		return "", false
	}
	defer f.Close()
	head := make([]byte, 1024)
	n, _ := f.Read(head)
	line, ok := bytes.CutPrefix(head[:n], []byte("#!"))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	return strings.TrimSpace(string(line)), ok
}

func isScript(program string) bool {
	_, ok := shebang(program)
	return ok
}

// interpreter is the program that a script names, "" without one.
func interpreter(script string) string {
	line, _ := shebang(script)
	words := strings.Fields(line)
	if len(words) == 0 {
		return ""
	}
	return words[0]
}
