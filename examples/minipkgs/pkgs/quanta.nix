# A program that wants wide integers of its linear algebra.
{ stdenv, blas, lapack }:
assert blas.isILP64 && lapack.isILP64;
stdenv.mkDerivation {
  pname = "quanta";
  version = "1.0";
  dontUnpack = true;
  buildInputs = [ blas lapack ];

  buildPhase = ''
    cat > quanta.c <<'C'
    #include <stdio.h>
    double lin_dot(const long *n, const double *x, const double *y);
    int main(void)
    {
        const double x[] = {1, 2, 3};
        const long n = 3;
        return printf("dot %g\n", lin_dot(&n, x, x)) < 0;
    }
    C
    gcc -O2 -Wall -Wextra -Werror -o quanta quanta.c -lblas
  '';
  installPhase = ''mkdir -p "$out/bin" && cp quanta "$out/bin/"'';
}
