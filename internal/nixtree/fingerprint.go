package nixtree

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Fingerprint is what a tree looks like without reading its files: names,
// kinds, modes, sizes, inodes, and the times of the last change of contents and
// of the inode. Who sets a file's time back (touch -d) cannot set back the
// inode's own.
type Fingerprint struct {
	Sum    string // of all entries, in hex
	Newest int64  // the latest change of any of them, in ns since 1970, by the file system's clock
	Files  int    // entries that are no directories
}

// statFields is what a fingerprint is made of.
const statFields = unix.STATX_TYPE | unix.STATX_MODE | unix.STATX_SIZE | unix.STATX_INO | unix.STATX_MTIME | unix.STATX_CTIME

// TakeFingerprint looks at every entry of a tree, from several threads: on a
// network file system a look is a wait. Attributes are asked of the file server
// itself, not of what this machine remembers of them (statx(2),
// AT_STATX_FORCE_SYNC).
func TakeFingerprint(tree string) (Fingerprint, error) {
	w := &walker{slots: make(chan struct{}, 4*runtime.GOMAXPROCS(0)), dirs: map[string]dirPrint{}}
	w.wait.Add(1)
	w.dir(tree, ".")
	w.wait.Wait()
	if w.err != nil {
		return Fingerprint{}, w.err
	}
	var f Fingerprint
	names := make([]string, 0, len(w.dirs))
	for name := range w.dirs {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		d := w.dirs[name]
		io.WriteString(sum, fmt.Sprintf("%d:%s%d:", len(name), name, len(d.text)))
		sum.Write(d.text)
		f.Newest, f.Files = max(f.Newest, d.newest), f.Files+d.files
	}
	f.Sum = hex.EncodeToString(sum.Sum(nil))
	return f, nil
}

type walker struct {
	slots chan struct{} // bounds how many directories are read at once
	wait  sync.WaitGroup
	mu    sync.Mutex
	dirs  map[string]dirPrint // by the path in the tree
	err   error               // the first
}

// dirPrint is a directory and what lies in it.
type dirPrint struct {
	text   []byte
	newest int64
	files  int
}

// dir looks at one directory; those in it follow, each when there is a slot for
// it.
func (w *walker) dir(tree, name string) {
	defer w.wait.Done()
	p, below, err := lookAtDir(filepath.Join(tree, name))
	w.mu.Lock()
	w.dirs[name] = p
	if err != nil && w.err == nil {
		w.err = err
	}
	failed := w.err != nil
	w.mu.Unlock()
	if failed {
		return
	}
	for _, b := range below {
		w.wait.Add(1)
		next := filepath.Join(name, b)
		select {
		case w.slots <- struct{}{}:
			go func() {
				w.dir(tree, next)
				<-w.slots
			}()
		default: // all are busy: this one goes on by itself
			w.dir(tree, next)
		}
	}
}

func lookAtDir(path string) (p dirPrint, below []string, err error) {
	// The directory's own attributes first: they tell the system whether what it
	// remembers of the names in it still holds.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return p, nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	d := os.NewFile(uintptr(fd), path)
	defer d.Close()
	if _, err := p.add(fd, ""); err != nil {
		return p, nil, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	names, err := d.Readdirnames(-1)
	if err != nil {
		return p, nil, err
	}
	slices.Sort(names)
	for _, n := range names {
		mode, err := p.add(fd, n)
		if err != nil {
			return p, nil, &os.PathError{Op: "statx", Path: filepath.Join(path, n), Err: err}
		}
		if mode&unix.S_IFMT == unix.S_IFDIR {
			below = append(below, n)
		} else {
			p.files++
		}
	}
	return p, below, nil
}

// add notes one entry of the open directory, or, for "", the directory itself.
func (p *dirPrint) add(dir int, name string) (mode uint16, err error) {
	var st unix.Statx_t
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_STATX_FORCE_SYNC
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	for {
		if err = unix.Statx(dir, name, flags, statFields, &st); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	if st.Mask&statFields != statFields {
		return 0, unix.ENOTSUP
	}
	nanoseconds := func(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }
	mtime, ctime := nanoseconds(st.Mtime), nanoseconds(st.Ctime)
	p.newest = max(p.newest, ctime)
	p.text = append(p.text, name...)
	p.text = append(p.text, 0)
	p.text = binary.LittleEndian.AppendUint16(p.text, st.Mode)
	for _, v := range []uint64{st.Size, st.Ino, uint64(mtime), uint64(ctime)} {
		p.text = binary.LittleEndian.AppendUint64(p.text, v)
	}
	return st.Mode, nil
}

// honest are the file systems that keep the time of an inode's last change by
// themselves, whoever changes the file and whatever times it is given
// (inode(7); the numbers are those of statfs(2) and of the file systems' own
// sources). Of others it is not known: FUSE passes on what a program says, and
// FAT has no such time.
var honest = []int64{
	unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.OVERLAYFS_SUPER_MAGIC,
	unix.NFS_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.BCACHEFS_SUPER_MAGIC,
	0x2fc12fc1 /* zfs */, 0x0bd00bd0 /* lustre */, 0x47504653 /* gpfs */, 0x19830326, /* beegfs */
}

// TrustedTimes reports whether the times of a tree's files tell of every change.
// Only the tree's own file system is asked: a mount within a pinned tree would
// be seen by its inode numbers, and is nobody's habit.
func TrustedTimes(tree string) bool {
	var st unix.Statfs_t
	if unix.Statfs(tree, &st) != nil {
		return false
	}
	return slices.Contains(honest, int64(st.Type))
}

// ClockOf is the time now by the clock of the file system that a directory of
// ours is on, and that file system.
func ClockOf(dir string) (now int64, dev uint64, err error) {
	f, err := os.CreateTemp(dir, ".clock-*")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, 0, err
	}
	return st.Ctim.Nano(), uint64(st.Dev), nil
}

// DeviceOf is the number of the device that a file lies on (stat(2), st_dev).
func DeviceOf(path string) (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	return uint64(st.Dev), err
}
