package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixbatch/nixbatch/internal/durable"
	"github.com/nixbatch/nixbatch/internal/fault"
	"github.com/nixbatch/nixbatch/internal/nix"
	"github.com/nixbatch/nixbatch/internal/nixstore"
	"github.com/nixbatch/nixbatch/internal/rundir"
)

func (h *Health) nix(ctx context.Context, n *nix.Nix) {
	v, err := n.Version(ctx)
	if err != nil {
		h.add("nix", "commands", Bad, oneLineOf(err), fault.Hint(err))
		return
	}
	h.add("nix", "commands", Good, v.Raw, "")
	if err := pingStore(ctx, n); err != nil {
		h.add("nix", "store", Bad, oneLineOf(err), cmp.Or(fault.Hint(err), "Nix cannot open its store: is /nix mounted here, and does the daemon run?"))
		return
	}
	socket, err := durable.Stat(daemonSocket)
	switch {
	case unix.Access(storeDir, unix.W_OK) == nil:
		h.add("nix", "store", Good, storeDir+" answers, and this user may write to it", "")
	case err != nil:
		h.add("nix", "store", Bad, storeDir+" answers, but whether there is a daemon cannot be told: "+oneLineOf(err), "ask the admin of this machine to be allowed to use Nix")
	case socket != nil && socket.Mode()&os.ModeSocket != 0:
		h.add("nix", "store", Good, storeDir+" answers, and a daemon builds for this user", "")
	default:
		h.add("nix", "store", Bad, storeDir+" answers, but nothing can be built: it is not writable, and there is no daemon",
			"submit from the machine that may write to the store")
	}
}

// pingStore has Nix open its store.
func pingStore(ctx context.Context, n *nix.Nix) error {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	err := n.Ping(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("nix-store did not answer within %s", doctorTimeout)
	}
	return err
}

const (
	storeDir     = nixstore.Dir
	daemonSocket = "/nix/var/nix/daemon-socket/socket"
)

// project looks at the directory that the nodes have to see too.
func (h *Health) project(p rundir.Project) {
	dir := p.Dir
	for {
		st, err := durable.Stat(dir)
		if err != nil {
			h.add("project", "directory", Bad, oneLineOf(err), "the project's directory cannot be looked at")
			return
		}
		if st != nil && st.IsDir() || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	name, shared := fileSystem(dir)
	switch {
	case shared:
		h.add("project", "directory", Good, fmt.Sprintf("%s is on %s, which nodes can share", dir, name), "")
	default:
		h.add("project", "directory", Unknown, fmt.Sprintf("%s is on %s, which looks local", dir, name),
			"the nodes have to see it under the same path: submit from a shared directory")
	}
	f, err := os.CreateTemp(dir, ".nixbatch-doctor-*")
	if err != nil {
		h.add("project", "writable", Bad, oneLineOf(err), "work in a directory that you can write to")
		return
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h.add("project", "writable", Good, "this user may write there", "")
	before := time.Now()
	_, err = f.WriteString("x")
	after := time.Now()
	st, serr := f.Stat()
	if err != nil || serr != nil {
		h.add("clock", "file system", Unknown, "the file system does not tell its time", "")
		return
	}
	h.clock("file system", skew(st.ModTime(), before, after))
}

// fileSystem names the file system of a directory by the number that statfs(2)
// gives (linux/magic.h, and the makers' own for the parallel ones).
func fileSystem(dir string) (name string, shared bool) {
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) != nil {
		return "a file system that does not say what it is", false
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC:
		return "NFS", true
	case 0x0bd00bd0:
		return "Lustre", true
	case 0x47504653:
		return "GPFS", true
	case 0x19830326:
		return "BeeGFS", true
	case unix.CEPH_SUPER_MAGIC:
		return "CephFS", true
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS", true
	case unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC:
		return "SMB", true
	case 0xaad7aaea:
		return "PanFS", true
	case 0x20030528:
		return "OrangeFS", true
	case unix.FUSE_SUPER_MAGIC:
		return "a FUSE file system", true
	case unix.EXT4_SUPER_MAGIC:
		return "ext4", false
	case unix.XFS_SUPER_MAGIC:
		return "XFS", false
	case unix.BTRFS_SUPER_MAGIC:
		return "Btrfs", false
	case unix.TMPFS_MAGIC:
		return "tmpfs", false
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlayfs", false
	case 0x2fc12fc1:
		return "ZFS", false
	}
	return fmt.Sprintf("a file system of type %#x", uint32(st.Type)), false
}
