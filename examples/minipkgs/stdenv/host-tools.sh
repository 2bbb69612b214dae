# shellcheck shell=bash disable=SC2154
# Links to the host's own tools. Links, not copies: they are the host's, need
# the host's libraries, and no result of this set keeps more than their names.
mkdir -p "$out/bin"

find_tool() {
    local dir
    for dir in /usr/bin /bin; do
        if [ -x "$dir/$1" ]; then
            echo "$dir/$1"
            return
        fi
    done
    return 1
}

for tool in $required; do
    if ! path=$(find_tool "$tool"); then
        echo "host-tools: this host has no $tool in /usr/bin or /bin" >&2
        exit 1
    fi
    ln -s "$path" "$out/bin/$tool"
done

for tool in $optional; do
    if path=$(find_tool "$tool"); then
        ln -s "$path" "$out/bin/$tool"
    fi
done
