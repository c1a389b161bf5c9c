/* The reader of --node-ids. Two passes over the ranks: the lines in file order, then what only the whole can
 * show (missing ranks, two nodes with one id). */
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
    size_t count; /* of ranks */
    size_t virtual_count; /* ids a rank */
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

/* A line that isn't RANK and the right number of ids. */
static bool fail_form(const struct reader *reader, size_t line, const char *text, size_t size) {
    const size_t end = strcspn(text, "\r\n") < size ? strcspn(text, "\r\n") : size;
    const int quoted = (int)(end < QUOTED_MAX ? end : QUOTED_MAX);
    if (reader->virtual_count > 1) {
        return fail(reader, line,
                    "expected RANK and %zu ids (--virtual-nodes), for instance 3 0x1f 0x2a ..., not '%.*s'",
                    reader->virtual_count, quoted, text);
    }
    return fail(reader, line, "expected RANK ID, for instance 3 0x1f, not '%.*s'", quoted, text);
}

/* One line without its comment. */
static bool read_line(const struct reader *reader, size_t line, const char *text, size_t size) {
    size_t at = 0, rank_size, word_size;
    const char *rank_text = next_word(text, size, &at, &rank_size);
    if (rank_size == 0) {
        return true;
    }
    const size_t after_rank = at;
    size_t id_count = 0, rank = 0;
    for (next_word(text, size, &at, &word_size); word_size > 0; next_word(text, size, &at, &word_size)) {
        id_count++;
    }
    if (id_count != reader->virtual_count || !parse_rank(rank_text, rank_size, &rank)) {
        return fail_form(reader, line, rank_text, (size_t)(text + size - rank_text));
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
    at = after_rank;
    for (size_t v = 0; v < reader->virtual_count; v++) {
        const char *id_text = next_word(text, size, &at, &word_size);
        struct chord_id *id = &reader->ids[rank * reader->virtual_count + v];
        if (chord_id_parse(id_text, word_size, reader->bits, id) != CHORD_OK) {
            return fail(reader, line,
                        "the id '%.*s' is not a number below 2^%u (--id-bits); decimal numbers end at "
                        "2^64-1, larger ones are written as 0x and hexadecimal digits",
                        (int)(word_size < QUOTED_MAX ? word_size : QUOTED_MAX), id_text, reader->bits);
        }
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
    size_t node; /* rank * virtual_count + virtual node */
};

static int compare_placed(const void *a, const void *b) {
    const struct placed *first = a, *second = b;
    const int order = chord_id_compare(first->id, second->id);
    return order != 0 ? order : first->node < second->node ? -1 : first->node > second->node;
}

/* What no single line can show. order has room for all nodes. */
static bool check_whole(const struct reader *reader, struct placed *order) {
    size_t given = 0, missing = reader->count;
    for (size_t rank = reader->count; rank-- > 0;) {
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
    const size_t node_count = reader->count * reader->virtual_count;
    for (size_t node = 0; node < node_count; node++) {
        order[node] = (struct placed){.id = reader->ids[node], .node = node};
    }
    qsort(order, node_count, sizeof *order, compare_placed);
    for (size_t i = 1; i < node_count; i++) {
        /* It is 1 at least. NOLINTNEXTLINE(clang-analyzer-core.DivideZero) */
        const size_t a = order[i - 1].node / reader->virtual_count;
        const size_t b = order[i].node / reader->virtual_count;
        if (!chord_id_equal(order[i - 1].id, order[i].id)) {
            continue;
        }
        if (a == b) {
            return fail(reader, reader->lines[a], "rank %zu has one id twice; two nodes can't share an id", a);
        }
        const size_t first = reader->lines[a] < reader->lines[b] ? a : b;
        const size_t second = first == a ? b : a;
        return fail(reader, reader->lines[second],
                    "rank %zu has the same id as rank %zu in line %zu; two nodes can't share an id", second,
                    first, reader->lines[first]);
    }
    return true;
}

bool node_ids_read(const char *path, unsigned bits, size_t rank_count, size_t virtual_count,
                   struct chord_id *ids, char error[NODE_IDS_ERROR_SIZE]) {
    struct reader reader = {.path = path,
                            .bits = bits,
                            .count = rank_count,
                            .virtual_count = virtual_count,
                            .ids = ids,
                            .error = error};
    struct placed *order = calloc(rank_count * virtual_count, sizeof *order);
    reader.lines = calloc(rank_count, sizeof *reader.lines);
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
