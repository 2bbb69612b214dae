/* greedy: what a program finds that takes all it can get.
 *
 *   processors 8         online in this machine
 *   affinity 2 0,1       CPUs this process may run on
 *   threads 2            OpenMP's choice, counted by starting them
 */
#define _GNU_SOURCE
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int print_affinity(void)
{
    long configured = sysconf(_SC_NPROCESSORS_CONF);
    int cpus = configured > 1024 ? (int)configured : 1024;
    size_t bytes = CPU_ALLOC_SIZE(cpus);
    cpu_set_t *set = CPU_ALLOC(cpus);

    if (!set || sched_getaffinity(0, bytes, set)) {
        perror("greedy: sched_getaffinity");
        return 1;
    }
    printf("affinity %d", CPU_COUNT_S(bytes, set));
    char separator = ' ';
    for (int cpu = 0; cpu < cpus; cpu++) {
        if (CPU_ISSET_S(cpu, bytes, set)) {
            printf("%c%d", separator, cpu);
            separator = ',';
        }
    }
    putchar('\n');
    CPU_FREE(set);
    return 0;
}

int main(void)
{
    int started = 0;

    printf("processors %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
    if (print_affinity())
        return 1;
#pragma omp parallel reduction(+ : started)
    started += 1;
    printf("threads %d\n", started);
    return 0;
}
