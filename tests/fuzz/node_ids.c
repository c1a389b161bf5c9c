/* Any bytes as a file of --node-ids: every rank and virtual node gets an id of its own that fits the ring, or one line says
 * why not. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"

#include "app/options/node_ids.h"

#define RANKS_MAX 4u
#define VIRTUAL_MAX 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_bytes bytes = {.at = data, .left = size};
    const unsigned bits = 1 + fuzz_take8(&bytes) % CHORD_ID_BITS_MAX;
    const unsigned shape = fuzz_take8(&bytes);
    const size_t rank_count = 1 + shape % RANKS_MAX;
    const size_t virtual_count = 1 + shape / RANKS_MAX % VIRTUAL_MAX;
    const size_t count = rank_count * virtual_count;
    struct chord_id ids[RANKS_MAX * VIRTUAL_MAX];
    char error[NODE_IDS_ERROR_SIZE];
    if (!node_ids_read(fuzz_file(bytes.at, bytes.left), bits, rank_count, virtual_count, ids, error)) {
        fuzz_require_one_line(error, sizeof error);
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        FUZZ_REQUIRE(chord_id_equal(ids[i], chord_id_truncate(ids[i], bits)));
        for (size_t j = 0; j < i; j++) {
            FUZZ_REQUIRE(!chord_id_equal(ids[i], ids[j]));
        }
        char text[CHORD_ID_TEXT_SIZE];
        struct chord_id again;
        chord_id_format(ids[i], bits, text);
        FUZZ_REQUIRE(chord_id_parse(text, strlen(text), bits, &again) == CHORD_OK);
        FUZZ_REQUIRE(chord_id_equal(again, ids[i]));
    }
    return 0;
}
