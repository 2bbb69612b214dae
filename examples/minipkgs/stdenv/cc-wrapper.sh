#!@shell@
# shellcheck shell=bash disable=SC1008,SC2239
# The host's @name@ with the flags of this build: NIX_CFLAGS_COMPILE_BEFORE, the
# package's own, then NIX_CFLAGS_COMPILE, so that an -march there wins;
# NIX_LDFLAGS when linking.
compiler=/usr/bin/@name@
if [ ! -x "$compiler" ]; then
    echo "@name@: this host has no $compiler (on Debian: apt-get install @name@)" >&2
    exit 127
fi

link=1
given=0
for arg in "$@"; do
    case $arg in
    -c | -E | -S | -M | -MM | -fsyntax-only | -v | --version | -dump* | -print-*) link=0 ;;
    -*) ;;
    *) given=1 ;;
    esac
done

read -ra default_flags <<<"@defaultFlags@"
read -ra before_flags <<<"${NIX_CFLAGS_COMPILE_BEFORE-}"
read -ra compile_flags <<<"${NIX_CFLAGS_COMPILE-}"
ld_flags=()
if [ "$link" = 1 ] && [ "$given" = 1 ]; then
    read -ra words <<<"${NIX_LDFLAGS-}"
    for word in "${words[@]}"; do
        case $word in
        -L* | -l*) ld_flags+=("$word") ;;
        *) ld_flags+=(-Xlinker "$word") ;;
        esac
    done
fi

# The compiler starts as, ld and collect2 by way of PATH.
PATH=/usr/bin:/bin:@coreutils@/bin exec "$compiler" "${default_flags[@]}" "${before_flags[@]}" "$@" "${compile_flags[@]}" "${ld_flags[@]}"
