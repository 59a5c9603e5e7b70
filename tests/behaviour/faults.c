/* Faults of a disk, for programs under test: preload it, and put a plan into ./fault.txt while it shall fail.
 *
 * The plan is "<errno> <bytes>": of each write to a file whose name ends in ".log", so many bytes reach the file; then
 * the call fails when nothing was left to write or nothing may be, else it is short. "<errno> -1" writes everything
 * and fails all the same. Errno 0 makes writes short and nothing else.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static __thread long left = -2;

ssize_t write(int fd, const void *data, size_t size)
{
    static ssize_t (*real)(int, const void *, size_t);
    char link[64], name[4096];
    int error = 0;
    long bytes = 0;
    if (!real)
        real = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 4 || strncmp(name + length - 4, ".log", 4))
        return real(fd, data, size);
    FILE *plan = fopen("fault.txt", "r");
    if (!plan || fscanf(plan, "%d %ld", &error, &bytes) != 2) {
        if (plan)
            fclose(plan);
        left = -2;
        return real(fd, data, size);
    }
    fclose(plan);
    if (bytes < 0) {
        real(fd, data, size);
        errno = error;
        return -1;
    }
    if (!error)
        return real(fd, data, size < (size_t)bytes ? size : (size_t)bytes);
    if (left == -2)
        left = bytes;
    if (left > 0) {
        ssize_t done = real(fd, data, size < (size_t)left ? size : (size_t)left);
        left = size <= (size_t)left ? -2 : 0;
        return done;
    }
    left = -2;
    errno = error;
    return -1;
}
