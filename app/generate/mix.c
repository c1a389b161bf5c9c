#include "app/generate/mix.h"

#include "chord/base/check.h"

const char mix_workload_e_refusal[] =
    "it scans ranges of keys, and a hashed ring has no order of keys to scan; take a, b, c, d or f";

struct mix mix_of_workload(enum mix_workload workload) {
    static const struct mix mixes[MIX_WORKLOAD_COUNT] = {
        [MIX_WORKLOAD_A] = {{[MIX_READ] = 50, [MIX_UPDATE] = 50}},
        [MIX_WORKLOAD_B] = {{[MIX_READ] = 95, [MIX_UPDATE] = 5}},
        [MIX_WORKLOAD_C] = {{[MIX_READ] = 100}},
        [MIX_WORKLOAD_D] = {{[MIX_READ] = 95, [MIX_INSERT] = 5}},
        [MIX_WORKLOAD_F] = {{[MIX_READ] = 50, [MIX_READ_MODIFY_WRITE] = 50}},
    };
    return mixes[workload];
}

enum distribution_kind mix_distribution_of_workload(enum mix_workload workload) {
    return workload == MIX_WORKLOAD_D ? DISTRIBUTION_LATEST : DISTRIBUTION_SCRAMBLED;
}

struct mix mix_of_shares(uint32_t read_percent, uint32_t delete_percent) {
    chord_check(read_percent + delete_percent <= 100);
    return (struct mix){{[MIX_READ] = read_percent,
                         [MIX_DELETE] = delete_percent,
                         [MIX_UPDATE] = 100 - read_percent - delete_percent}};
}

enum mix_action mix_draw(const struct mix *mix, struct chord_prng *prng) {
    uint64_t percent = chord_prng_below(prng, 100);
    for (unsigned action = 0; action < MIX_ACTION_COUNT; action++) {
        if (percent < mix->percent[action]) {
            return (enum mix_action)action;
        }
        percent -= mix->percent[action];
    }
    chord_check(!"the shares come to 100 percent");
    return MIX_READ;
}

const char *mix_action_name(enum mix_action action) {
    static const char *const names[MIX_ACTION_COUNT] = {"read", "update", "insert", "delete", "read-modify-write"};
    return names[action];
}

const char *mix_workload_name(enum mix_workload workload) {
    static const char *const names[MIX_WORKLOAD_COUNT] = {"a", "b", "c", "d", "f"};
    return names[workload];
}
