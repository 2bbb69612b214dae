{ lib }:
let
  architectures = import ./architectures.nix { inherit lib; };
in
{
  inherit architectures;

  # From { system, gcc ? {} } to what packages ask a platform.
  elaborate =
    arg:
    let
      args = if builtins.isString arg then { system = arg; } else arg;
      parts = builtins.match "([^-]+)-(.+)" args.system;
      cpu = if parts == null then throw "minipkgs: `${args.system}' is not a system such as x86_64-linux" else builtins.elemAt parts 0;
      os = builtins.elemAt parts 1;
      gcc = args.gcc or { };
      arch = gcc.arch or "";
    in
    args
    // {
      inherit gcc;
      config = "${cpu}-unknown-${os}-gnu";
      parsed = { cpu.name = cpu; kernel.name = os; };
      isx86_64 = cpu == "x86_64";
      isx86 = cpu == "x86_64" || cpu == "i686";
      isAarch64 = cpu == "aarch64";
      isLinux = os == "linux";
      is64bit = true;
    }
    // builtins.mapAttrs (_: can: can arch) architectures.predicates;
}
