# The oldest Nix that can evaluate this set.
"2.3"
