# shellcheck shell=bash
# Published energies, and refusals. Usage: bash check.sh PATH-OF-RHF
#
# water     Crawford group, Programming Projects, Project 3 (STO-3G water)
# hydrogen  textbook case, R = 1.4 bohr (Szabo and Ostlund, Modern Quantum Chemistry, 3.5.2: -1.1167)
# LiH       1.5 angstrom, PySCF, in MindQuantum's tutorial "VQE Application in Quantum Chemistry Computing"
# methane   Crawford group, Project 3, made with other last digits of carbon's exponents (its (11|11) is
#           3.541948297688456, with these 3.541948133222506): so to 2e-8 only
set -u
rhf=$1
tests=$(dirname "$0")/tests
failed=0

energy() {
    local name=$1 expected=$2 tolerance=$3 got
    got=$("$rhf" "$tests/$name.xyz" sto-3g | sed -n 's/^energy  *\([^ ]*\) hartree$/\1/p')
    if awk -v a="$got" -v b="$expected" -v t="$tolerance" 'BEGIN { d = a - b; exit !(a != "" && d <= t && -d <= t) }'; then
        echo "ok      $name $got"
    else
        echo "FAILED  $name: energy '$got', published $expected"
        failed=1
    fi
}

refused() {
    local status=$1 message=$2 output
    shift 2
    output=$("$rhf" "$@" 2>&1 >/dev/null)
    local got=$?
    if [ "$got" = "$status" ] && [[ $output == *"$message"* ]]; then
        echo "ok      refused: $message"
    else
        echo "FAILED  expected exit $status and '$message', got exit $got and '$output'"
        failed=1
    fi
}

energy water -74.942079928192 1e-10
energy h2 -1.116714325063 1e-10
energy lih -7.863357621535 1e-10
energy ch4 -39.726850324347 2e-8

refused 1 "not converged after 2 iterations" --iterations 2 "$tests/water.xyz" sto-3g
refused 2 "9 electrons: restricted Hartree-Fock needs an even number" --charge 1 "$tests/water.xyz" sto-3g
refused 2 "unknown basis cc-pvdz" "$tests/water.xyz" cc-pvdz
refused 2 "cannot read" "$tests/missing.xyz" sto-3g
exit $failed
