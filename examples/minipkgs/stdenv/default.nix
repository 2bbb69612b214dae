# The bottom of the set: the host's tools and compiler as derivations, a bash,
# and stdenv, a derivation of its own whose $out/setup runs the phases.
{ lib, self, platform }:
let
  inherit (platform) system;
  inherit (self) config;

  # The GCC this set is declared for. A pure evaluation cannot ask the host, so
  # cc's builder does, and fails if the host's is older.
  gccVersion = "12.2.0";

  # Everything below is built by the host's bash and sees the host's tools.
  bootstrap =
    name: script: attrs:
    derivation (
      {
        inherit name system;
        builder = "/bin/bash";
        args = [ "-e" script ];
        PATH = "/usr/local/bin:/usr/bin:/bin";
        preferLocalBuild = true;
        allowSubstitutes = false;
      }
      // attrs
    );
  package = drv: meta: drv // { outputSpecified = false; } // meta;

  hostTools = package (bootstrap "host-tools" ./host-tools.sh {
    required = import ./tools.nix;
    optional = [ "bzip2" "file" "gawk" "hostname" "patch" "pgrep" "ps" "which" "xz" ];
  }) { pname = "host-tools"; };

  bash = package (bootstrap "bash-host" ./bash.sh { tools = hostTools; }) {
    pname = "bash";
    shellPath = "/bin/bash";
    meta.mainProgram = "bash";
  };

  cc = package (bootstrap "gcc-wrapper-${gccVersion}" ./cc.sh {
    inherit gccVersion;
    shell = "${bash}/bin/bash";
    coreutils = hostTools;
    wrapper = ./cc-wrapper.sh;
    setupHook = ./cc-setup-hook.sh;
    # Set for the whole set only by localSystem.gcc: see README.md.
    defaultFlags = lib.concatStringsSep " " (
      lib.optional (platform ? gcc.arch) "-march=${platform.gcc.arch}"
      ++ lib.optional (platform ? gcc.tune) "-mtune=${platform.gcc.tune}"
    );
  }) {
    pname = "gcc-wrapper";
    version = gccVersion;
    isGNU = true;
    isClang = false;
    targetPrefix = "";
    cc = {
      pname = "gcc";
      name = "gcc-${gccVersion}";
      version = gccVersion;
      isGNU = true;
    };
  };

  makeStdenv =
    name: compilers:
    let
      drv = bootstrap name ./builder.sh {
        setup = ./setup.sh;
        shell = "${bash}/bin/bash";
        initialPath = [ hostTools bash ];
        defaultNativeBuildInputs = compilers;
      };
      stdenv = drv // {
        inherit cc;
        shell = "${bash}/bin/bash";
        initialPath = [ hostTools bash ];
        hostPlatform = platform;
        buildPlatform = platform;
        targetPlatform = platform;
        inherit (platform) isx86_64 isAarch64 isLinux;
        inherit (platform) system;
        mkDerivation = import ./make-derivation.nix { inherit lib config stdenv; };
        override = _: throw "minipkgs: stdenv cannot be overridden; use an overlay";
      };
    in
    stdenv;
in
{
  inherit hostTools bash;
  bashInteractive = bash;
  coreutils = hostTools;
  runtimeShell = "${bash}/bin/bash";

  stdenv = makeStdenv "stdenv-linux" [ cc ];
  stdenvNoCC = makeStdenv "stdenv-linux-no-cc" [ ];
  gcc = cc;
  gfortran = cc;
}
