/* The clients: they issue, repeat what isn't answered, and end when all is answered. */

#define MAY_ISSUE(w) (!HAS(issued, w) && (!SEQUENTIAL || (w) == 1 || answered[1] != 0))

inline issue(w) {
    issued = issued | BIT(w);
    copies[w]++;
    floor_write[w] = LENGTH(truth)
}

#define ALL_ANSWERED (answered[1] != 0 && (WRITES == 1 || answered[2] != 0) && reads_left == 0 && !read_under_way)

/* Waiting forever for an answer is an error: no end label. */
proctype clients() {
    do
    :: d_step { MAY_ISSUE(1) -> issue(1) }
#if WRITES == 2
    :: d_step { MAY_ISSUE(2) -> issue(2) }
#endif
    :: d_step { retries_left > 0 && HAS(issued, 1) && answered[1] == 0 -> retries_left--; copies[1]++ }
#if WRITES == 2
    :: d_step { retries_left > 0 && HAS(issued, 2) && answered[2] == 0 -> retries_left--; copies[2]++ }
#endif
    :: d_step { reads_left > 0 && !read_under_way ->
        reads_left--;
        read_under_way = 1;
        read_waits = 1;
        floor_read = LENGTH(truth) }
    :: ALL_ANSWERED -> break
    od
}
