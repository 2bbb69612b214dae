# A stand-in for NixOS-QChem, which works the same way: an overlay reads an
# arch from the configuration and puts optimised copies of some packages into a
# set of their own, where they find each other. All else stays as it was.
#
#   config.qchem-config.optArch   a GCC -march name; null or missing: no flags
#   config.qchem-config.prefix    name of the set, qchem if missing
final: prev:
let
  inherit (prev) lib;
  settings = { optArch = null; prefix = "qchem"; } // prev.config.qchem-config or { };
  arch = settings.optArch;
  self = final.${settings.prefix};

  # GCC takes no -mtune for the levels: each is tuned as the CPU that brought it.
  tune = {
    "x86-64" = "generic";
    "x86-64-v2" = "nehalem";
    "x86-64-v3" = "haswell";
    "x86-64-v4" = "skylake-avx512";
  }.${arch} or arch;
  flags = "-march=${arch} -mtune=${tune}";

  addFlags =
    old:
    if old ? NIX_CFLAGS_COMPILE then
      { NIX_CFLAGS_COMPILE = "${toString old.NIX_CFLAGS_COMPILE} ${flags}"; }
    else
      { env = old.env or { } // { NIX_CFLAGS_COMPILE = toString (lib.toList (old.env.NIX_CFLAGS_COMPILE or [ ]) ++ [ flags ]); }; };

  # What the packages below are built with: the same stdenv, flags added, and
  # a platform that answers avx2Support and the like for the arch.
  optimisedStdenv = final.stdenv // {
    hostPlatform = final.stdenv.hostPlatform // builtins.mapAttrs (_: can: can arch) lib.systems.architectures.predicates;
    mkDerivation = args: (final.stdenv.mkDerivation args).overrideAttrs addFlags;
  };

  # A package again, with those of its inputs that have an optimised copy
  # replaced by it: override says which inputs it has.
  optimise =
    pkg:
    pkg.override (
      builtins.intersectAttrs pkg.override.__functionArgs (
        builtins.intersectAttrs names self // lib.optionalAttrs (arch != null) { stdenv = optimisedStdenv; }
      )
    );

  names = lib.genAttrs [ "archprobe" "minilinalg" "rhf" ] (_: null);
in
{
  ${settings.prefix} = builtins.mapAttrs (name: _: optimise prev.${name}) names // { pkgs = final; };
}
