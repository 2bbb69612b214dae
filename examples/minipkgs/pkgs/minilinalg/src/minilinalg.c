#include "minilinalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The inner loops run along rows of c and b, which a compiler vectorises
 * without having to reorder a sum. */
void ml_matmul(size_t n, size_t k, size_t m, const double *restrict a, const double *restrict b, double *restrict c)
{
    memset(c, 0, n * m * sizeof *c);
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < k; l++) {
            double f = a[i * k + l];
            const double *row = b + l * m;
            double *out = c + i * m;
            for (size_t j = 0; j < m; j++)
                out[j] += f * row[j];
        }
}

void ml_matmul_tn(size_t n, size_t k, size_t m, const double *restrict a, const double *restrict b, double *restrict c)
{
    memset(c, 0, k * m * sizeof *c);
    for (size_t l = 0; l < n; l++)
        for (size_t i = 0; i < k; i++) {
            double f = a[l * k + i];
            const double *row = b + l * m;
            double *out = c + i * m;
            for (size_t j = 0; j < m; j++)
                out[j] += f * row[j];
        }
}

double ml_dot(size_t n, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* x, y = c x - s y, s x + c y, elementwise. */
static void rotate(size_t n, double c, double s, double *restrict x, double *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        double p = x[i], q = y[i];
        x[i] = c * p - s * q;
        y[i] = s * p + c * q;
    }
}

/* Ascending eigenvalues; rows of w go with them. */
static void sort_rows(size_t n, double *values, double *w, double *row)
{
    for (size_t i = 0; i < n; i++) {
        size_t least = i;
        for (size_t j = i + 1; j < n; j++)
            if (values[j] < values[least])
                least = j;
        if (least == i)
            continue;
        double value = values[i];
        values[i] = values[least];
        values[least] = value;
        memcpy(row, w + i * n, n * sizeof *row);
        memcpy(w + i * n, w + least * n, n * sizeof *row);
        memcpy(w + least * n, row, n * sizeof *row);
    }
}

int ml_eigh(size_t n, double *a, double *values, double *v)
{
    double *w = calloc(n * n + n, sizeof *w); /* eigenvectors as rows, and one spare row */
    double norm = sqrt(ml_dot(n * n, a, a));
    double tiny = norm * 1e-16;
    int converged = 0;

    if (!w)
        return -1;
    for (size_t i = 0; i < n; i++)
        w[i * n + i] = 1;

    for (int sweep = 0; sweep < 60 && !converged; sweep++) {
        converged = 1;
        for (size_t p = 0; p + 1 < n; p++)
            for (size_t q = p + 1; q < n; q++) {
                double apq = a[p * n + q], app = a[p * n + p], aqq = a[q * n + q];
                if (fabs(apq) <= tiny)
                    continue;
                converged = 0;
                double theta = (aqq - app) / (2 * apq);
                double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
                double c = 1 / sqrt(t * t + 1), s = t * c;

                /* Rows, then columns; the 2 x 2 block is set from its exact form. */
                rotate(n, c, s, a + p * n, a + q * n);
                for (size_t i = 0; i < n; i++) {
                    a[i * n + p] = a[p * n + i];
                    a[i * n + q] = a[q * n + i];
                }
                a[p * n + p] = app - t * apq;
                a[q * n + q] = aqq + t * apq;
                a[p * n + q] = a[q * n + p] = 0;
                rotate(n, c, s, w + p * n, w + q * n);
            }
    }

    for (size_t i = 0; i < n; i++)
        values[i] = a[i * n + i];
    sort_rows(n, values, w, w + n * n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            v[j * n + i] = w[i * n + j];
    free(w);
    return converged ? 0 : -1;
}

int ml_solve(size_t n, double *a, double *b)
{
    for (size_t col = 0; col < n; col++) {
        size_t pivot = col;
        for (size_t row = col + 1; row < n; row++)
            if (fabs(a[row * n + col]) > fabs(a[pivot * n + col]))
                pivot = row;
        if (fabs(a[pivot * n + col]) < 1e-300)
            return -1;
        if (pivot != col) {
            for (size_t j = 0; j < n; j++) {
                double held = a[col * n + j];
                a[col * n + j] = a[pivot * n + j];
                a[pivot * n + j] = held;
            }
            double held = b[col];
            b[col] = b[pivot];
            b[pivot] = held;
        }
        for (size_t row = col + 1; row < n; row++) {
            double f = a[row * n + col] / a[col * n + col];
            for (size_t j = col; j < n; j++)
                a[row * n + j] -= f * a[col * n + j];
            b[row] -= f * b[col];
        }
    }
    for (size_t row = n; row-- > 0;) {
        for (size_t j = row + 1; j < n; j++)
            b[row] -= a[row * n + j] * b[j];
        b[row] /= a[row * n + row];
    }
    return 0;
}

const char *ml_target(void)
{
    return ML_TARGET;
}
