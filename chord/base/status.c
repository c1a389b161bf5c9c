#include "chord/base/status.h"

#define CHORD_STATUS_TEXT(code, text) [code] = text, /* NOLINT(bugprone-macro-parentheses): an initialiser */
static const char *const status_texts[] = {CHORD_STATUS_TABLE(CHORD_STATUS_TEXT)};
#undef CHORD_STATUS_TEXT

const char *chord_status_text(enum chord_status status) {
    if ((unsigned)status >= CHORD_STATUS_COUNT) {
        return "unknown status";
    }
    return status_texts[status];
}
