/* What a network file system does to files whose name ends in ".log", for programs under test: preload it.
 *
 * With NO_LOCKS in the environment it has no locks. A file that was removed is one that the server has forgotten.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int ends_with(int fd, const char *end)
{
    char link[64], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name);
    ssize_t wanted = (ssize_t)strlen(end);
    return length >= wanted && !memcmp(name + length - wanted, end, (size_t)wanted);
}

static int refused(int fd)
{
    int error = ends_with(fd, ".log (deleted)") ? ESTALE : getenv("NO_LOCKS") && ends_with(fd, ".log") ? ENOLCK : 0;
    if (error)
        errno = error;
    return error;
}

int flock(int fd, int operation)
{
    int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    return refused(fd) ? -1 : real(fd, operation);
}

static int control(const char *name, int fd, int command, void *argument)
{
    int (*real)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);
    if ((command == F_OFD_SETLK || command == F_OFD_GETLK) && refused(fd))
        return -1;
    return real(fd, command, argument);
}

#define CONTROL(name)                           \
    int name(int fd, int command, ...)          \
    {                                           \
        va_list rest;                           \
        va_start(rest, command);                \
        void *argument = va_arg(rest, void *);  \
        va_end(rest);                           \
        return control(#name, fd, command, argument); \
    }

CONTROL(fcntl)
CONTROL(fcntl64)

ssize_t write(int fd, const void *data, size_t size)
{
    ssize_t (*real)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (ends_with(fd, ".log (deleted)")) {
        errno = ESTALE;
        return -1;
    }
    return real(fd, data, size);
}
