#include "app/generator/write.h"

#include "app/generate/chooser.h"
#include "app/generate/pairs.h"

#include <stdlib.h>

/* Streams of values (pairs.h): of the records, and of the mix. */
enum { STREAM_INSERTS = 0, STREAM_MIX = 1 };

struct writer {
    FILE *file;
    const struct generator_plan *plan;
    unsigned char *key;   /* owned */
    unsigned char *value; /* owned */
    uint64_t write_count;
};

static bool begin(struct writer *writer, FILE *file, const struct generator_plan *plan) {
    *writer = (struct writer){.file = file,
                              .plan = plan,
                              .key = malloc(plan->key_size),
                              .value = malloc((size_t)plan->value_size + 1)};
    return writer->key != NULL && writer->value != NULL;
}

static bool end(struct writer *writer) {
    free(writer->key);
    free(writer->value);
    return ferror(writer->file) == 0;
}

static void put_key(struct writer *writer, uint64_t index) {
    pairs_key(writer->plan->seed, index, writer->key, writer->plan->key_size);
    fwrite(writer->key, 1, writer->plan->key_size, writer->file);
}

static void put_pair(struct writer *writer, uint32_t stream, uint64_t index) {
    put_key(writer, index);
    pairs_value(writer->plan->seed, pairs_write(0, stream, writer->write_count++), writer->value,
                writer->plan->value_size);
    fputc(',', writer->file);
    fwrite(writer->value, 1, writer->plan->value_size, writer->file);
    fputc('\n', writer->file);
}

bool write_inserts(FILE *file, const struct generator_plan *plan) {
    struct writer writer;
    if (begin(&writer, file, plan)) {
        fprintf(file, "# key,value: %llu generated records, seed %llu\n", (unsigned long long)plan->record_count,
                (unsigned long long)plan->seed);
        for (uint64_t index = 0; index < plan->record_count && ferror(file) == 0; index++) {
            put_pair(&writer, STREAM_INSERTS, index);
        }
        return end(&writer);
    }
    (void)end(&writer);
    return false;
}

static void put_line(struct writer *writer, const char *operation, uint64_t index) {
    fputs(operation, writer->file);
    put_key(writer, index);
    fputc('\n', writer->file);
}

static void put_choice(struct writer *writer, const struct choice *choice) {
    switch (choice->action) {
    case MIX_READ:
        put_line(writer, "query,", choice->index);
        return;
    case MIX_DELETE:
        put_line(writer, "delete,", choice->index);
        return;
    case MIX_READ_MODIFY_WRITE:
        put_line(writer, "query,", choice->index);
        break;
    case MIX_UPDATE:
    case MIX_INSERT:
    case MIX_ACTION_COUNT:
        break;
    }
    fputs("insert,", writer->file);
    put_pair(writer, STREAM_MIX, choice->index);
}

bool write_mix(FILE *file, const struct generator_plan *plan) {
    struct writer writer;
    struct chooser chooser;
    uint64_t mark = plan->record_count;
    if (!begin(&writer, file, plan)) {
        (void)end(&writer);
        return false;
    }
    chooser_init(&chooser, &plan->mix, plan->distribution, plan->record_count, plan->seed, STREAM_MIX);
    fprintf(file, "# operation,key[,value]: %llu generated operations on %llu records, %s, seed %llu\n",
            (unsigned long long)plan->operation_count, (unsigned long long)plan->record_count,
            distribution_name(plan->distribution), (unsigned long long)plan->seed);
    for (uint64_t i = 0; i < plan->operation_count && ferror(file) == 0; i++) {
        struct choice choice = chooser_next(&chooser, mark);
        if (choice.action == MIX_INSERT) {
            choice.index = mark++;
        }
        put_choice(&writer, &choice);
    }
    return end(&writer);
}
