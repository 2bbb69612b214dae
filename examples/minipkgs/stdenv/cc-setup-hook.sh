# shellcheck shell=bash
# Headers and libraries of every input reach the compiler by flags; an input's
# lib directory goes into the run path, so that programs find it in the store.
ccWrapper_addFlags() {
    if [ -d "$1/include" ]; then
        export NIX_CFLAGS_COMPILE="${NIX_CFLAGS_COMPILE-} -isystem $1/include"
    fi
    if [ -d "$1/lib" ]; then
        export NIX_LDFLAGS="${NIX_LDFLAGS-} -L$1/lib -rpath $1/lib"
    fi
}
addEnvHooks 0 ccWrapper_addFlags

export CC=gcc CXX=g++ FC=gfortran AR=ar RANLIB=ranlib STRIP=strip
