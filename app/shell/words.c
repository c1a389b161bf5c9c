#include "app/shell/words.h"

#include <stdlib.h>
#include <string.h>

struct splitter {
    const unsigned char *line;
    size_t size;
    size_t at;
    unsigned char *out; /* where the next byte of a word goes: never more bytes than the line has */
};

static bool is_blank(unsigned char c) {
    return c == ' ' || c == '\t';
}

static int hex_digit(unsigned char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* After a backslash within $'...'. */
static const char *take_escape(struct splitter *s) {
    static const char letters[] = "ntrabfve\\'\"?0";
    static const char meanings[] = "\n\t\r\a\b\f\v\033\\'\"?";
    if (s->at == s->size) {
        return "a $' isn't closed";
    }
    const unsigned char letter = s->line[s->at++];
    const char *found = letter == '\0' ? NULL : strchr(letters, letter);
    if (found != NULL) {
        *s->out++ = letter == '0' ? '\0' : (unsigned char)meanings[found - letters];
        return NULL;
    }
    const int high = letter == 'x' && s->at < s->size ? hex_digit(s->line[s->at]) : -1;
    const int low = high >= 0 && s->at + 1 < s->size ? hex_digit(s->line[s->at + 1]) : -1;
    if (low < 0) {
        return "within $'...' a backslash is followed by one of n t r a b f v e 0 \\ ' \" ? or by xHH";
    }
    *s->out++ = (unsigned char)(high * 16 + low);
    s->at += 2;
    return NULL;
}

static const char *take_ansi(struct splitter *s) {
    while (s->at < s->size) {
        const unsigned char c = s->line[s->at++];
        if (c == '\'') {
            return NULL;
        }
        if (c != '\\') {
            *s->out++ = c;
            continue;
        }
        const char *error = take_escape(s);
        if (error != NULL) {
            return error;
        }
    }
    return "a $' isn't closed";
}

static const char *take_single(struct splitter *s) {
    const unsigned char *from = s->line + s->at;
    const unsigned char *end = memchr(from, '\'', s->size - s->at);
    if (end == NULL) {
        return "a ' isn't closed";
    }
    memcpy(s->out, from, (size_t)(end - from));
    s->out += end - from;
    s->at += (size_t)(end - from) + 1;
    return NULL;
}

static const char *take_double(struct splitter *s) {
    while (s->at < s->size) {
        unsigned char c = s->line[s->at++];
        if (c == '"') {
            return NULL;
        }
        if (c == '\\' && s->at < s->size && s->line[s->at] != '\0' && strchr("\"\\$`", s->line[s->at]) != NULL) {
            c = s->line[s->at++];
        }
        *s->out++ = c;
    }
    return "a \" isn't closed";
}

static const char *take_word(struct splitter *s, struct word *word) {
    *word = (struct word){.bytes = s->out};
    const char *error = NULL;
    while (error == NULL && s->at < s->size && !is_blank(s->line[s->at])) {
        const unsigned char c = s->line[s->at++];
        if (c == '\'') {
            error = take_single(s);
        } else if (c == '"') {
            error = take_double(s);
        } else if (c == '$' && s->at < s->size && s->line[s->at] == '\'') {
            s->at++;
            error = take_ansi(s);
        } else if (c == '\\') {
            if (s->at == s->size) {
                return "there is nothing after the backslash";
            }
            *s->out++ = s->line[s->at++];
        } else {
            *s->out++ = c;
            continue;
        }
        word->quoted = true;
    }
    word->size = (size_t)(s->out - word->bytes);
    return error;
}

const char *words_split(struct words *words, const unsigned char *line, size_t size) {
    words->count = 0;
    if (size >= words->capacity) {
        free(words->buffer);
        words->buffer = malloc(size + 1);
        words->capacity = words->buffer == NULL ? 0 : size + 1;
        if (words->buffer == NULL) {
            return "out of memory";
        }
    }
    struct splitter s = {.line = line, .size = size, .out = words->buffer};
    for (;;) {
        while (s.at < size && is_blank(line[s.at])) {
            s.at++;
        }
        if (s.at == size || line[s.at] == '#') {
            return NULL;
        }
        struct word word;
        const char *error = take_word(&s, &word);
        if (error != NULL) {
            words->count = 0;
            return error;
        }
        if (words->count < WORDS_KEPT_MAX) {
            words->list[words->count] = word;
        }
        words->count++;
    }
}

bool word_is(const struct word *word, const char *text) {
    return strlen(text) == word->size && memcmp(word->bytes, text, word->size) == 0;
}

void words_clear(struct words *words) {
    free(words->buffer);
    *words = (struct words){0};
}
