/* Stands in for a file server: every metadata call below SLOW_ROOT takes SLOW_MICROSECONDS longer and is counted.
 *
 * Preload it into chown and into the worker alike. Delayed are status, change of owner or mode, open, the first reading
 * of a directory and each further REFILL names, and the reading that finds its end. A descriptor is slow when it was
 * opened below SLOW_ROOT or relative to a slow one; everything else (libraries, /proc, the state) runs at full speed.
 * Counts go to the file SLOW_COUNTS, shared by all processes: status, owner, open, list (four 64 bit words).
 *
 * cc -shared -fPIC -O2 -o slow_metadata.so slow_metadata.c -ldl -lpthread
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FDS 65536
#define REFILL 1000
enum { STATUS, OWNER, OPEN, LIST, KINDS };

static unsigned char slow[FDS];
static unsigned int names_read[FDS];
static uint64_t local_counts[KINDS];
static uint64_t *counts = local_counts;
static const char *root;
static size_t root_length;
static long microseconds;

__attribute__((constructor)) static void start(void)
{
    const char *file = getenv("SLOW_COUNTS"), *us = getenv("SLOW_MICROSECONDS");
    root = getenv("SLOW_ROOT");
    root_length = root ? strlen(root) : 0;
    microseconds = us ? atol(us) : 0;
    if (file) {
        int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0 && ftruncate(fd, sizeof local_counts) == 0) {
            void *page = mmap(NULL, sizeof local_counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
            if (page != MAP_FAILED)
                counts = page;
            close(fd);
        }
    }
}

static int is_slow_fd(int fd) { return fd >= 0 && fd < FDS && slow[fd]; }

static int is_slow(int at, const char *path)
{
    if (!root_length)
        return 0;
    if (path && path[0] == '/')
        return strncmp(path, root, root_length) == 0 && (path[root_length] == 0 || path[root_length] == '/');
    return is_slow_fd(at);
}

static void take_time(int kind)
{
    __atomic_add_fetch(&counts[kind], 1, __ATOMIC_RELAXED);
    if (microseconds) {
        struct timespec span = {microseconds / 1000000, microseconds % 1000000 * 1000};
        nanosleep(&span, NULL);
    }
}

#define REAL(result, name, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define STATUS_AT(name, type) \
    int name(int at, const char *path, struct type *status, int flags) \
    { \
        REAL(int, #name, int, const char *, struct type *, int); \
        if (is_slow(at, path)) take_time(STATUS); \
        return real(at, path, status, flags); \
    }
STATUS_AT(fstatat, stat)
STATUS_AT(fstatat64, stat64)

#define STATUS_FD(name, type) \
    int name(int fd, struct type *status) \
    { \
        REAL(int, #name, int, struct type *); \
        if (is_slow_fd(fd)) take_time(STATUS); \
        return real(fd, status); \
    }
STATUS_FD(fstat, stat)
STATUS_FD(fstat64, stat64)

#define STATUS_PATH(name, type) \
    int name(const char *path, struct type *status) \
    { \
        REAL(int, #name, const char *, struct type *); \
        if (is_slow(AT_FDCWD, path)) take_time(STATUS); \
        return real(path, status); \
    }
STATUS_PATH(stat, stat)
STATUS_PATH(stat64, stat64)
STATUS_PATH(lstat, stat)
STATUS_PATH(lstat64, stat64)

int statx(int at, const char *path, int flags, unsigned int mask, struct statx *status)
{
    REAL(int, "statx", int, const char *, int, unsigned int, struct statx *);
    if (is_slow(at, path)) take_time(STATUS);
    return real(at, path, flags, mask, status);
}

int fchownat(int at, const char *path, uid_t uid, gid_t gid, int flags)
{
    REAL(int, "fchownat", int, const char *, uid_t, gid_t, int);
    if (is_slow(at, path)) take_time(OWNER);
    return real(at, path, uid, gid, flags);
}

int fchown(int fd, uid_t uid, gid_t gid)
{
    REAL(int, "fchown", int, uid_t, gid_t);
    if (is_slow_fd(fd)) take_time(OWNER);
    return real(fd, uid, gid);
}

#define OWNER_PATH(name) \
    int name(const char *path, uid_t uid, gid_t gid) \
    { \
        REAL(int, #name, const char *, uid_t, gid_t); \
        if (is_slow(AT_FDCWD, path)) take_time(OWNER); \
        return real(path, uid, gid); \
    }
OWNER_PATH(chown)
OWNER_PATH(lchown)

int fchmod(int fd, mode_t mode)
{
    REAL(int, "fchmod", int, mode_t);
    if (is_slow_fd(fd)) take_time(OWNER);
    return real(fd, mode);
}

static int opened(int fd, int is)
{
    if (fd >= 0 && fd < FDS) {
        slow[fd] = is;
        names_read[fd] = 0;
    }
    return fd;
}

#define OPEN_AT(name) \
    int name(int at, const char *path, int flags, ...) \
    { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        REAL(int, #name, int, const char *, int, mode_t); \
        int is = is_slow(at, path); \
        if (is) take_time(OPEN); \
        return opened(real(at, path, flags, mode), is); \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

#define OPEN_PATH(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0; \
        va_end(list); \
        REAL(int, #name, const char *, int, mode_t); \
        int is = is_slow(AT_FDCWD, path); \
        if (is) take_time(OPEN); \
        return opened(real(path, flags, mode), is); \
    }
OPEN_PATH(open)
OPEN_PATH(open64)

/* A directory stream reads on a copy of the descriptor made by fcntl(F_DUPFD_CLOEXEC) or dup. */
static int copied(int from, int fd)
{
    return opened(fd, is_slow_fd(from));
}

int dup(int fd)
{
    REAL(int, "dup", int);
    return copied(fd, real(fd));
}

#define CONTROL(name) \
    int name(int fd, int command, ...) \
    { \
        va_list list; \
        va_start(list, command); \
        void *argument = va_arg(list, void *); \
        va_end(list); \
        REAL(int, #name, int, int, void *); \
        int result = real(fd, command, argument); \
        return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, result) : result; \
    }
CONTROL(fcntl)
CONTROL(fcntl64)

/* A descriptor that came over a socket (one process of the worker hands a directory to another) is slow too. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    REAL(ssize_t, "recvmsg", int, struct msghdr *, int);
    ssize_t result = real(fd, message, flags);
    if (result > 0)
        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
            if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
                opened(*(int *)CMSG_DATA(c), 1);
    return result;
}

#define READ_NAMES(name, type) \
    struct type *name(DIR *directory) \
    { \
        REAL(struct type *, #name, DIR *); \
        int fd = dirfd(directory); \
        if (is_slow_fd(fd) && names_read[fd]++ % REFILL == 0) take_time(LIST); \
        struct type *entry = real(directory); \
        if (!entry && is_slow_fd(fd)) { names_read[fd] = 0; take_time(LIST); } \
        return entry; \
    }
READ_NAMES(readdir, dirent)
READ_NAMES(readdir64, dirent64)
