# shellcheck shell=bash
# Tells what is built against this library where it is.
export MINILINALG_PREFIX=@out@
