/* Private to app/report: a JSON object under construction. */
#ifndef APP_REPORT_FIELDS_H
#define APP_REPORT_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

struct json_t;

/* Without memory it only notes the failure, and fields_finished gives NULL in the end. */
struct fields {
    struct json_t *object; /* owned until fields_finished */
    bool failed;
};

struct fields fields_begin(void);

/* Each adds a field; `applies` false: it is null. */

/* The value is taken over; NULL is a failure. */
void fields_put(struct fields *fields, const char *name, struct json_t *value);
void fields_put_bool(struct fields *fields, const char *name, bool applies, bool value);
void fields_put_count(struct fields *fields, const char *name, bool applies, uint64_t count);
/* A rate that is negative or not finite is none. */
void fields_put_rate(struct fields *fields, const char *name, bool applies, double per_second);
/* A text of any bytes, of at most 127; NULL is null. */
void fields_put_text(struct fields *fields, const char *name, const char *text);

/* The object, owned by the caller; NULL if anything failed. */
struct json_t *fields_finished(struct fields *fields);

/* Appends a value, which is taken over, to an array. False, and the array is gone, if either is NULL or there is no memory. */
bool fields_append(struct json_t *array, struct json_t *value);

#endif
