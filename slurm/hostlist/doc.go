// Package hostlist reads and writes Slurm's lists of hosts: n[01-16,20],login.
//
// [Expand] gives the names, [Compress] the list. Both promise to agree with
// `scontrol show hostnames` and `scontrol show hostlistsorted`, which tests ask,
// but where scontrol garbles a list: there Expand returns an error. No list can
// be made to take more memory than a million names.
//
// It never asks Slurm whether there is such a host.
package hostlist
