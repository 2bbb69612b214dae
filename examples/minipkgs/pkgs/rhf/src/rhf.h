/* rhf: restricted Hartree-Fock over contracted s and p Gaussians.
 *
 * Lengths in bohr, energies in hartree. Matrices are row-major, n x n, n the
 * number of basis functions. All errors end the program through die(). */
#ifndef RHF_H
#define RHF_H

#include <stddef.h>

enum {
    PRIMS = 3,       /* primitives in a contraction */
    PAIRS = PRIMS * PRIMS,
    SHELLS_ATOM = 3, /* at most, H to Ne in a minimal basis: 1s, 2s, 2p */
};

#define PI 3.14159265358979323846

/* Exit codes. */
enum { EXIT_NOT_CONVERGED = 1, EXIT_BAD_INPUT = 2 };

/* Prints "rhf: " and the message on standard error, and exits. */
_Noreturn void die(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* malloc that dies; the memory is zeroed and aligned for vectors. */
void *new_array(size_t count, size_t size);

typedef struct {
    int z; /* nuclear charge */
    double at[3];
} Atom;

typedef struct {
    int count;
    Atom *atoms;
} Molecule;

typedef struct {
    int l;     /* 0: s, 1: p */
    int first; /* its first basis function; p has three, x y z */
    double at[3];
    double exponent[PRIMS], coefficient[PRIMS]; /* of normalised primitives, normalised as a whole */
    double occupation;                          /* electrons a function holds in the free atom */
} Shell;

typedef struct {
    int shells, functions;
    Shell *shell;
} Basis;

/* xyz.c: reads FILE.xyz. Angstrom, unless bohr is set or the comment line has the word bohr. */
Molecule read_xyz(const char *path, int bohr);
int atomic_number(const char *symbol); /* 0 if there is none */
double nuclear_repulsion(const Molecule *mol);

/* basis.c: the named basis on every atom. */
Basis make_basis(const Molecule *mol, const char *name);

/* boys.c: f[m][v] = F_m(t[v]), m = 0 to top (at most BOYS_TOP), t >= 0, to about 1e-13. */
enum { BOYS_TOP = 4, LANES = 32 };
void boys_init(void);
void boys_lanes(int top, const double *t, double f[][LANES]);

/* hermite.c: products of two Gaussians as sums of Hermite Gaussians (McMurchie
 * and Davidson, J. Comput. Phys. 26, 218, 1978). */
enum { HERMITES = 35 };                     /* t + u + v <= 4 */
extern const int hermite_count[BOYS_TOP + 1]; /* with t + u + v <= L: 1 4 10 20 35 */
typedef struct { signed char t, u, v; } Hermite;
extern Hermite hermite[HERMITES];           /* in order of t + u + v */
extern int hermite_sum[HERMITES][10];       /* number of the sum of two */
void hermite_init(void);

/* E_t of x^i exp(-a (x-A)^2) times x^j exp(-b (x-B)^2), without the factor
 * exp(-ab/(a+b) (A-B)^2); i, j <= 3, t <= i + j. ab is A - B. */
double hermite_coefficient(int i, int j, int t, double a, double b, double ab);

/* One step of the recursion for R_tuv: out = factor * twice + d[axis] * once. */
typedef struct { short out, once, twice; signed char axis, factor; } RStep;
/* Steps from R^n_000 (n = 0..L, in rows 0..L) to all R_tuv; result[h] is the row of R_h. */
typedef struct { int steps, rows; RStep step[128]; short result[HERMITES]; } RPlan;
extern RPlan r_plan[BOYS_TOP + 1];

/* oneelectron.c: overlap s and core Hamiltonian h (kinetic and nuclear attraction). */
void one_electron(const Basis *basis, const Molecule *mol, double *s, double *h);

/* eri.c: the two-electron integrals (ij|kl), i >= j, k >= l, ij >= kl, packed. */
static inline size_t packed(size_t i, size_t j) { return i >= j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i; }
double *two_electron(const Basis *basis);

/* fock.c: f = h + 2 J(d) - K(d). The same bits for every number of threads. */
void fock(int n, const double *eri, const double *h, const double *d, double *f);

/* scf.c */
typedef struct { double energy; int iterations; } Result;
Result scf(const Basis *basis, int pairs, double repulsion, const double *s, const double *h, const double *eri,
           int max_iterations);

#endif
