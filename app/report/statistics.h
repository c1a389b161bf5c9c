/* Statistics of a few repeated measurements. */
#ifndef APP_REPORT_STATISTICS_H
#define APP_REPORT_STATISTICS_H

#include <stddef.h>

/* In the unit of the values. What is not defined for so few values is NaN. */
struct statistics {
    size_t count;
    double median; /* the mean of the middle two of an even number */
    double min;
    double max;
    double sample_standard_deviation; /* divided by count - 1: NaN below two values */
    double harmonic_mean;             /* the mean for rates of equal work; 0 if a value is 0 */
};

/* Sorts the values in place and describes them. They are finite and not negative. Of none everything is NaN. */
struct statistics statistics_compute(double *values, size_t count);

#endif
