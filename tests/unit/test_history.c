/* app/verdict/history, history_mapped and evidence: what a client did, and what is left of it when its process is killed at
 * any moment; files of any bytes. */
#include "app/verdict/evidence.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RANK 3u
/* Operations that the killed clients keep under way. */
#define WINDOW 4u

static char folder[] = "/tmp/chordkv-test-history.XXXXXX";
static char path[128];
static char error[HISTORY_MAPPED_ERROR_SIZE];

static const struct history_mapped_writer writer = {.client_rank = RANK};

/* --- records that can be told from their position --- */

static struct history_record issued(size_t i) {
    return (struct history_record){.key_digest = i * 7,
                                   .value_digest = i % 3 == 0 ? i * 11 : 0,
                                   .start_ns = 1000 + i,
                                   .client_rank = RANK,
                                   .index = (uint32_t)i,
                                   .kind = (uint8_t)(i % 3), /* insert, query, delete */
                                   .outcome = CHORD_UNKNOWN};
}

static struct history_answer answer_of(size_t i) {
    static const enum chord_outcome outcomes[] = {CHORD_UPDATED, CHORD_FOUND, CHORD_DELETED};
    return (struct history_answer){.outcome = outcomes[i % 3],
                                   .version = {.epoch = 1 + (uint32_t)(i % 5), .counter = i + 1},
                                   .end_ns = 2000 + 2 * i,
                                   .value_digest = i * 13,
                                   .retry_count = (uint32_t)(i % 300)};
}

static bool is_answered(const struct history_record *record, size_t i) {
    const struct history_answer answer = answer_of(i);
    const uint64_t value = i % 3 == 0 ? i * 11 : i % 3 == 1 ? i * 13 : 0;
    return record->outcome == answer.outcome && record->version_counter == answer.version.counter &&
           record->version_epoch == answer.version.epoch && record->end_ns == answer.end_ns &&
           record->value_digest == value && record->retry_count == (i % 300 < 255 ? i % 300 : 255) &&
           record->key_digest == i * 7 && record->start_ns == 1000 + i;
}

static bool is_unanswered(const struct history_record *record, size_t i) {
    return record->outcome == CHORD_UNKNOWN && record->version_counter == 0 && record->version_epoch == 0 &&
           record->end_ns == 0 && record->value_digest == (i % 3 == 0 ? i * 11 : 0) && record->key_digest == i * 7 &&
           record->start_ns == 1000 + i;
}

static void issue(struct history *history) {
    const struct history_record record = issued(history->count);
    if (history_append(history, &record) != CHORD_OK) {
        abort();
    }
}

static void answer(struct history *history, size_t i) {
    const struct history_answer given = answer_of(i);
    history_answer(history, i, &given);
}

