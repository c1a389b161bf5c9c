#include "app/check/phrase.h"

#include "app/report/text.h"
#include "app/shell/bytes.h"
#include "chord/base/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* As much of a value as fits into a table. */
#define VALUE_SHOWN_MAX 24u

__attribute__((format(printf, 1, 2))) static char *made(const char *format, ...) {
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    const int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    chord_check(size >= 0);
    return text;
}

char *phrase_text(const struct history_file *file, const struct history_text *text, size_t size_max) {
    if (!text->has_bytes) {
        char size[TEXT_NUMBER_SIZE];
        if (text->size == HISTORY_SIZE_UNKNOWN) {
            return made("digest %016" PRIx64, text->digest);
        }
        return made("%s B of digest %016" PRIx64, text_count(text->size, size), text->digest);
    }
    char *shown = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&shown, &size);
    chord_check(stream != NULL);
    fputc('"', stream);
    bytes_print(stream, history_file_bytes(file, text), text->size, size_max);
    fputc('"', stream);
    chord_check(fclose(stream) == 0);
    return shown;
}

char *phrase_value(const struct history_file *file, const struct history_operation *operation) {
    chord_check(operation->value != HISTORY_NO_VALUE);
    return phrase_text(file, &file->values[operation->value], VALUE_SHOWN_MAX);
}

char *phrase_asked(const struct history_file *file, const struct history_operation *operation) {
    const char *kind = history_kind_name((enum chord_operation_kind)operation->record.kind);
    if (operation->record.kind != CHORD_INSERT) {
        return made("%s", kind);
    }
    char *value = phrase_value(file, operation);
    char *text = made("%s %s", kind, value);
    free(value);
    return text;
}

char *phrase_answered(const struct history_file *file, const struct history_operation *operation) {
    switch (operation->record.outcome) {
    case CHORD_FOUND:
        return phrase_value(file, operation);
    case CHORD_UNKNOWN:
        return made("none");
    default:
        return made("%s", history_outcome_name((enum chord_outcome)operation->record.outcome));
    }
}
