#include "app/report/statistics.h"

#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

struct statistics statistics_compute(double *values, size_t count) {
    struct statistics statistics = {.count = count,
                                    .median = NAN,
                                    .min = NAN,
                                    .max = NAN,
                                    .sample_standard_deviation = NAN,
                                    .harmonic_mean = NAN};
    if (count == 0) {
        return statistics;
    }
    qsort(values, count, sizeof values[0], compare);
    statistics.min = values[0];
    statistics.max = values[count - 1];
    statistics.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    double sum = 0;
    double inverse_sum = 0; /* infinite if a value is 0, and the harmonic mean then 0 */
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
        inverse_sum += values[i] > 0 ? 1 / values[i] : INFINITY;
    }
    statistics.harmonic_mean = (double)count / inverse_sum;
    if (count > 1) {
        const double mean = sum / (double)count;
        double squares =
            0; /* in a second pass: the sum of squares less the square of the sum would lose digits */
        for (size_t i = 0; i < count; i++) {
            squares += (values[i] - mean) * (values[i] - mean);
        }
        statistics.sample_standard_deviation = sqrt(squares / (double)(count - 1));
    }
    return statistics;
}
