#include "rhf.h"

const int hermite_count[BOYS_TOP + 1] = {1, 4, 10, 20, 35};
Hermite hermite[HERMITES];
int hermite_sum[HERMITES][10];
RPlan r_plan[BOYS_TOP + 1];

static int number_of(int t, int u, int v)
{
    for (int h = 0; h < HERMITES; h++)
        if (hermite[h].t == t && hermite[h].u == u && hermite[h].v == v)
            return h;
    return -1;
}

/* R^n_tuv = d_x R^(n+1)_(t-1,u,v) + (t-1) R^(n+1)_(t-2,u,v), and so for u and v
 * (Helgaker, Jorgensen, Olsen, Molecular Electronic-Structure Theory, 9.9.18). */
static void make_plan(int top)
{
    RPlan *plan = &r_plan[top];
    short row[BOYS_TOP + 1][HERMITES];

    plan->rows = top + 1;
    for (int n = 0; n <= top; n++)
        row[n][0] = (short)n;
    for (int h = 1; h < hermite_count[top]; h++) {
        int tuv[3] = {hermite[h].t, hermite[h].u, hermite[h].v};
        int axis = tuv[0] ? 0 : tuv[1] ? 1 : 2;
        int order = tuv[0] + tuv[1] + tuv[2], below = tuv[axis] - 1;
        tuv[axis] = below;
        int once = number_of(tuv[0], tuv[1], tuv[2]), twice = once;
        if (below > 0) {
            tuv[axis] = below - 1;
            twice = number_of(tuv[0], tuv[1], tuv[2]);
        }
        for (int n = 0; n + order <= top; n++) {
            row[n][h] = (short)plan->rows++;
            plan->step[plan->steps++] =
                (RStep){row[n][h], row[n + 1][once], row[n + 1][twice], (signed char)axis, (signed char)below};
        }
    }
    for (int h = 0; h < hermite_count[top]; h++)
        plan->result[h] = row[0][h];
}

void hermite_init(void)
{
    int count = 0;
    for (int order = 0; order <= BOYS_TOP; order++)
        for (int t = order; t >= 0; t--)
            for (int u = order - t; u >= 0; u--)
                hermite[count++] = (Hermite){(signed char)t, (signed char)u, (signed char)(order - t - u)};
    for (int g = 0; g < HERMITES; g++)
        for (int h = 0; h < 10; h++)
            hermite_sum[g][h] =
                number_of(hermite[g].t + hermite[h].t, hermite[g].u + hermite[h].u, hermite[g].v + hermite[h].v);
    for (int top = 0; top <= BOYS_TOP; top++)
        make_plan(top);
}

double hermite_coefficient(int i, int j, int t, double a, double b, double ab)
{
    double p = a + b;
    if (t < 0 || t > i + j)
        return 0;
    if (i == 0 && j == 0)
        return 1;
    if (i > 0)
        return hermite_coefficient(i - 1, j, t - 1, a, b, ab) / (2 * p) -
               b / p * ab * hermite_coefficient(i - 1, j, t, a, b, ab) +
               (t + 1) * hermite_coefficient(i - 1, j, t + 1, a, b, ab);
    return hermite_coefficient(i, j - 1, t - 1, a, b, ab) / (2 * p) +
           a / p * ab * hermite_coefficient(i, j - 1, t, a, b, ab) +
           (t + 1) * hermite_coefficient(i, j - 1, t + 1, a, b, ab);
}
