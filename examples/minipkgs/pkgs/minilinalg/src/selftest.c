/* Products against a plain triple loop; eigenvectors and a linear solution
 * against what defines them. */
#include "minilinalg.h"

#include <math.h>
#include <stdio.h>

enum { N = 13, K = 7, M = 9 };

static double a[N * K], b[K * M], c[N * M], s[N * N], kept[N * N], values[N], v[N * N], x[N], rhs[N];

static double noise(void) /* a fixed sequence in [-1, 1) */
{
    static unsigned state = 12345;
    state = state * 1664525u + 1013904223u;
    return (double)(state >> 8) / (1 << 23) - 1;
}

static int check(const char *what, double error)
{
    printf("%-12s %.1e\n", what, error);
    return error < 1e-12 ? 0 : 1;
}

int main(void)
{
    double worst = 0;
    int failed = 0;

    for (int i = 0; i < N * K; i++)
        a[i] = noise();
    for (int i = 0; i < K * M; i++)
        b[i] = noise();
    ml_matmul(N, K, M, a, b, c);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M; j++) {
            double sum = 0;
            for (int l = 0; l < K; l++)
                sum += a[i * K + l] * b[l * M + j];
            worst = fmax(worst, fabs(sum - c[i * M + j]));
        }
    failed |= check("matmul", worst);

    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++)
            s[i * N + j] = s[j * N + i] = kept[i * N + j] = kept[j * N + i] = noise();
    if (ml_eigh(N, s, values, v))
        return 1;
    worst = 0;
    for (int e = 0; e < N; e++)
        for (int i = 0; i < N; i++) {
            double sum = -values[e] * v[i * N + e];
            for (int j = 0; j < N; j++)
                sum += kept[i * N + j] * v[j * N + e];
            worst = fmax(worst, fabs(sum));
            if (e && values[e] < values[e - 1])
                failed = 1;
        }
    failed |= check("eigh", worst);

    for (int i = 0; i < N; i++)
        x[i] = rhs[i] = noise();
    for (int i = 0; i < N * N; i++)
        s[i] = kept[i];
    if (ml_solve(N, s, x))
        return 1;
    worst = 0;
    for (int i = 0; i < N; i++)
        worst = fmax(worst, fabs(ml_dot(N, kept + i * N, x) - rhs[i]));
    failed |= check("solve", worst);
    return failed;
}
