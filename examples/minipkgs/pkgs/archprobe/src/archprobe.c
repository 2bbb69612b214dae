/* archprobe: two lines about the flags this was compiled with.
 *
 *   arch-macros: sse3 ssse3 sse4_1 …
 *   level: x86-64-v3
 *
 * The text is put together by the preprocessor, and main is one write(2), so
 * that a build for a CPU that is not here can still say what it is. */
#include <unistd.h>

#ifdef __SSE3__
#define T_SSE3 " sse3"
#else
#define T_SSE3
#endif
#ifdef __SSSE3__
#define T_SSSE3 " ssse3"
#else
#define T_SSSE3
#endif
#ifdef __SSE4_1__
#define T_SSE4_1 " sse4_1"
#else
#define T_SSE4_1
#endif
#ifdef __SSE4_2__
#define T_SSE4_2 " sse4_2"
#else
#define T_SSE4_2
#endif
#ifdef __POPCNT__
#define T_POPCNT " popcnt"
#else
#define T_POPCNT
#endif
#ifdef __AES__
#define T_AES " aes"
#else
#define T_AES
#endif
#ifdef __AVX__
#define T_AVX " avx"
#else
#define T_AVX
#endif
#ifdef __F16C__
#define T_F16C " f16c"
#else
#define T_F16C
#endif
#ifdef __FMA__
#define T_FMA " fma"
#else
#define T_FMA
#endif
#ifdef __BMI2__
#define T_BMI2 " bmi2"
#else
#define T_BMI2
#endif
#ifdef __AVX2__
#define T_AVX2 " avx2"
#else
#define T_AVX2
#endif
#ifdef __SSE4A__
#define T_SSE4A " sse4a"
#else
#define T_SSE4A
#endif
#ifdef __CLZERO__
#define T_CLZERO " clzero"
#else
#define T_CLZERO
#endif
#ifdef __AVX512F__
#define T_AVX512F " avx512f"
#else
#define T_AVX512F
#endif
#ifdef __AVX512DQ__
#define T_AVX512DQ " avx512dq"
#else
#define T_AVX512DQ
#endif
#ifdef __AVX512VNNI__
#define T_AVX512VNNI " avx512_vnni"
#else
#define T_AVX512VNNI
#endif
#ifdef __AVX512BF16__
#define T_AVX512BF16 " avx512_bf16"
#else
#define T_AVX512BF16
#endif
#ifdef __AVX512FP16__
#define T_AVX512FP16 " avx512_fp16"
#else
#define T_AVX512FP16
#endif
#ifdef __AMX_TILE__
#define T_AMX " amx_tile"
#else
#define T_AMX
#endif

#if defined __AVX512F__ && defined __AVX512BW__ && defined __AVX512CD__ && defined __AVX512DQ__ && defined __AVX512VL__
#define LEVEL "x86-64-v4"
#elif defined __AVX2__ && defined __BMI__ && defined __BMI2__ && defined __F16C__ && defined __FMA__ && defined __LZCNT__ && defined __MOVBE__
#define LEVEL "x86-64-v3"
#elif defined __SSE4_2__ && defined __POPCNT__ && defined __SSSE3__
#define LEVEL "x86-64-v2"
#elif defined __x86_64__
#define LEVEL "x86-64"
#elif defined __aarch64__
#define LEVEL "aarch64"
#else
#define LEVEL "unknown"
#endif

static const char text[] = "arch-macros:" T_SSE3 T_SSSE3 T_SSE4_1 T_SSE4_2 T_POPCNT T_AES T_AVX T_F16C T_FMA T_BMI2
    T_AVX2 T_SSE4A T_CLZERO T_AVX512F T_AVX512DQ T_AVX512VNNI T_AVX512BF16 T_AVX512FP16 T_AMX "\nlevel: " LEVEL "\n";

int main(void)
{
    return write(1, text, sizeof text - 1) == (ssize_t)(sizeof text - 1) ? 0 : 1;
}
