/* Splits a line into words, quoted as in a shell. Pure: it knows nothing of commands.
 *
 *     'as it is'           up to the next '
 *     "with \" and \\"     a backslash takes away the meaning of " \ $ ` and is itself otherwise
 *     \x                   any one byte x as it is
 *     $'a\tb\x00'          \n \t \r \a \b \f \v \e \\ \' \" \0 and \xHH stand for one byte: any bytes can be written
 *     # at a word's start  the rest of the line is a comment
 *
 * Blanks and tabs part words; pieces that touch are one word. All bytes but those above stand for themselves. */
#ifndef APP_SHELL_WORDS_H
#define APP_SHELL_WORDS_H

#include "chord/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* More words are counted and not kept. */
#define WORDS_KEPT_MAX 16u

struct word {
    const unsigned char *bytes; /* not terminated */
    size_t size;
    bool quoted; /* some of it was: a quoted * is only a star */
};

/* A zeroed struct is empty. */
struct words {
    struct word list[WORDS_KEPT_MAX];
    size_t count;          /* of all; list has the first WORDS_KEPT_MAX */
    unsigned char *buffer; /* owned; the bytes of the words */
    size_t capacity;
};

/* Replaces what *words held; the words live until the next call. Returns NULL, or why the line can't be split: a
 * text without final stop, in static storage. */
CHORD_MUST_CHECK const char *words_split(struct words *words, const unsigned char *line, size_t size);

/* Whether the word is this text. */
bool word_is(const struct word *word, const char *text);

/* Frees everything; the struct is empty and usable again. */
void words_clear(struct words *words);

#endif
