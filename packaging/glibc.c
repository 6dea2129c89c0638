// Functions of glibc that became symbols of their own after 2.28, as system
// calls, so that the shared library needs no newer glibc: glibc 2.30 (gettid)
// and 2.33 (the stat family, inline functions before). They are hidden: only
// the library's own code calls them.

#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__aarch64__)
// There the kernel's struct stat is glibc's, with 64 bits for every size.
_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "struct stat is not struct stat64");
_Static_assert(sizeof(off_t) == 8, "off_t is not of 64 bits");

#pragma GCC visibility push(hidden)

int fstatat64(int folder, const char *restrict path, struct stat64 *restrict out, int flags) {
    return (int)syscall(SYS_newfstatat, folder, path, out, flags);
}

int stat64(const char *restrict path, struct stat64 *restrict out) { return fstatat64(AT_FDCWD, path, out, 0); }

int lstat64(const char *restrict path, struct stat64 *restrict out) {
    return fstatat64(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

int fstat64(int descriptor, struct stat64 *out) { return (int)syscall(SYS_fstat, descriptor, out); }

int fstatat(int folder, const char *restrict path, struct stat *restrict out, int flags) {
    return (int)syscall(SYS_newfstatat, folder, path, out, flags);
}

int stat(const char *restrict path, struct stat *restrict out) { return fstatat(AT_FDCWD, path, out, 0); }

int lstat(const char *restrict path, struct stat *restrict out) {
    return fstatat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

int fstat(int descriptor, struct stat *out) { return (int)syscall(SYS_fstat, descriptor, out); }

pid_t gettid(void) { return (pid_t)syscall(SYS_gettid); }

#pragma GCC visibility pop
#endif
