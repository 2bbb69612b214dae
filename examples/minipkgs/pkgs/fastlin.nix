# A provider of linear algebra, with integers of two widths.
{ stdenv, blas64 ? false }:
stdenv.mkDerivation {
  pname = "fastlin";
  version = "1.0";
  dontUnpack = true;
  inherit blas64;

  buildPhase = ''
    cat > fastlin.c <<'C'
    typedef ${if blas64 then "long" else "int"} lin_int;
    double lin_dot(const lin_int *n, const double *x, const double *y)
    {
        double sum = 0;
        for (lin_int i = 0; i < *n; i++)
            sum += x[i] * y[i];
        return sum;
    }
    C
    gcc -O2 -Wall -Wextra -Werror -fPIC -shared -o liblin.so fastlin.c
  '';
  installPhase = ''mkdir -p "$out/lib" && cp liblin.so "$out/lib/"'';
}
