# One line a package; each has a file of its own.
final: _:
let
  inherit (final) callPackage;
in
{
  archprobe = callPackage ./pkgs/archprobe { };
  blas = callPackage ./pkgs/blas.nix { };
  blas-ilp64 = final.blas.override { isILP64 = true; };
  broken-demo = callPackage ./pkgs/broken-demo.nix { };
  failing = callPackage ./pkgs/failing.nix { };
  fastlin = callPackage ./pkgs/fastlin.nix { };
  greedy = callPackage ./pkgs/greedy { };
  heat3d = callPackage ./pkgs/heat3d { };
  hello = callPackage ./pkgs/hello.nix { };
  insecure-demo = callPackage ./pkgs/insecure-demo.nix { };
  lapack = callPackage ./pkgs/lapack.nix { };
  lapack-ilp64 = final.lapack.override { isILP64 = true; };
  ljmd = callPackage ./pkgs/ljmd { };
  mdsim = callPackage ./pkgs/mdsim.nix { fft = final.minifftSingle; };
  minifft = callPackage ./pkgs/minifft.nix { };
  minifftSingle = final.minifft.override { precision = "single"; };
  minilinalg = callPackage ./pkgs/minilinalg { };
  mpiprobe = callPackage ./pkgs/mpiprobe { };
  nonfree-demo = callPackage ./pkgs/nonfree-demo.nix { };
  openmpi = callPackage ./pkgs/openmpi.nix { };
  quanta = callPackage ./pkgs/quanta.nix { blas = final.blas-ilp64; lapack = final.lapack-ilp64; };
  rhf = callPackage ./pkgs/rhf { };
  unsupported-demo = callPackage ./pkgs/unsupported-demo.nix { };

  # An interpreter, and its packages.
  pythonPackagesExtensions = [ ];
  python31 = callPackage ./pkgs/python { self = final.python31; };
  python3 = final.python31;
  python31Packages = final.python31.pkgs;
  python3Packages = final.python31Packages;

  # A set within the set, as python3Packages is one: for names with a dot.
  chem = {
    recurseForDerivations = true;
    inherit (final) rhf minilinalg;
  };
}
