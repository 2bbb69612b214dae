# GCC's -march names: what each can do, in nixpkgs' short words, and which of
# the others' code it can run. Unlike nixpkgs' hand-written graph, `inferiors`
# follows from what GCC turns on for each name (`gcc -march=NAME -dM -E`), by
# the table below; so cascadelake does not list cannonlake here.
{ lib }:
let
  # What a name adds to the ones it is built on.
  v1 = [ ];
  v2 = [ "sse3" "ssse3" "sse4_1" "sse4_2" ];
  v3 = v2 ++ [ "avx" "avx2" "fma" ];
  v4 = v3 ++ [ "avx512" ];
  intel = v2 ++ [ "aes" ];
  avx = intel ++ [ "avx" ];
  avx2 = avx ++ [ "avx2" "fma" ];
  avx512 = avx2 ++ [ "avx512" ];
  zen = avx2 ++ [ "sse4_a" ];
in
rec {
  features = {
    "x86-64" = v1;
    "x86-64-v2" = v2;
    "x86-64-v3" = v3;
    "x86-64-v4" = v4;
    nehalem = v2;
    westmere = intel;
    silvermont = intel;
    sandybridge = avx;
    ivybridge = avx;
    haswell = avx2;
    broadwell = avx2;
    skylake = avx2;
    alderlake = avx2;
    skylake-avx512 = avx512;
    cannonlake = avx512;
    icelake-client = avx512;
    icelake-server = avx512;
    cascadelake = avx512;
    cooperlake = avx512;
    tigerlake = avx512;
    sapphirerapids = avx512;
    btver1 = [ "sse3" "ssse3" "sse4_a" ];
    btver2 = avx ++ [ "sse4_a" ];
    bdver1 = avx ++ [ "sse4_a" "fma4" ];
    bdver2 = avx ++ [ "sse4_a" "fma" "fma4" ];
    bdver3 = avx ++ [ "sse4_a" "fma" "fma4" ];
    bdver4 = avx2 ++ [ "sse4_a" "fma4" ];
    znver1 = zen;
    znver2 = zen;
    znver3 = zen;
    znver4 = zen ++ [ "avx512" ];
    armv8-a = [ ];
  };

  # name: the nearest ones below it; the rest follows.
  parents = {
    "x86-64-v2" = [ "x86-64" ];
    "x86-64-v3" = [ "x86-64-v2" ];
    "x86-64-v4" = [ "x86-64-v3" ];
    nehalem = [ "x86-64-v2" ];
    westmere = [ "nehalem" ];
    silvermont = [ "westmere" ];
    sandybridge = [ "westmere" ];
    ivybridge = [ "sandybridge" ];
    haswell = [ "ivybridge" "x86-64-v3" ];
    broadwell = [ "haswell" ];
    skylake = [ "broadwell" ];
    alderlake = [ "skylake" ];
    skylake-avx512 = [ "skylake" "x86-64-v4" ];
    cascadelake = [ "skylake-avx512" ];
    cooperlake = [ "cascadelake" ];
    cannonlake = [ "skylake" "x86-64-v4" ];
    icelake-client = [ "cannonlake" ];
    icelake-server = [ "icelake-client" "cascadelake" ];
    tigerlake = [ "icelake-client" "cascadelake" ];
    sapphirerapids = [ "icelake-server" "cooperlake" ];
    btver1 = [ "x86-64" ];
    btver2 = [ "btver1" "x86-64-v2" ];
    bdver1 = [ "x86-64-v2" ];
    bdver2 = [ "bdver1" ];
    bdver3 = [ "bdver2" ];
    bdver4 = [ "bdver3" ];
    znver1 = [ "haswell" ];
    znver2 = [ "znver1" ];
    znver3 = [ "znver2" ];
    znver4 = [ "znver3" "x86-64-v4" ];
  };

  inferiors = builtins.mapAttrs (
    name: _:
    let direct = parents.${name} or [ ];
    in lib.unique (direct ++ builtins.concatMap (p: inferiors.${p}) direct)
  ) features;

  hasInferior = arch: other: builtins.elem other (inferiors.${arch} or [ ]);

  # Can a machine of the first name run code made for the second?
  canExecute = arch: other: arch == other || hasInferior arch other;

  # A name the table does not know can do nothing, without a word: as in nixpkgs.
  predicates =
    let
      can = feature: arch: builtins.elem feature (features.${arch} or [ ]);
    in
    {
      sse3Support = can "sse3";
      ssse3Support = can "ssse3";
      sse4_1Support = can "sse4_1";
      sse4_2Support = can "sse4_2";
      sse4_aSupport = can "sse4_a";
      avxSupport = can "avx";
      avx2Support = can "avx2";
      avx512Support = can "avx512";
      aesSupport = can "aes";
      fmaSupport = can "fma";
      fma4Support = can "fma4";
    };
}
