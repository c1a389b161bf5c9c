/* Any bytes as a history file: they are refused in one line, or the file, written again from what was read, is read as the
 * same and is judged. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

#include "app/check/check.h"
#include "app/check/check_record.h"
#include "app/history/file.h"

/* So few steps that no input takes long; a key that needs more is given up, which is a verdict, too. */
#define STEPS_MAX 2000u

struct text {
    char *bytes;
    size_t size;
};

static void add_line(struct text *text, char *line) {
    FUZZ_REQUIRE(line != NULL);
    const size_t size = strlen(line);
    text->bytes = realloc(text->bytes, text->size + size + 1);
    FUZZ_REQUIRE(text->bytes != NULL);
    memcpy(text->bytes + text->size, line, size);
    text->bytes[text->size + size] = '\n';
    text->size += size + 1;
    free(line);
}

static struct text written(const struct history_file *file) {
    struct text text = {0};
    add_line(&text, history_header_text(&file->header));
    for (size_t i = 0; i < file->operation_count; i++) {
        const struct history_line line = history_file_line(file, &file->operations[i]);
        add_line(&text, history_line_text(&line));
    }
    add_line(&text, history_end_text(file->operation_count));
    return text;
}

static void read_again(const struct history_file *file) {
    struct text text = written(file);
    struct history_file same;
    char error[HISTORY_ERROR_SIZE];
    FUZZ_REQUIRE(history_file_read(fuzz_file(text.bytes, text.size), &same, error));
    FUZZ_REQUIRE(same.operation_count == file->operation_count && same.key_count == file->key_count);
    struct text again = written(&same);
    FUZZ_REQUIRE(again.size == text.size && memcmp(again.bytes, text.bytes, text.size) == 0);
    free(again.bytes);
    free(text.bytes);
    history_file_free(&same);
}

static void judge(const struct history_file *file) {
    const struct check_plan plan = {.limits = {.bytes_max = 1 << 20, .steps_max = STEPS_MAX, .explain_work_max = STEPS_MAX}};
    struct check_result result;
    FUZZ_REQUIRE(check_run(file, &plan, &result) == CHORD_OK);
    const enum check_verdict verdict = check_verdict(&result);
    FUZZ_REQUIRE(verdict == CHECK_LINEARIZABLE || verdict == CHECK_WRONG || verdict == CHECK_UNDECIDED);
    char *record = check_record_make("fuzz", file, &result);
    FUZZ_REQUIRE(record != NULL && strchr(record, '\n') == NULL);
    free(record);
    check_free(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct history_file file;
    char error[HISTORY_ERROR_SIZE];
    if (!history_file_read(fuzz_file(data, size), &file, error)) {
        fuzz_require_one_line(error, sizeof error);
        FUZZ_REQUIRE(file.operations == NULL && file.operation_count == 0);
    } else {
        read_again(&file);
        judge(&file);
    }
    history_file_free(&file);
    return 0;
}
