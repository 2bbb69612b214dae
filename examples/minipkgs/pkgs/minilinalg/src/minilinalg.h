/* minilinalg: dense linear algebra on row-major matrices of doubles.
 *
 * Nothing here starts threads or keeps state, and the order of every sum is
 * fixed: equal input gives equal bytes, in one and the same build. */
#ifndef MINILINALG_H
#define MINILINALG_H

#include <stddef.h>

/* c (n x m) = a (n x k) b (k x m). c must not overlap a or b. */
void ml_matmul(size_t n, size_t k, size_t m, const double *a, const double *b, double *c);

/* c (k x m) = transpose of a (n x k), times b (n x m). c must not overlap a or b. */
void ml_matmul_tn(size_t n, size_t k, size_t m, const double *a, const double *b, double *c);

/* The sum of the elementwise products of two arrays. */
double ml_dot(size_t n, const double *a, const double *b);

/* Eigenvalues, ascending, and eigenvectors (the columns of v) of the symmetric
 * n x n matrix a, which is destroyed. Cyclic Jacobi rotations. Returns 0, or
 * -1 without memory or without convergence (never seen for finite input). */
int ml_eigh(size_t n, double *a, double *values, double *v);

/* Solves the n x n system a x = b in place (b becomes x, a is destroyed), by
 * Gaussian elimination with partial pivoting. Returns -1 if a is singular. */
int ml_solve(size_t n, double *a, double *b);

/* What the library was compiled for: ML_TARGET, as the library saw it. */
const char *ml_target(void);

/* What the file that includes this is compiled for, by predefined macros. */
#if defined __AVX512F__ && defined __AVX512BW__ && defined __AVX512CD__ && defined __AVX512DQ__ && defined __AVX512VL__
#define ML_TARGET "x86-64-v4"
#elif defined __AVX2__ && defined __BMI2__ && defined __FMA__ && defined __F16C__ && defined __LZCNT__
#define ML_TARGET "x86-64-v3"
#elif defined __SSE4_2__ && defined __SSSE3__ && defined __POPCNT__
#define ML_TARGET "x86-64-v2"
#elif defined __x86_64__
#define ML_TARGET "x86-64"
#elif defined __aarch64__
#define ML_TARGET "aarch64"
#else
#define ML_TARGET "unknown"
#endif

#endif
