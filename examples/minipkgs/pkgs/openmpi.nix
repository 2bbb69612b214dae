# The host's Open MPI under its own names, as the compilers are: Debian's
# openmpi-bin and libopenmpi-dev.
{ stdenv }:
stdenv.mkDerivation {
  pname = "openmpi-host";
  version = "4";
  tools = [ "mpicc" "mpifort" "mpirun" "mpiexec" "ompi_info" "orted" "orterun" ];
  buildCommand = ''
    mkdir -p "$out/bin"
    for tool in $tools; do
      if [ ! -x "/usr/bin/$tool" ]; then
        case $tool in
        mpifort) continue ;;
        esac
        echo "openmpi: this host has no /usr/bin/$tool (on Debian: apt-get install openmpi-bin libopenmpi-dev)" >&2
        exit 1
      fi
      ln -s "/usr/bin/$tool" "$out/bin/$tool"
    done
  '';
}
