# shellcheck shell=bash disable=SC1090,SC1091,SC2123,SC2154
# Sourced by every build, and by nix-shell: puts the inputs into the
# environment, and defines the phases that genericBuild runs.

__minipkgs_options=$-
set -eu
set -o pipefail

# Hooks -----------------------------------------------------------------------

# _callHook NAME: the function of that name, or else the text of the variable.
_callHook() {
    local name=$1
    shift
    if declare -F "$name" >/dev/null; then
        "$name" "$@"
    elif [ -n "${!name-}" ]; then
        eval "${!name}"
    fi
}

# runHook NAME ARGS…: the hook NAME and everything in the array NAMEHooks. They
# run with nounset off, as nixpkgs does it; the caller's setting comes back.
runHook() {
    local __options=$- __hook __list
    set +u
    __list="${1%Hook}Hooks[@]"
    _callHook "$@"
    for __hook in "${!__list}"; do
        if declare -F "$__hook" >/dev/null; then
            "$__hook" "${@:2}"
        else
            eval "$__hook"
        fi
    done
    case $__options in
    *u*) set -u ;;
    esac
}

# addEnvHooks OFFSET FUNCTION…: call each with the path of every input. There
# is no cross-compiling here, so the offset is read and means nothing.
addEnvHooks() {
    shift
    envHooks+=("$@")
}

# addToSearchPath VARIABLE DIRECTORY: append, if it exists.
addToSearchPath() {
    if [ -d "$2" ]; then
        export "$1=${!1:+${!1}:}$2"
    fi
}

# Inputs ----------------------------------------------------------------------

envHooks=()

# findInput PATH: note it and what it propagates, each once.
findInput() {
    local path=$1 file next
    case " ${allInputs[*]-} " in
    *" $path "*) return ;;
    esac
    if [ ! -e "$path" ]; then
        echo "setup: the input $path does not exist" >&2
        exit 1
    fi
    allInputs+=("$path")
    for file in propagated-native-build-inputs propagated-build-inputs; do
        if [ -f "$path/nix-support/$file" ]; then
            for next in $(<"$path/nix-support/$file"); do
                findInput "$next"
            done
        fi
    done
}

PATH=
for __path in $initialPath; do
    addToSearchPath PATH "$__path/bin"
done
__initialPATH=$PATH
PATH=

allInputs=()
for __path in ${defaultNativeBuildInputs-} ${nativeBuildInputs-} ${buildInputs-} \
    ${propagatedNativeBuildInputs-} ${propagatedBuildInputs-}; do
    findInput "$__path"
done

for __path in "${allInputs[@]}"; do
    if [ -f "$__path/nix-support/setup-hook" ]; then
        set +u
        source "$__path/nix-support/setup-hook"
        set -u
    elif [ -f "$__path" ]; then
        set +u
        source "$__path"
        set -u
    fi
done
for __path in "${allInputs[@]}"; do
    addToSearchPath PATH "$__path/bin"
    addToSearchPath XDG_DATA_DIRS "$__path/share"
    addToSearchPath PKG_CONFIG_PATH "$__path/lib/pkgconfig"
    set +u
    for __hook in "${envHooks[@]}"; do
        "$__hook" "$__path"
    done
    set -u
done
PATH=${PATH:+$PATH:}$__initialPATH
export PATH
unset __path __hook __initialPATH

: "${outputs:=out}"
if [ -n "${out-}" ]; then
    : "${prefix:=$out}"
fi
export NIX_BUILD_CORES=${NIX_BUILD_CORES:-1}
if [ "$NIX_BUILD_CORES" -le 0 ]; then
    NIX_BUILD_CORES=$(nproc)
fi
: "${TZ:=UTC}"
export TZ SOURCE_DATE_EPOCH=315532800

# Phases ----------------------------------------------------------------------

# stripHash PATH: the name without the store's hash.
stripHash() {
    local name=${1##*/}
    if [[ $name =~ ^[0-9a-z]{32}- ]]; then
        name=${name:33}
    fi
    printf '%s\n' "$name"
}

unpackPhase() {
    runHook preUnpack
    local from dir
    for from in ${srcs:-${src:?variable src must be set for unpackPhase}}; do
        if [ -d "$from" ]; then
            dir=$(stripHash "$from")
            cp -r --preserve=mode,timestamps "$from" "$dir"
        else
            case $from in
            *.tar | *.tar.* | *.tgz) tar xf "$from" ;;
            *)
                echo "unpackPhase: do not know how to unpack $from" >&2
                exit 1
                ;;
            esac
            dir=$(find . -mindepth 1 -maxdepth 1 -type d -newer "$NIX_BUILD_TOP/env-vars" | head -n 1)
        fi
        : "${sourceRoot:=$dir}"
    done
    chmod -R u+w -- "$sourceRoot"
    runHook postUnpack
}

