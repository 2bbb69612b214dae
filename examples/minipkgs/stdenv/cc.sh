# shellcheck shell=bash disable=SC2154
# Wrappers around the host's compilers, once the host's GCC is new enough.
have=$(gcc -dumpfullversion 2>/dev/null || true)
if [ -z "$have" ]; then
    echo "gcc-wrapper: this host has no gcc (on Debian: apt-get install gcc)" >&2
    exit 1
fi
major_minor() { local IFS=. parts; read -ra parts <<<"$1"; printf '%d' $((parts[0] * 1000 + ${parts[1]:-0})); }
if [ "$(major_minor "$have")" -lt "$(major_minor "$gccVersion")" ]; then
    echo "gcc-wrapper: this host's gcc is $have, and minipkgs declares $gccVersion (stdenv/default.nix)" >&2
    exit 1
fi

mkdir -p "$out/bin" "$out/nix-support"
for name in gcc g++ gfortran; do
    sed -e "s|@shell@|$shell|" -e "s|@name@|$name|g" -e "s|@coreutils@|$coreutils|" \
        -e "s|@defaultFlags@|$defaultFlags|" "$wrapper" >"$out/bin/$name"
    chmod 0555 "$out/bin/$name"
done
ln -s gcc "$out/bin/cc"
ln -s g++ "$out/bin/c++"
for name in ar as ld nm objcopy objdump ranlib readelf size strings strip; do
    if path=$(type -P "$name"); then
        ln -s "$path" "$out/bin/$name"
    fi
done
cp "$setupHook" "$out/nix-support/setup-hook"
