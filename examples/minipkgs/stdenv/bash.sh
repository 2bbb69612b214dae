# shellcheck shell=bash disable=SC2154
# A copy of the host's bash, not a link: it is the shell that jobs run in, so
# its bytes have to be in the closure, where a record hashes them.
mkdir -p "$out/bin"
cp -L /bin/bash "$out/bin/bash"
chmod 0555 "$out/bin/bash"
ln -s bash "$out/bin/sh"