patchPhase() {
    runHook prePatch
    local file
    for file in ${patches-}; do
        echo "applying patch $file"
        patch -p1 <"$file"
    done
    runHook postPatch
}

configurePhase() {
    runHook preConfigure
    if [ -x ./configure ]; then
        # shellcheck disable=SC2086
        ./configure "--prefix=$prefix" ${configureFlags-}
    fi
    runHook postConfigure
}

_make() {
    # shellcheck disable=SC2086
    make SHELL="$SHELL" prefix="$prefix" ${enableParallelBuilding:+-j"$NIX_BUILD_CORES"} ${makeFlags-} "$@"
}

_hasMakefile() { [ -e Makefile ] || [ -e makefile ] || [ -e GNUmakefile ] || [ -n "${makefile-}" ]; }

buildPhase() {
    runHook preBuild
    # shellcheck disable=SC2086
    if _hasMakefile; then _make ${buildFlags-}; fi
    runHook postBuild
}

checkPhase() {
    runHook preCheck
    # shellcheck disable=SC2086
    if _hasMakefile; then _make ${checkFlags-} "${checkTarget:-check}"; fi
    runHook postCheck
}

installPhase() {
    runHook preInstall
    # shellcheck disable=SC2086
    if _hasMakefile; then _make ${installFlags-} ${installTargets:-install}; fi
    runHook postInstall
}

# What other packages are to see of this one.
fixupPhase() {
    runHook preFixup
    if [ -n "${propagatedBuildInputs-}" ]; then
        mkdir -p "$out/nix-support"
        # shellcheck disable=SC2086
        printf '%s ' $propagatedBuildInputs >"$out/nix-support/propagated-build-inputs"
    fi
    if [ -n "${propagatedNativeBuildInputs-}" ]; then
        mkdir -p "$out/nix-support"
        # shellcheck disable=SC2086
        printf '%s ' $propagatedNativeBuildInputs >"$out/nix-support/propagated-native-build-inputs"
    fi
    if [ -n "${setupHook-}" ]; then
        mkdir -p "$out/nix-support"
        sed "s|@out@|$out|g" "$setupHook" >"$out/nix-support/setup-hook"
    fi
    runHook postFixup
}

installCheckPhase() {
    runHook preInstallCheck
    runHook postInstallCheck
}

# runPhase NAME: the variable NAME if it has a text, else the function.
runPhase() {
    local phase=$1
    case $phase in
    unpackPhase) [ -z "${dontUnpack-}" ] || return 0 ;;
    patchPhase) [ -z "${dontPatch-}" ] || return 0 ;;
    configurePhase) [ -z "${dontConfigure-}" ] || return 0 ;;
    buildPhase) [ -z "${dontBuild-}" ] || return 0 ;;
    checkPhase) [ -n "${doCheck-}" ] || return 0 ;;
    installPhase) [ -z "${dontInstall-}" ] || return 0 ;;
    fixupPhase) [ -z "${dontFixup-}" ] || return 0 ;;
    installCheckPhase) [ -n "${doInstallCheck-}" ] || return 0 ;;
    esac
    echo "@nix { \"action\": \"setPhase\", \"phase\": \"$phase\" }" >&"${NIX_LOG_FD:-1}"
    echo "running phase: $phase"
    # As in nixpkgs: a phase's own text is the author's, and may use unset variables.
    set +u
    if [ -n "${!phase-}" ]; then
        eval "${!phase}"
    else
        "$phase"
    fi
    if [ "$phase" = unpackPhase ] && [ -n "${sourceRoot-}" ]; then
        cd -- "$sourceRoot"
    fi
}

genericBuild() {
    set -e
    export > "$NIX_BUILD_TOP/env-vars"
    if [ -n "${buildCommand-}" ]; then
        eval "$buildCommand"
        return
    fi
    local phase
    for phase in ${phases:-${prePhases-} unpackPhase patchPhase ${preConfigurePhases-} configurePhase \
        ${preBuildPhases-} buildPhase checkPhase ${preInstallPhases-} installPhase \
        ${preFixupPhases-} fixupPhase installCheckPhase ${postPhases-}}; do
        runPhase "$phase"
    done
}

runHook addInputsHook
runHook postHook

# nix-shell goes on in this very shell: leave its options as they were.
set +u
case $__minipkgs_options in
*e*) ;;
*) set +e ;;
esac
set +o pipefail
unset __minipkgs_options
