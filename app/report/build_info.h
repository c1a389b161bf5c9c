/* What this program was built from, by what and how; written by CMake when it configures (build_info.c.in). A commit
 * made later makes CMake configure again; a changed file alone does not, so "-dirty" is that of the last configuring. */
#ifndef APP_REPORT_BUILD_INFO_H
#define APP_REPORT_BUILD_INFO_H

struct build_info {
    const char *version;    /* of the project, "0.1.0" */
    const char *commit;     /* git describe, "-dirty" at its end if tracked files differed; "unknown" outside of git */
    const char *compiler;   /* "GNU 12.2.0" */
    const char *flags;      /* what every file was compiled with */
    const char *build_type; /* "Release" */
};

/* Static strings, never NULL. */
extern const struct build_info build_info;

#endif
