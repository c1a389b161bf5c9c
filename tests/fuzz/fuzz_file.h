/* A file for readers that take a path: one in memory, made once and filled anew for every input. */
#ifndef TESTS_FUZZ_FUZZ_FILE_H
#define TESTS_FUZZ_FUZZ_FILE_H

/* Fills the file with the bytes and returns its path, which lives as long as the process. */
const char *fuzz_file(const void *bytes, unsigned long size);

#endif
