package testbed

import (
	"context"
	"fmt"
	"os"

	"github.com/nixbatch/nixbatch/internal/proc"
)

// accountingNeeds are the programs that Options.Accounting adds.
var accountingNeeds = map[string]string{
	"slurmdbd": "slurmdbd", "mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server", "sacctmgr": "slurm-client", "sacct": "slurm-client",
}

// accountingConf writes slurmdbd.conf, and adds what slurm.conf says of it. For
// connections to slurmdbd, munge's socket is not that of AuthInfo but of
// AccountingStoragePass (slurm.conf(5)).
func (c *Cluster) accountingConf(set func(string, ...any), user string, port int) error {
	set("AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=127.0.0.1\nAccountingStoragePort=%d", port)
	set("AccountingStoragePass=%s\nAccountingStoreFlags=job_comment\nJobAcctGatherType=jobacct_gather/linux", c.path("munge.sock"))
	text := fmt.Sprintf("AuthType=auth/munge\nAuthInfo=socket=%s\nDbdHost=localhost\nDbdAddr=127.0.0.1\nDbdPort=%d\nSlurmUser=%s\n"+
		"DebugLevel=info\nLogFile=%s\nPidFile=%s\nStorageType=accounting_storage/mysql\nStorageHost=localhost\nStorageLoc=acct\nStorageUser=%s\n",
		c.path("munge.sock"), port, user, c.path("log/slurmdbd.log"), c.path("run/slurmdbd.pid"), user)
	return os.WriteFile(c.path("slurmdbd.conf"), []byte(text), 0o600)
}

// startAccounting makes a database, starts mariadbd, which listens on a socket
// in the cluster's directory alone, and slurmdbd, and adds the cluster to it:
// slurmctld cannot register otherwise.
func (c *Cluster) startAccounting(ctx context.Context) error {
	data := c.path("spool/mariadbd/data")
	_, err := proc.System{}.Run(ctx, proc.Cmd{Path: c.progs["mariadb-install-db"], Env: c.Env(),
		Args: []string{"--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db"}})
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	args := []string{"--no-defaults", "--datadir=" + data, "--socket=" + c.path("my.sock"), "--pid-file=" + c.path("run/mariadbd.pid"),
		"--skip-networking", "--skip-grant-tables", "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"}
	if os.Geteuid() == 0 {
		args = append(args, "--user=root")
	}
	if err := c.run("mariadbd", "mariadbd", args...); err != nil {
		return err
	}
	err = c.wait(ctx, poll, []string{"mariadbd"}, func(context.Context) (string, error) {
		if _, err := os.Stat(c.path("my.sock")); err != nil {
			return "mariadbd has no socket", nil
		}
		return "", nil
	})
	if err != nil {
		return err
	}
	if err := c.StartAccounting(ctx); err != nil {
		return err
	}
	_, err = proc.System{}.Run(ctx, proc.Cmd{Path: c.progs["sacctmgr"], Args: []string{"--immediate", "add", "cluster", c.opts.Name}, Env: c.Env()})
	return err
}

// StartAccounting starts slurmdbd again, and waits until it answers.
func (c *Cluster) StartAccounting(ctx context.Context) error {
	if err := c.run("slurmdbd", "slurmdbd", "-D"); err != nil {
		return err
	}
	return c.wait(ctx, poll, []string{"slurmdbd", "mariadbd"}, func(ctx context.Context) (string, error) {
		_, err := proc.System{}.Run(ctx, proc.Cmd{Path: c.progs["sacctmgr"], Args: []string{"--noheader", "show", "cluster"}, Env: c.Env()})
		if err != nil {
			return "slurmdbd does not answer: " + err.Error(), nil
		}
		return "", nil
	})
}

// StopAccounting ends slurmdbd: an outage, during which slurmctld keeps what it
// has to tell.
func (c *Cluster) StopAccounting() error {
	return killAll(func() ([]process, error) { return c.processes("slurmdbd") })
}
