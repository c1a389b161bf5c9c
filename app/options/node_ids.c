/* The reader of --node-ids. Two passes over the ranks: the lines in file order, then what only the whole can
 * show (missing ranks, two ranks with one id). */
#include "app/options/node_ids.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* As much of a line as an error quotes. */
#define QUOTED_MAX 60

struct reader {
    const char *path;
    unsigned bits;
    size_t count;
    struct chord_id *ids;
    size_t *lines; /* by rank: the line that gave its id, 0 for none yet */
    char *error;
};

/* Writes "FILE:LINE: ..." (line 0: "FILE: ...") as one line and returns false. */
__attribute__((format(printf, 3, 4))) static bool fail(const struct reader *reader, size_t line,
                                                       const char *format, ...) {
    int used = line > 0 ? snprintf(reader->error, NODE_IDS_ERROR_SIZE, "%.200s:%zu: ", reader->path, line)
                        : snprintf(reader->error, NODE_IDS_ERROR_SIZE, "%.200s: ", reader->path);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reader->error + used, NODE_IDS_ERROR_SIZE - (size_t)used, format, arguments);
    va_end(arguments);
    for (char *c = reader->error; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) {
            *c = '?';
        }
    }
    return false;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next word of text[*at..size), or an empty one. */
static const char *next_word(const char *text, size_t size, size_t *at, size_t *word_size) {
    while (*at < size && is_blank(text[*at])) {
        (*at)++;
    }
    const size_t start = *at;
    while (*at < size && !is_blank(text[*at])) {
        (*at)++;
    }
    *word_size = *at - start;
    return text + start;
}

static bool parse_rank(const char *text, size_t size, size_t *rank) {
    size_t sum = 0;
    if (size == 0 || size > 9) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        sum = sum * 10 + (size_t)(text[i] - '0');
    }
    *rank = sum;
    return true;
}

/* One line without its comment. */
static bool read_line(const struct reader *reader, size_t line, const char *text, size_t size) {
    size_t at = 0, rank_size, id_size, rest_size;
    const char *rank_text = next_word(text, size, &at, &rank_size);
    if (rank_size == 0) {
        return true;
    }
    const char *id_text = next_word(text, size, &at, &id_size);
    (void)next_word(text, size, &at, &rest_size);
    size_t rank = 0;
    if (id_size == 0 || rest_size > 0 || !parse_rank(rank_text, rank_size, &rank)) {
        const size_t quoted = strcspn(rank_text, "\r\n") < (size_t)(text + size - rank_text)
                                  ? strcspn(rank_text, "\r\n")
                                  : (size_t)(text + size - rank_text);
        return fail(reader, line, "expected RANK ID, for instance 3 0x1f, not '%.*s'",
                    (int)(quoted < QUOTED_MAX ? quoted : QUOTED_MAX), rank_text);
    }
    if (rank >= reader->count) {
        return fail(reader, line,
                    "there is no rank %zu: this run has the ranks 0 to %zu; start more or drop the line",
                    rank, reader->count - 1);
    }
    if (reader->lines[rank] > 0) {
        return fail(reader, line, "rank %zu is given again, first in line %zu; drop one", rank,
                    reader->lines[rank]);
    }
    if (chord_id_parse(id_text, id_size, reader->bits, &reader->ids[rank]) != CHORD_OK) {
        return fail(reader, line,
                    "the id '%.*s' is not a number below 2^%u (--id-bits); decimal numbers end at "
                    "2^64-1, larger ones are written as 0x and hexadecimal digits",
                    (int)(id_size < QUOTED_MAX ? id_size : QUOTED_MAX), id_text, reader->bits);
    }
    reader->lines[rank] = line;
    return true;
}

static bool read_lines(const struct reader *reader, FILE *file) {
    char *text = NULL;
    size_t room = 0;
    bool good = true;
    ssize_t size;
    for (size_t line = 1; good && (size = getline(&text, &room, file)) >= 0; line++) {
        const char *comment = memchr(text, '#', (size_t)size);
        good = read_line(reader, line, text, comment != NULL ? (size_t)(comment - text) : (size_t)size);
    }
    const int error = errno;
    free(text);
    if (good && (ferror(file) || !feof(file))) {
        return fail(reader, 0, "can't be read: %s", strerror(error));
    }
    return good;
}

struct placed {
    struct chord_id id;
    size_t rank;
};

static int compare_placed(const void *a, const void *b) {
    const struct placed *first = a, *second = b;
    const int order = chord_id_compare(first->id, second->id);
    return order != 0 ? order : first->rank < second->rank ? -1 : first->rank > second->rank;
}

/* What no single line can show. order has room for count. */
static bool check_whole(const struct reader *reader, struct placed *order) {
    size_t given = 0, missing = reader->count;
    for (size_t rank = reader->count; rank-- > 0;) {
        order[rank] = (struct placed){.id = reader->ids[rank], .rank = rank};
        if (reader->lines[rank] > 0) {
            given++;
        } else {
            missing = rank;
        }
    }
    if (given < reader->count) {
        return fail(reader, 0,
                    "gives %zu of %zu ranks: rank %zu is missing; every rank 0 to %zu needs a line", given,
                    reader->count, missing, reader->count - 1);
    }
    qsort(order, reader->count, sizeof *order, compare_placed);
    for (size_t i = 1; i < reader->count; i++) {
        const size_t a = order[i - 1].rank, b = order[i].rank;
        if (chord_id_equal(order[i - 1].id, order[i].id)) {
            const size_t first = reader->lines[a] < reader->lines[b] ? a : b;
            const size_t second = first == a ? b : a;
            return fail(reader, reader->lines[second],
                        "rank %zu has the same id as rank %zu in line %zu; two nodes can't share an id",
                        second, first, reader->lines[first]);
        }
    }
    return true;
}

bool node_ids_read(const char *path, unsigned bits, size_t count, struct chord_id *ids,
                   char error[NODE_IDS_ERROR_SIZE]) {
    struct reader reader = {.path = path, .bits = bits, .count = count, .ids = ids, .error = error};
    struct placed *order = calloc(count, sizeof *order);
    reader.lines = calloc(count, sizeof *reader.lines);
    error[0] = '\0';
    FILE *file = NULL;
    bool good = false;
    if (order == NULL || reader.lines == NULL) {
        (void)fail(&reader, 0, "out of memory");
    } else if ((file = fopen(path, "r")) == NULL) {
        (void)fail(&reader, 0, "can't be opened: %s", strerror(errno));
    } else {
        good = read_lines(&reader, file) && check_whole(&reader, order);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    free(reader.lines);
    free(order);
    return good;
}
