/* STO-3G: every Slater orbital as three Gaussians (Hehre, Stewart, Pople, J.
 * Chem. Phys. 51, 2657, 1969), for H to Ne; with the digits
 * of the older EMSL library, which the published energies were computed with
 * (version 1 of the Basis Set Exchange moves water by 2.6e-8 hartree). */
#include "rhf.h"

#include <math.h>
#include <strings.h>

/* The contractions are the same for all elements; only exponents change. */
static const double c_1s[PRIMS] = {0.15432897, 0.53532814, 0.44463454};
static const double c_2s[PRIMS] = {-0.09996723, 0.39951283, 0.70011547};
static const double c_2p[PRIMS] = {0.15591627, 0.60768372, 0.39195739};

static const double a_1s[][PRIMS] = {
    {0},
    {3.42525091, 0.62391373, 0.16885540},  /* H */
    {6.36242139, 1.15892300, 0.31364979},  /* He */
    {16.1195750, 2.9362007, 0.7946505},    /* Li */
    {30.1678710, 5.4951153, 1.4871927},    /* Be */
    {48.7911130, 8.8873622, 2.4052670},    /* B */
    {71.6168370, 13.0450960, 3.5305122},   /* C */
    {99.1061690, 18.0523120, 4.8856602},   /* N */
    {130.7093200, 23.8088610, 6.4436083},  /* O */
    {166.6791300, 30.3608120, 8.2168207},  /* F */
    {207.0156100, 37.7081510, 10.2052970}, /* Ne */
};

static const double a_2sp[][PRIMS] = {
    {0}, {0}, {0},
    {0.6362897, 0.1478601, 0.0480887}, /* Li */
    {1.3148331, 0.3055389, 0.0993707}, /* Be */
    {2.2369561, 0.5198205, 0.1690618}, /* B */
    {2.9412494, 0.6834831, 0.2222899}, /* C */
    {3.7804559, 0.8784966, 0.2857144}, /* N */
    {5.0331513, 1.1695961, 0.3803890}, /* O */
    {6.4648032, 1.5022812, 0.4885885}, /* F */
    {8.2463151, 1.9162662, 0.6232293}, /* Ne */
};

/* Scale the coefficients so that each primitive, and then their sum, is normalised. */
static void normalise(Shell *sh)
{
    double norm = 0;
    for (int i = 0; i < PRIMS; i++) {
        double a = sh->exponent[i];
        sh->coefficient[i] *= pow(2 * a / PI, 0.75) * (sh->l ? 2 * sqrt(a) : 1);
    }
    for (int i = 0; i < PRIMS; i++)
        for (int j = 0; j < PRIMS; j++) {
            double p = sh->exponent[i] + sh->exponent[j];
            norm += sh->coefficient[i] * sh->coefficient[j] * pow(PI / p, 1.5) * (sh->l ? 0.5 / p : 1);
        }
    for (int i = 0; i < PRIMS; i++)
        sh->coefficient[i] /= sqrt(norm);
}

static void add_shell(Basis *basis, const Atom *atom, int l, const double *exponent, const double *coefficient,
                      double occupation)
{
    Shell *sh = &basis->shell[basis->shells++];
    sh->l = l;
    sh->first = basis->functions;
    sh->occupation = occupation;
    for (int i = 0; i < PRIMS; i++) {
        sh->at[i] = atom->at[i];
        sh->exponent[i] = exponent[i];
        sh->coefficient[i] = coefficient[i];
    }
    basis->functions += l ? 3 : 1;
    normalise(sh);
}

Basis make_basis(const Molecule *mol, const char *name)
{
    Basis basis = {0, 0, NULL};

    if (strcasecmp(name, "sto-3g"))
        die(EXIT_BAD_INPUT, "unknown basis %s (sto-3g is there)", name);
    basis.shell = new_array((size_t)mol->count * SHELLS_ATOM, sizeof *basis.shell);
    for (int i = 0; i < mol->count; i++) {
        const Atom *atom = &mol->atoms[i];
        int z = atom->z;
        add_shell(&basis, atom, 0, a_1s[z], c_1s, z < 2 ? z : 2);
        if (z > 2) {
            add_shell(&basis, atom, 0, a_2sp[z], c_2s, z < 4 ? z - 2 : 2);
            add_shell(&basis, atom, 1, a_2sp[z], c_2p, z > 4 ? (z - 4) / 3.0 : 0);
        }
    }
    return basis;
}
