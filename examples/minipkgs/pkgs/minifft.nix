# A library in two precisions, each a build of its own.
{ stdenv, precision ? "double" }:
stdenv.mkDerivation {
  pname = "minifft-${precision}";
  version = "1.0";
  dontUnpack = true;

  buildPhase = ''
    cat > minifft.c <<'C'
    typedef ${if precision == "single" then "float" else "double"} real;
    /* The term of frequency 0: the sum. */
    void fft_first(int n, const real *in, real *out)
    {
        *out = 0;
        for (int i = 0; i < n; i++)
            *out += in[i];
    }
    C
    gcc -O2 -Wall -Wextra -Werror -fPIC -shared -Wl,-soname,libfft.so -o libfft.so minifft.c
  '';
  installPhase = ''mkdir -p "$out/lib" && cp libfft.so "$out/lib/"'';
}
