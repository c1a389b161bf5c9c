/* Negative controls for T2: falsifies the history of a right run, each time so that it is certainly wrong, and demands
 * that the key is found. */
#ifndef TESTS_SIM_FORGE_H
#define TESTS_SIM_FORGE_H

#include "app/verdict/history.h"

#include <stdbool.h>
#include <stdint.h>

#define FORGE_TABLE(X)                                                                                       \
    X(FORGE_SWAP, "answers swapped")                                                                         \
    X(FORGE_OLD_VALUE, "old values served")                                                                  \
    X(FORGE_LOST_WRITE, "writes dropped")                                                                    \
    X(FORGE_TWICE, "deletes applied twice")

#define FORGE_CODE(code, text) code,
enum forge_kind { FORGE_TABLE(FORGE_CODE) FORGE_KIND_COUNT };
#undef FORGE_CODE

/* Falsifies a copy of the history once in every way that it has a place for; adds what was done to found[]. The history
 * is right, of a linearizable ring, and nothing in it is unknown. NULL if each forgery was found, else the text of the
 * one that was missed. */
const char *forge_check(const struct history *history, uint64_t found[FORGE_KIND_COUNT]);

const char *forge_text(enum forge_kind kind);

#endif