static const char *in_folder(const char *name) {
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Makes a mapped history in a file whose descriptor it returns; the name is gone already. */
static int create(struct history *history, const struct history_mapped_writer *by) {
    CU_ASSERT_TRUE_FATAL(history_mapped_create(history, in_folder("h"), by, error));
    const int descriptor = open(path, O_RDWR);
    CU_ASSERT_FATAL(descriptor >= 0 && unlink(path) == 0);
    return descriptor;
}

/* --- on the heap, and the same in a file --- */

static void check_a_history(struct history *history) {
    for (size_t i = 0; i < 5000; i++) {
        issue(history);
        if (i >= WINDOW) {
            answer(history, i - WINDOW);
        }
    }
    issue(history);
    history_take_back(history);
    CU_ASSERT_EQUAL(history->count, 5000);
    for (size_t i = 0; i < 5000; i++) {
        const struct history_record *record = &history->records[i];
        CU_ASSERT(i < 5000 - WINDOW ? is_answered(record, i) : is_unanswered(record, i));
    }
    const struct history_answer given_up = {.outcome = CHORD_UNKNOWN, .end_ns = 77, .retry_count = 1000};
    history_answer(history, 4999, &given_up);
    CU_ASSERT_EQUAL(history->records[4999].end_ns, 77);
    CU_ASSERT_EQUAL(history->records[4999].retry_count, 255);
    CU_ASSERT_EQUAL(history->records[4999].outcome, CHORD_UNKNOWN);
}

static void test_heap(void) {
    struct history history = {0};
    check_a_history(&history);
    history_reset(&history);
    CU_ASSERT(history.count == 0 && history.capacity >= 5000);
    history_free(&history);
    CU_ASSERT(history.count == 0 && history.records == NULL);
}

static void test_shift(void) {
    struct history_record record = {.start_ns = 1000, .end_ns = 2000};
    history_shift(&record, -100, 7);
    CU_ASSERT(record.start_ns == 893 && record.end_ns == 1907);
    record.end_ns = 0;
    history_shift(&record, 100, 0);
    CU_ASSERT(record.start_ns == 993 && record.end_ns == 0);
}

static void test_mapped(void) {
    const struct history_mapped_writer late = {.client_rank = RANK, .clock_offset_ns = 50, .clock_error_ns = 3};
    struct history history, read = {0};
    const int descriptor = create(&history, &late);
    CU_ASSERT_TRUE(history_mapped_read(descriptor, RANK, &read, error) && read.count == 0);
    check_a_history(&history);
    CU_ASSERT_TRUE_FATAL(history_mapped_read(descriptor, RANK, &read, error));
    CU_ASSERT_EQUAL_FATAL(read.count, 5000);
    for (size_t i = 0; i < 5000; i++) {
        struct history_record *record = &read.records[i];
        CU_ASSERT_EQUAL(record->start_ns, 1000 + i + 50 - 3);
        record->start_ns = 1000 + i;
        if (i < 5000 - WINDOW) {
            CU_ASSERT_EQUAL(record->end_ns, answer_of(i).end_ns + 50 + 3);
            record->end_ns = answer_of(i).end_ns;
            CU_ASSERT(is_answered(record, i));
        } else {
            CU_ASSERT(is_unanswered(record, i)); /* also the one that was given up */
        }
    }
    /* It is appended to what is there; a new phase begins with nothing. */
    CU_ASSERT_TRUE(history_mapped_read(descriptor, RANK, &read, error) && read.count == 10000);
    history_reset(&read);
    history_reset(&history);
    CU_ASSERT_TRUE(history_mapped_read(descriptor, RANK, &read, error) && read.count == 0);
    issue(&history);
    history_free(&history);
    CU_ASSERT_TRUE(history_mapped_read(descriptor, RANK, &read, error) && read.count == 1);
    history_free(&read);
    close(descriptor);
}

/* --- killed at any moment --- */

/* A client that issues and answers for ever. */
_Noreturn static void run_client(struct history *history) {
    for (;;) {
        issue(history);
        if (history->count > WINDOW) {
            answer(history, history->count - 1 - WINDOW);
        }
        if (history->count == 1000000) {
            history_reset(history); /* another phase */
        }
    }
}

/* Whether the records are what a client of the above can have left. */
static bool is_plausible(const struct history *history) {
    for (size_t i = 0; i < history->count; i++) {
        const bool may_be_open = i + 1 + WINDOW >= history->count;
        if (!is_answered(&history->records[i], i) && !(may_be_open && is_unanswered(&history->records[i], i))) {
            printf("\n  record %zu of %zu\n", i, history->count);
            return false;
        }
    }
    return true;
}

static void test_killed(void) {
    struct history read = {0};
    for (unsigned round = 0; round < 30; round++) {
        struct history history;
        const int descriptor = create(&history, &writer);
        const pid_t child = fork();
        CU_ASSERT_FATAL(child >= 0);
        if (child == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* if this test ends before its time */
            run_client(&history);
        }
        /* Not before it has got somewhere, each time farther; while it runs the file can be read, too. */
        do {
            history_reset(&read);
            if (!history_mapped_read(descriptor, RANK, &read, error)) {
                printf("\n  %s\n", error);
                CU_FAIL("a living client's file can't be read");
                break;
            }
        } while (read.count < 1u << (round / 2));
        CU_ASSERT_EQUAL_FATAL(kill(child, SIGKILL), 0);
        int status;
        CU_ASSERT_FATAL(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        history_reset(&read);
        CU_ASSERT_TRUE(history_mapped_read(descriptor, RANK, &read, error));
        CU_ASSERT_TRUE(read.count > 0 && is_plausible(&read));
        history_free(&history);
        close(descriptor);
    }
    history_free(&read);
}

/* --- files of any bytes --- */

#define HEAD_SIZE 64

static void overwrite(int descriptor, off_t offset, const void *bytes, size_t size) {
    CU_ASSERT_EQUAL_FATAL(pwrite(descriptor, bytes, size, offset), (ssize_t)size);
}

static bool is_refused(int descriptor, const char *part) {
    struct history read = {0};
    const bool refused = !history_mapped_read(descriptor, RANK, &read, error) && strstr(error, part) != NULL;
    if (!refused) {
        printf("\n  \"%s\", expected \"%s\"\n", error, part);
    }
    CU_ASSERT_EQUAL(read.count, 0);
    history_free(&read);
    return refused;
}

/* A file with ten records, the last of them without an answer. */
static int write_ten(void) {
    struct history history;
    const int descriptor = create(&history, &writer);
    for (size_t i = 0; i < 10; i++) {
        issue(&history);
        if (i < 9) {
            answer(&history, i);
        }
    }
    history_free(&history);
    return descriptor;
}

static void test_refused(void) {
    static const struct {
        off_t offset;
        unsigned char byte;
        const char *part;
    } cases[] = {
        {0, 'C', "it is no history"},
        {8, 9, "it has layout 9"},
        {12, 64, "with records of 64 bytes"},
        {16, 4, "it is rank 4's, not rank 3's"},
        {20, 1, "its disk was full"},
        {47, 1, "it claims"}, /* the count's highest byte */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int descriptor = write_ten();
        overwrite(descriptor, cases[i].offset, &cases[i].byte, 1);
        CU_ASSERT_TRUE(is_refused(descriptor, cases[i].part));
        close(descriptor);
    }
    const struct {
        struct history_record record;
        const char *why;
    } bad[] = {{{.client_rank = RANK, .index = 2, .kind = CHORD_OPERATION_KIND_COUNT, .outcome = CHORD_UNKNOWN}, "kind"},
               {{.client_rank = RANK, .index = 2, .kind = CHORD_DELETE, .outcome = CHORD_OUTCOME_COUNT}, "outcome"},
               {{.client_rank = RANK, .index = 2, .kind = CHORD_DELETE, .outcome = 255}, "outcome"},
               {{.client_rank = RANK, .index = 2, .kind = CHORD_INSERT, .outcome = CHORD_FOUND}, "pair"},
               {{.client_rank = RANK, .index = 2, .kind = CHORD_QUERY, .outcome = CHORD_UPDATED}, "pair"},
               {{.client_rank = RANK, .index = 2, .kind = CHORD_INSERT, .outcome = CHORD_ABSENT}, "pair"},
               {{.client_rank = RANK, .index = 3, .kind = CHORD_DELETE, .outcome = CHORD_UNKNOWN}, "index"},
               {{.client_rank = 4, .index = 2, .kind = CHORD_DELETE, .outcome = CHORD_UNKNOWN}, "client"},
               {{.client_rank = RANK, .index = 2, .kind = CHORD_DELETE, .outcome = CHORD_UNKNOWN, .mark = 1}, "mark"},
               {{.client_rank = RANK, .index = 2, .kind = CHORD_DELETE, .outcome = CHORD_ABSENT, .start_ns = 5, .end_ns = 4},
                "end"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const int descriptor = write_ten();
        overwrite(descriptor, HEAD_SIZE + 2 * (off_t)sizeof bad[i].record, &bad[i].record, sizeof bad[i].record);
        CU_ASSERT_TRUE(is_refused(descriptor, "its record 2 can't be"));
        close(descriptor);
    }
    int descriptor = write_ten();
    CU_ASSERT_EQUAL_FATAL(ftruncate(descriptor, HEAD_SIZE + 9 * 56 + 55), 0);
    CU_ASSERT_TRUE(is_refused(descriptor, "it claims 10 records in 623 bytes"));
    CU_ASSERT_EQUAL_FATAL(ftruncate(descriptor, HEAD_SIZE - 1), 0);
    CU_ASSERT_TRUE(is_refused(descriptor, "it has no head"));
    CU_ASSERT_EQUAL_FATAL(ftruncate(descriptor, 0), 0);
    CU_ASSERT_TRUE(is_refused(descriptor, "it has no head"));
    close(descriptor);
    CU_ASSERT_TRUE(is_refused(-1, "it has no head"));
    descriptor = open("/dev/null", O_RDWR);
    CU_ASSERT_TRUE(is_refused(descriptor, "it has no head"));
    close(descriptor);
}

/* Every byte of head and records with other bits: whole or refused, and what is read is a history. */
static void test_any_bytes(void) {
    unsigned taken = 0, refused = 0;
    const int descriptor = write_ten();
    for (off_t offset = 0; offset < HEAD_SIZE + 10 * 56; offset++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct history read = {0};
            unsigned char good;
            CU_ASSERT_EQUAL_FATAL(pread(descriptor, &good, 1, offset), 1);
            const unsigned char other = (unsigned char)(good ^ 1u << bit);
            overwrite(descriptor, offset, &other, 1);
            const bool whole = history_mapped_read(descriptor, RANK, &read, error);
            taken += whole;
            refused += !whole;
            CU_ASSERT(whole ? read.count <= 16 * 64 : read.count == 0 && error[0] != '\0');
            for (size_t i = 0; i < read.count; i++) {
                CU_ASSERT(read.records[i].index == i && read.records[i].client_rank == RANK);
                CU_ASSERT(read.records[i].outcome < CHORD_OUTCOME_COUNT);
            }
            overwrite(descriptor, offset, &good, 1);
            history_free(&read);
        }
    }
    CU_ASSERT(taken > 1000 && refused > 500);
    close(descriptor);
}

static void test_no_file(void) {
    struct history history;
    CU_ASSERT_FALSE(history_mapped_create(&history, in_folder("none/h"), &writer, error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "none/h': No such file or directory; choose another --history-dir"));
    CU_ASSERT(history.head == NULL && history.count == 0);
    CU_ASSERT_TRUE(history_mapped_create(&history, in_folder("h"), &writer, error));
    struct history second;
    CU_ASSERT_FALSE(history_mapped_create(&second, path, &writer, error)); /* nobody else's is overwritten */
    CU_ASSERT_PTR_NOT_NULL(strstr(error, "File exists"));
    history_free(&history);
    CU_ASSERT_EQUAL(unlink(path), 0);
}

/* A disk that is full: the run goes on in memory, and the file says that it is of no use. */
static void test_full(void) {
    struct history history;
    struct rlimit limit;
    const int descriptor = create(&history, &writer);
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {.rlim_cur = 256 * 1024, .rlim_max = limit.rlim_max};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (size_t i = 0; i < 20000; i++) {
        issue(&history);
        answer(&history, i);
    }
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, before);
    CU_ASSERT_PTR_NULL(history.head);
    CU_ASSERT_EQUAL(history.count, 20000);
    for (size_t i = 0; i < history.count; i++) {
        CU_ASSERT(is_answered(&history.records[i], i));
    }
    CU_ASSERT_TRUE(is_refused(descriptor, "its disk was full"));
    history_free(&history);
    close(descriptor);
}

/* --- in rank 0's hands --- */

static void test_evidence(void) {
    const struct evidence_place place = {.directory = folder, .host = "here", .job = 7};
    const struct evidence_place elsewhere = {.directory = folder, .host = "there", .job = 7};
    struct history histories[3], read = {0};
    struct evidence evidence;
    char name[EVIDENCE_PATH_SIZE], other[EVIDENCE_PATH_SIZE];
    for (uint32_t rank = 0; rank < 3; rank++) { /* rank 1 is on another host */
        const struct history_mapped_writer by = {.client_rank = rank};
        CU_ASSERT_TRUE_FATAL(evidence_path(rank == 1 ? &elsewhere : &place, rank, name));
        CU_ASSERT_TRUE_FATAL(history_mapped_create(&histories[rank], name, &by, error));
    }
    CU_ASSERT_EQUAL_FATAL(evidence_open(&evidence, &place, 3), CHORD_OK);
    for (uint32_t rank = 0; rank < 3; rank++) {
        evidence_unlink(rank == 1 ? &elsewhere : &place, rank);
    }
    CU_ASSERT(rmdir(folder) == 0 && mkdir(folder, 0700) == 0); /* nothing is left behind */
    const struct history_record record = {.client_rank = 2, .kind = CHORD_DELETE, .outcome = CHORD_UNKNOWN};
    CU_ASSERT_EQUAL(history_append(&histories[2], &record), CHORD_OK);
    CU_ASSERT_TRUE(evidence_read(&evidence, 0, &read, error) && read.count == 0);
    CU_ASSERT_TRUE(evidence_read(&evidence, 2, &read, error) && read.count == 1);
    CU_ASSERT_FALSE(evidence_read(&evidence, 1, &read, error));
    CU_ASSERT_STRING_EQUAL(error, "it is out of reach");
    CU_ASSERT_FALSE(evidence_read(&evidence, 3, &read, error));
    evidence_close(&evidence);
    CU_ASSERT_FALSE(evidence_read(&evidence, 0, &read, error)); /* nobody's */
    evidence_close(&evidence);
    for (uint32_t rank = 0; rank < 3; rank++) {
        history_free(&histories[rank]);
    }
    history_free(&read);
    /* Names of other jobs and hosts are others; one that is too long is refused. */
    const struct evidence_place next_job = {.directory = folder, .host = "here", .job = 8};
    CU_ASSERT(evidence_path(&place, 1, name) && evidence_path(&next_job, 1, other) && strcmp(name, other) != 0);
    CU_ASSERT(evidence_path(&elsewhere, 1, other) && strcmp(name, other) != 0);
    static char deep[EVIDENCE_PATH_SIZE];
    memset(deep, 'd', sizeof deep - 1);
    const struct evidence_place too_deep = {.directory = deep, .host = "here"};
    CU_ASSERT_FALSE(evidence_path(&too_deep, 1, name));
    evidence_unlink(&too_deep, 1);
}

/* What came in messages, at any address, among records that were appended one by one; more than doubling at once, too. */
static void test_append_all(void) {
    enum { MOST = 5000 };
    struct history history = {0};
    unsigned char *bytes = malloc(1 + MOST * sizeof(struct history_record));
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    size_t count = 0;
    static const size_t counts[] = {0, 1, 70, 0, 954, MOST};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        for (size_t i = 0; i < counts[c]; i++) {
            const struct history_record record = issued(count + i);
            memcpy(bytes + 1 + i * sizeof record, &record, sizeof record);
        }
        CU_ASSERT_EQUAL(history_append_all(&history, bytes + 1, counts[c]), CHORD_OK);
        count += counts[c];
        const struct history_record single = issued(count++);
        CU_ASSERT_EQUAL(history_append(&history, &single), CHORD_OK);
        CU_ASSERT_EQUAL_FATAL(history.count, count);
    }
    uint64_t same_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct history_record expected = issued(i);
        same_count += memcmp(&history.records[i], &expected, sizeof expected) == 0;
    }
    CU_ASSERT_EQUAL(same_count, count);
    CU_ASSERT_EQUAL(history_append_all(&history, bytes + 1, SIZE_MAX / 2), CHORD_NO_MEMORY);
    CU_ASSERT_EQUAL(history.count, count);
    history_free(&history);
    free(bytes);
}

int main(void) {
    static const struct unit_test tests[] = {{"on the heap", test_heap},
                                             {"several at once", test_append_all},
                                             {"on another clock", test_shift},
                                             {"in a file", test_mapped},
                                             {"of a killed process", test_killed},
                                             {"files that are refused", test_refused},
                                             {"files of any bytes", test_any_bytes},
                                             {"no file", test_no_file},
                                             {"a full disk", test_full},
                                             {"in rank 0's hands", test_evidence}};
    if (mkdtemp(folder) == NULL) {
        perror(folder);
        return 2;
    }
    const int status = UNIT_RUN("history", tests);
    if (rmdir(folder) != 0) {
        perror(folder);
        return 2;
    }
    return status;
}
