# A program that is told a kind of SIMD in a way of its own, and takes a variant of a
# library under a name that is not the library's.
{ stdenv, fft, simd ? null }:
stdenv.mkDerivation {
  pname = "mdsim";
  version = "1.0";
  dontUnpack = true;
  buildInputs = [ fft ];
  SIMD = if simd == null then "SSE2" else simd;

  buildPhase = ''
    cat > mdsim.c <<'C'
    #include <stdio.h>
    void fft_first(int n, const float *in, float *out);
    int main(void)
    {
        const float in[] = {1, 2, 3};
        float out;
        fft_first(3, in, &out);
        return printf("simd %s, sum %g\n", SIMD, (double)out) < 0;
    }
    C
    gcc -O2 -Wall -Wextra -Werror "-DSIMD=\"$SIMD\"" -o mdsim mdsim.c -lfft
  '';
  installPhase = ''mkdir -p "$out/bin" && cp mdsim "$out/bin/"'';
}
