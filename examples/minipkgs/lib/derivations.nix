{ lib }:
{
  # A derivation with more attributes, on each of its outputs too; its paths
  # can be had only if `condition` holds (a check that throws).
  extendDerivation =
    condition: extra: drv:
    let
      guarded = d: {
        outPath = assert condition; d.outPath;
        drvPath = assert condition; d.drvPath;
      };
      outputs = lib.genAttrs drv.outputs (
        name: common // guarded drv.${name} // { outputName = name; outputSpecified = true; }
      );
      common = drv // outputs // { all = map (name: outputs.${name}) drv.outputs; } // extra;
    in
    common // guarded drv;
}
