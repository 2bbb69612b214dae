# shellcheck shell=bash
# Modules of every input are found, and a build is refused that would see two copies
# of one of them.
minipython_addPath() { addToSearchPath PYTHONPATH "$1/lib/python"; }
addEnvHooks 0 minipython_addPath

minipython_catchConflicts() {
    local dir module name
    local -A seen
    local IFS=:
    for dir in ${PYTHONPATH-}; do
        for module in "$dir"/*; do
            name=${module##*/}
            if [ -n "${seen[$name]-}" ]; then
                echo "two copies of the module $name: ${seen[$name]} and $module" >&2
                exit 1
            fi
            seen[$name]=$module
        done
    done
}
