# One line a package; each has a file of its own.
final: _:
let
  inherit (final) callPackage;
in
{
  archprobe = callPackage ./pkgs/archprobe { };
  failing = callPackage ./pkgs/failing.nix { };
  greedy = callPackage ./pkgs/greedy { };
  heat3d = callPackage ./pkgs/heat3d { };
  hello = callPackage ./pkgs/hello.nix { };
  ljmd = callPackage ./pkgs/ljmd { };
  minilinalg = callPackage ./pkgs/minilinalg { };
  mpiprobe = callPackage ./pkgs/mpiprobe { };
  nonfree-demo = callPackage ./pkgs/nonfree-demo.nix { };
  openmpi = callPackage ./pkgs/openmpi.nix { };
  rhf = callPackage ./pkgs/rhf { };

  # A set within the set, as python3Packages is one: for names with a dot.
  chem = {
    recurseForDerivations = true;
    inherit (final) rhf minilinalg;
  };
}
