/* Hands one round of a history to other checkers. Each format is text, a line an event in the order of time, of
 * processes that do one thing at a time (lanes.h).
 *
 * porcupine: one file, as in the test data of Porcupine's key-value model (github.com/anishathalye/porcupine):
 *     {:process 3, :type :invoke, :f :put, :key "k", :value "v"}
 *     {:process 3, :type :ok, :f :put, :key "k", :value "v"}
 *     {:process 1, :type :invoke, :f :get, :key "k", :value nil}
 *     {:process 1, :type :ok, :f :get, :key "k", :value "v"}
 *   Its register holds "" when a key is absent, so a delete puts "", and a delete that found nothing is a get of "". A
 *   write without an answer has no second line (Porcupine lets it return at the end), a read without one is left out.
 *
 * knossos: a folder, one file a key, for Knossos' register (github.com/jepsen-io/knossos):
 *     {:process 0, :type :invoke, :f :write, :value "v"}
 *   A key that is absent holds :absent, and the first thing that happens is that somebody writes that: nil, which its
 *   register holds at first, would let a read be anything. A delete writes :absent, one that found nothing reads it. A
 *   write without an answer ends as :info at the end, a read without one is left out.
 *
 * Neither model knows answers to writes: inserted and updated look alike, and deleted like a write. So these checkers
 * find no more than T2 does, and maybe less.
 *
 * edn: one file with all that the history says, as Jepsen's histories are written, for programs of one's own:
 *     {:index 0, :time 0, :process 3, :type :invoke, :f :insert, :key "k", :value "v", :client 3, :phase 1,
 *      :operation 7}
 *     {:index 1, :time 9120, :process 3, :type :ok, :f :insert, :key "k", :value "v", :outcome :inserted, ...}
 *   :f is :insert, :query or :delete, :time nanoseconds from the first start. :value is nil where there is none. An
 *   operation without an answer ends as :info at the end. */
#ifndef APP_CHECK_EXPORT_H
#define APP_CHECK_EXPORT_H

#include "app/history/file.h"

#include "app/report/report_file.h"

enum export_format { EXPORT_NONE, EXPORT_PORCUPINE, EXPORT_EDN, EXPORT_KNOSSOS };

struct export_plan {
    enum export_format format;
    uint32_t round; /* 0: the only one */
    const char *to; /* a file, or a folder for EXPORT_KNOSSOS: a new or an empty one */
};

struct export_told {
    size_t file_count;
    size_t operation_count; /* told; those that are left out aren't counted */
    size_t left_out_count;  /* reads without an answer */
};

/* Writes it. A file appears whole or not at all. False: error says why in one line. */
CHORD_MUST_CHECK bool export_history(const struct history_file *file, const struct export_plan *plan,
                                     struct export_told *told, char error[REPORT_FILE_ERROR_SIZE]);

#endif
