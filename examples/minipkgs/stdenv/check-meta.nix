# Refuses what the configuration does not allow: true, or an error that names
# the package and the way out.
{ lib, config, stdenv }:
{ name, meta }:
let
  free = builtins.all (l: l.free or true) (lib.toList (meta.license or [ ]));
  licences = lib.concatMapStringsSep ", " (l: l.shortName or "unknown") (lib.toList meta.license);
  unfreeAllowed = config.allowUnfree || (config.allowUnfreePredicate or (_: false)) { inherit name meta; };
  platforms = meta.platforms or [ stdenv.system ];
  refuse = reason: option: throw "package ‘${name}’ ${reason}, refusing to evaluate; config = { ${option} = true; } allows it";
in
if !free && !unfreeAllowed then
  refuse "has an unfree license (‘${licences}’)" "allowUnfree"
else if (meta.knownVulnerabilities or [ ]) != [ ] && !(builtins.elem name (config.permittedInsecurePackages or [ ])) then
  throw "package ‘${name}’ is marked as insecure (${builtins.concatStringsSep "; " meta.knownVulnerabilities}), refusing to evaluate; config = { permittedInsecurePackages = [ \"${name}\" ]; } allows it"
else if meta.broken or false && !(config.allowBroken or false) then
  refuse "is marked as broken" "allowBroken"
else if !(builtins.elem stdenv.system platforms) && !(config.allowUnsupportedSystem or false) then
  refuse "is not available on ${stdenv.system}" "allowUnsupportedSystem"
else
  true
