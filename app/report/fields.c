#include "app/report/fields.h"

#include "app/report/text.h"

#include <jansson.h>
#include <math.h>

#define TEXT_SIZE_MAX 128u

struct fields fields_begin(void) {
    return (struct fields){.object = json_object()};
}

void fields_put(struct fields *fields, const char *name, json_t *value) {
    if (json_object_set_new(fields->object, name, value) != 0) {
        fields->failed = true;
    }
}

void fields_put_bool(struct fields *fields, const char *name, bool applies, bool value) {
    fields_put(fields, name, applies ? json_boolean(value) : json_null());
}

void fields_put_count(struct fields *fields, const char *name, bool applies, uint64_t count) {
    fields_put(fields, name, applies ? json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count) : json_null());
}

void fields_put_rate(struct fields *fields, const char *name, bool applies, double per_second) {
    fields_put(fields, name,
               applies && isfinite(per_second) && per_second >= 0 ? json_real(per_second) : json_null());
}

void fields_put_text(struct fields *fields, const char *name, const char *text) {
    char escaped[4 * TEXT_SIZE_MAX];
    if (text != NULL) {
        (void)text_escape(text, false, escaped, sizeof escaped);
    }
    fields_put(fields, name, text == NULL ? json_null() : json_string(escaped));
}

json_t *fields_finished(struct fields *fields) {
    if (fields->failed) {
        json_decref(fields->object);
        return NULL;
    }
    return fields->object;
}

bool fields_append(json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) {
        json_decref(array);
        return false;
    }
    return true;
}
