# Recursive sets, and overlays on them.
rec {
  fix = f: let x = f x; in x;

  # Apply one overlay (final: prev: …) to a function whose fixed point is a set.
  extends = overlay: f: final: let prev = f final; in prev // overlay final prev;

  # Two overlays as one: the second sees what the first made.
  composeExtensions =
    first: second: final: prev:
    let
      one = first final prev;
    in
    one // second final (prev // one);

  composeManyExtensions = builtins.foldl' composeExtensions (_: _: { });
}
