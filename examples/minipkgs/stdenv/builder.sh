# shellcheck shell=bash disable=SC2154
# Writes $out/setup: what this stdenv is made of, then setup.sh.
mkdir -p "$out"
{
    echo "export SHELL=$shell"
    echo "initialPath=\"$initialPath\""
    echo "defaultNativeBuildInputs=\"$defaultNativeBuildInputs\""
    cat "$setup"
} >"$out/setup"
