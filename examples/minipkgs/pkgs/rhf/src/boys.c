/* The Boys function, F_m(T) = integral of u^2m exp(-T u^2), u from 0 to 1.
 *
 * For T >= 1: F_0 is an error function, and upward recursion is stable. For
 * T < 1: a polynomial for the highest order, and downward recursion. Both are
 * computed for LANES values at once and one is taken, with no branch and no
 * table look-up, so that the loops become vector code. The polynomials are
 * fitted at the start, in extended precision. */
#include "rhf.h"

#include <math.h>

enum { SMALL_TERMS = 13, ERFC_TERMS = 21, EXP_TERMS = 14, SQUARINGS = 6 };

static const double t_end = 40; /* beyond, exp(-T) is below 1e-17 */

static double small_fit[BOYS_TOP + 1][SMALL_TERMS]; /* F_m, in 2T - 1, T from 0 to 1 */
static double erfc_fit[ERFC_TERMS];                 /* erfc(x) exp(x^2), in z(x), x from 0 to 6.4 */
static double exp_fit[EXP_TERMS];                   /* exp(-y), y from 0 to 40/64 */

/* z(x) = STRETCH / (1 + x) - SHIFT takes 0 … sqrt(40) to 1 … -1. */
#define X_END 6.3245553203367587
#define STRETCH (2 * (1 + X_END) / X_END)
#define SHIFT (STRETCH - 1)

static long double boys_series(int m, long double t)
{
    long double term = 1.0L / (2 * m + 1), sum = term;
    for (int i = 1; term > sum * 1e-20L; i++) {
        term *= 2 * t / (2 * (m + i) + 1);
        sum += term;
    }
    return expl(-t) * sum;
}

static long double small_target(int m, long double z) { return boys_series(m, (z + 1) / 2); }
static long double exp_target(int m, long double z) { (void)m; return expl(-(z + 1) / 2 * 40 / 64); }
static long double erfc_target(int m, long double z)
{
    long double x = STRETCH / (z + SHIFT) - 1;
    (void)m;
    return erfcl(x) * expl(x * x);
}

/* Coefficients, by powers of z, of the polynomial that meets the target at the
 * Chebyshev points of -1 … 1. */
static void fit(long double (*target)(int, long double), int m, int terms, double *result)
{
    const long double pi = acosl(-1);
    long double before[32] = {1}, now[32] = {0, 1}, power[32] = {0}; /* T_(k-1), T_k, the sum */

    for (int k = 0; k < terms; k++) {
        long double c = 0;
        for (int j = 0; j < terms; j++) {
            long double angle = pi * (j + 0.5L) / terms;
            c += target(m, cosl(angle)) * cosl(k * angle);
        }
        c *= (k ? 2.0L : 1.0L) / terms;
        for (int i = 0; i < terms; i++)
            power[i] += c * before[i];
        for (int i = terms - 1; i >= 0; i--) {
            long double next = (i ? 2 * now[i - 1] : 0) - before[i];
            before[i] = now[i];
            now[i] = next;
        }
    }
    for (int i = 0; i < terms; i++)
        result[i] = (double)power[i];
}

void boys_init(void)
{
    for (int m = 0; m <= BOYS_TOP; m++)
        fit(small_target, m, SMALL_TERMS, small_fit[m]);
    fit(erfc_target, 0, ERFC_TERMS, erfc_fit);
    fit(exp_target, 0, EXP_TERMS, exp_fit);
}

static inline __attribute__((always_inline)) double horner(int terms, const double *c, double z)
{
    double sum = c[terms - 1];
#pragma GCC unroll 32
    for (int i = terms - 2; i >= 0; i--)
        sum = sum * z + c[i];
    return sum;
}

/* exp(-t), 0 <= t <= 40: exp(-t/64), squared six times. */
static inline __attribute__((always_inline)) double exp_minus(double t)
{
    double e = horner(EXP_TERMS, exp_fit, t * (2 / 40.0) - 1);
#pragma GCC unroll 8
    for (int i = 0; i < SQUARINGS; i++)
        e *= e;
    return e;
}

static inline __attribute__((always_inline)) void lanes(const int top, const double *restrict t, double f[restrict][LANES])
{
#pragma omp simd
    for (int v = 0; v < LANES; v++) {
        double inside = t[v] < t_end ? t[v] : t_end;
        double e = exp_minus(inside), up[BOYS_TOP + 1], down[BOYS_TOP + 1];

        double large = t[v] > 1 ? t[v] : 1, x = sqrt(large), near = x < X_END ? x : X_END;
        double inverse = 1 / (x * (1 + near)), over_x = inverse * (1 + near), half = 0.5 * over_x * over_x;
        double erfc = e * horner(ERFC_TERMS, erfc_fit, STRETCH * inverse * x - SHIFT);
        up[0] = 0.88622692545275801 * (1 - erfc) * over_x; /* sqrt(pi) / 2 */
#pragma GCC unroll 8
        for (int m = 0; m < top; m++)
            up[m + 1] = ((2 * m + 1) * up[m] - e) * half;

        double small = t[v] < 1 ? t[v] : 1;
        down[top] = horner(SMALL_TERMS, small_fit[top], 2 * small - 1);
#pragma GCC unroll 8
        for (int m = top - 1; m >= 0; m--)
            down[m] = (2 * small * down[m + 1] + e) * (1.0 / (2 * m + 1));

#pragma GCC unroll 8
        for (int m = 0; m <= top; m++)
            f[m][v] = t[v] < 1 ? down[m] : up[m];
    }
}

void boys_lanes(int top, const double *t, double f[][LANES])
{
    switch (top) {
    case 0: lanes(0, t, f); break;
    case 1: lanes(1, t, f); break;
    case 2: lanes(2, t, f); break;
    case 3: lanes(3, t, f); break;
    default: lanes(4, t, f); break;
    }
}
