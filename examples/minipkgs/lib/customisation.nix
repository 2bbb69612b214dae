# callPackage, override, and what they keep of a function's declared arguments.
{ lib }:
rec {
  isFunction = f: builtins.isFunction f || (f ? __functor && isFunction (f.__functor f));

  functionArgs = f: if f ? __functor then f.__functionArgs or (functionArgs (f.__functor f)) else builtins.functionArgs f;

  # A function that says which arguments it takes, though it is written `args: …`.
  setFunctionArgs = f: args: {
    __functor = _: f;
    __functionArgs = args;
  };

  mirrorFunctionArgs = f: let args = functionArgs f; in g: setFunctionArgs g args;

  # The result of `f args`, with `override`: the same with other arguments.
  # `override.__functionArgs` are the arguments of f, so that a caller can
  # pass just those it takes.
  makeOverridable =
    f:
    let
      mirror = mirrorFunctionArgs f;
      result =
        args:
        let
          made = f args;
          change = new: args // (if isFunction new then new args else new);
          override = mirror (new: makeOverridable f (change new));
        in
        if builtins.isAttrs made then
          made
          // {
            inherit override;
            overrideDerivation = _: throw "overrideDerivation is not part of this set: use overrideAttrs";
          }
          // lib.optionalAttrs (made ? overrideAttrs) {
            # Keeps override on what overrideAttrs makes, in whichever order.
            overrideAttrs = g: makeOverridable (mirror (a: (f a).overrideAttrs g)) args;
          }
        else if isFunction made then
          setFunctionArgs made (functionArgs made) // { inherit override; }
        else
          made;
    in
    mirror result;

  # Call a file's function with what it asks for, taken from `scope`.
  callPackageWith =
    scope: fileOrFunction: args:
    let
      f = if isFunction fileOrFunction then fileOrFunction else import fileOrFunction;
      wanted = functionArgs f;
      found = builtins.intersectAttrs wanted scope // args;
      missing = builtins.filter (name: !wanted.${name} && !(found ? ${name})) (builtins.attrNames wanted);
    in
    if missing == [ ] then
      makeOverridable f found
    else
      throw "callPackage: no `${builtins.head missing}' in the set, asked for by ${
        if isFunction fileOrFunction then "a function" else toString fileOrFunction
      }";

  # A set of packages that find each other before they find those outside.
  makeScope =
    newScope: f:
    let
      self = f self // {
        callPackage = self.newScope { };
        newScope = extra: newScope (self // extra);
        overrideScope = overlay: makeScope newScope (lib.extends overlay f);
        packages = f;
      };
    in
    self;
}
