#include "app/driver/source.h"

#include "app/driver/grown.h"
#include "app/driver/loader.h"
#include "chord/base/check.h"

#include <stdlib.h>
#include <string.h>

void source_clear(struct source *source) {
    free(source->arena);
    free(source->items);
    generated_clear(&source->generated);
    *source = (struct source){0};
}

void source_forget(struct source *source) {
    source->arena_size = 0;
    source->item_count = 0;
    source->generates = false;
}

enum chord_status source_generate(struct source *source, const struct chord_config *config, uint32_t rank,
                                  const struct control_generate *plan) {
    const enum chord_status status = generated_begin(&source->generated, config, rank, plan);
    source->generates = status == CHORD_OK;
    return status;
}

void source_go_on(struct source *source, uint64_t start_ns, size_t position) {
    if (source->generates) {
        generated_go_on(&source->generated, start_ns, position);
    }
}

void source_load(struct source *source, const unsigned char *bytes, size_t size) {
    source->arena = grown(source->arena, &source->arena_capacity, source->arena_size + size, 1);
    while (size > 0) {
        struct source_item item = {.offset = source->arena_size};
        chord_check(size >= LOADER_HEAD_SIZE);
        item.kind = bytes[0];
        memcpy(&item.entry_rank, bytes + 1, 4);
        memcpy(&item.entry_virtual_node, bytes + 5, 2);
        memcpy(&item.key_size, bytes + 7, 2);
        memcpy(&item.value_size, bytes + 9, 4);
        const size_t data_size = (size_t)item.key_size + item.value_size;
        chord_check(size - LOADER_HEAD_SIZE >= data_size);
        memcpy(source->arena + source->arena_size, bytes + LOADER_HEAD_SIZE, data_size);
        source->arena_size += data_size;
        source->items =
            grown(source->items, &source->item_capacity, source->item_count + 1, sizeof *source->items);
        source->items[source->item_count++] = item;
        bytes += LOADER_HEAD_SIZE + data_size;
        size -= LOADER_HEAD_SIZE + data_size;
    }
}

size_t source_expected(const struct source *source) {
    return source->generates ? generated_expected(&source->generated) : source->item_count;
}

enum source_result source_next(struct source *source, size_t position, uint64_t now_ns, bool may_begin,
                               struct chord_operation *operation) {
    if (source->generates) {
        const bool made = generated_next(&source->generated, position, now_ns, may_begin, operation);
        return made ? SOURCE_OPERATION : generated_left(&source->generated) > 0 ? SOURCE_LATER : SOURCE_END;
    }
    if (position >= source->item_count || !may_begin) {
        return position >= source->item_count ? SOURCE_END : SOURCE_LATER;
    }
    const struct source_item *item = &source->items[position];
    const unsigned char *key = source->arena + item->offset;
    *operation = (struct chord_operation){
        .kind = (enum chord_operation_kind)item->kind,
        .entry = {.rank = item->entry_rank, .virtual_node = item->entry_virtual_node},
        .key = key,
        .key_size = item->key_size,
        .value = key + item->key_size,
        .value_size = item->value_size};
    return SOURCE_OPERATION;
}

uint64_t source_left(const struct source *source, size_t position) {
    return source->generates ? generated_left(&source->generated) : source->item_count - position;
}

const unsigned char *source_key(struct source *source, size_t position, size_t *size) {
    if (source->generates) {
        return generated_key(&source->generated, position, size);
    }
    *size = position < source->item_count ? source->items[position].key_size : 0;
    return *size == 0 ? NULL : source->arena + source->items[position].offset;
}

const unsigned char *source_value(struct source *source, size_t position, size_t *size) {
    if (source->generates) {
        return generated_value(&source->generated, position, size);
    }
    *size = position < source->item_count ? source->items[position].value_size : 0;
    return *size == 0 ? NULL : source->arena + source->items[position].offset + source->items[position].key_size;
}
