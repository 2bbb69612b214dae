# shellcheck shell=bash disable=SC1090,SC1091,SC2034,SC2154
# Run by the builder of a job's environment. Writes $out/activate, what
# nix-shell would set for the same shell, and $out/bash, to source it with.
# $1 is the output path of the shell itself: stands for this one's in what is
# written, as it does in nix-shell. $2 is the pinned bash.
__nixbatch_shellOut=$1
__nixbatch_bash=$2
set --

# As nix-shell does before it sources setup.
if [ -n "${NIX_ATTRS_SH_FILE-}" ]; then
    source "$NIX_ATTRS_SH_FILE"
fi
export IN_NIX_SHELL=pure
__nixbatch_out=${out-${outputs[out]}}
dontAddDisableDepTrack=1
source "$stdenv/setup"

# And after: what a failure, an exit hook or a strict shell would do to the
# dump is not wanted.
trap - EXIT
set +eu
set +o pipefail
shopt -u nullglob
unset NIX_ENFORCE_PURITY
BASH=$__nixbatch_bash
SHELL=$__nixbatch_bash
PATH=${__nixbatch_bash%/*}:$PATH

__nixbatch_skip() {
    case $1 in
    __nixbatch_*) return 0 ;;
    #@skip@
    esac
    return 1
}

# Variables, each with its attributes. -g: activate may be sourced in a function.
__nixbatch_variables() {
    local __nixbatch_letter __nixbatch_name __nixbatch_text __nixbatch_names
    for __nixbatch_letter in A B C D E F G H I J K L M N O P Q R S T U V W X Y Z _ \
        a b c d e f g h i j k l m n o p q r s t u v w x y z; do
        eval "__nixbatch_names=(\${!$__nixbatch_letter@})"
        for __nixbatch_name in "${__nixbatch_names[@]}"; do
            __nixbatch_skip "$__nixbatch_name" && continue
            __nixbatch_text=$(declare -p "$__nixbatch_name") || continue
            [[ $__nixbatch_text =~ ^declare\ -[a-zA-Z]*r ]] && continue
            __nixbatch_text=${__nixbatch_text//"$__nixbatch_out"/"$__nixbatch_shellOut"}
            printf 'declare -g %s\n' "${__nixbatch_text#declare }"
        done
    done
}

__nixbatch_functions() {
    local __nixbatch_name __nixbatch_text __nixbatch_line
    while read -r __nixbatch_line; do
        __nixbatch_name=${__nixbatch_line##* }
        [[ $__nixbatch_name == __nixbatch_* ]] && continue
        __nixbatch_text=$(declare -f "$__nixbatch_name")
        printf '%s\n' "${__nixbatch_text//"$__nixbatch_out"/"$__nixbatch_shellOut"}"
        if [[ $__nixbatch_line == "declare -fx "* ]]; then
            printf 'export -f %s\n' "$__nixbatch_name"
        fi
    done < <(declare -F)
}

set -e
mkdir "$__nixbatch_out"
ln -s "$__nixbatch_bash" "$__nixbatch_out/bash"
__nixbatch_v=$(__nixbatch_variables)
__nixbatch_f=$(__nixbatch_functions)
cat >"$__nixbatch_out/activate" <<ACTIVATE
# The environment of a job: source it with the bash beside it. It sets what
# nix-shell --pure would, runs the shellHook, and leaves TMPDIR and the options
# of the shell as they were.
__nixbatch_options=\$-
__nixbatch_extglob=-u __nixbatch_nullglob=-u
shopt -q extglob && __nixbatch_extglob=-s
shopt -q nullglob && __nixbatch_nullglob=-s
set +eu
shopt -s extglob
$__nixbatch_v
$__nixbatch_f
__nixbatch_tmpdir=\${TMPDIR-} __nixbatch_had_tmpdir=\${TMPDIR+yes}
unset XDG_RUNTIME_DIR
if declare -F runHook >/dev/null; then
    runHook shellHook
fi
unset NIX_ENFORCE_PURITY
if [ -n "\$__nixbatch_had_tmpdir" ]; then
    export TMPDIR=\$__nixbatch_tmpdir
else
    unset TMPDIR
fi
shopt \$__nixbatch_extglob extglob
shopt \$__nixbatch_nullglob nullglob
case \$__nixbatch_options in *e*) set -e ;; *) set +e ;; esac
case \$__nixbatch_options in *u*) set -u ;; *) set +u ;; esac
unset __nixbatch_options __nixbatch_extglob __nixbatch_nullglob __nixbatch_tmpdir __nixbatch_had_tmpdir
ACTIVATE
