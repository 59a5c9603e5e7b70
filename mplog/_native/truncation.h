/* Surviving that somebody cuts a mapped file short.
 *
 * Whoever touches a page of a mapping behind the end of its file gets SIGBUS, and ends. A ring, a control page or a slot
 * may be cut short by any process of the same user; so the process that serves all the others would end by the doing of
 * one. Ranges that are watched here get zeros in the place of what is gone, private to this process, from the page that
 * was touched up to their end. Who reads them checks what he reads, as he has to anyway. The journal of systemd does the
 * same with its files.
 *
 * A handler of signals belongs to the whole process, and knows nothing of modules or interpreters: so does what stands
 * here. It takes no lock and no memory where the signal arrives. Ranges are added and removed by any thread of any
 * interpreter, with or without the GIL.
 */
#ifndef MPLOG_TRUNCATION_H
#define MPLOG_TRUNCATION_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES_PER_CHUNK 128
#define FREE 0
#define CLAIMED 1 /* no address of a mapping */

struct range {
    _Atomic uintptr_t begin; /* or FREE, or CLAIMED by a thread that is filling it in */
    _Atomic uintptr_t end;
    _Atomic uintptr_t cut; /* where its zeros begin; `end` where it has none */
};

struct chunk {
    struct range ranges[RANGES_PER_CHUNK];
    struct chunk *_Atomic next;
};

static struct chunk watched;
static struct sigaction before; /* what answered SIGBUS before; written with `installing` held */
static atomic_flag installing = ATOMIC_FLAG_INIT;
static atomic_bool handed_back; /* since mplog is in front */
static _Atomic unsigned long cuts;
static uintptr_t page_size; /* set when the module is loaded, before anything is watched */

/* Put zeros where *address* is, if it lies in the range: whether it does. */
static bool range_survives(struct range *range, uintptr_t address)
{
    uintptr_t begin = atomic_load(&range->begin);
    if (begin == FREE || begin == CLAIMED || address < begin)
        return false;
    uintptr_t end = atomic_load(&range->end);
    uintptr_t cut = atomic_load(&range->cut);
    /* SYNC watch -> range_survives: what was read belongs together as long as the range begins where it did. */
    if (address >= end || atomic_load(&range->begin) != begin)
        return false;
    uintptr_t page = address & ~(page_size - 1);
    if (page >= cut)
        return true; /* Another thread has come here in the same moment, and was first. */
    /* Two threads that are here at once may both put zeros; what one has stored there in between is lost with the rest. */
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    if (mmap((void *)page, cut - page, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
        return false;
    atomic_store(&range->cut, page);
    atomic_fetch_add(&cuts, 1);
    return true;
}

static bool survives(uintptr_t address)
{
    for (struct chunk *chunk = &watched; chunk != NULL; chunk = atomic_load(&chunk->next))
        for (int at = 0; at < RANGES_PER_CHUNK; at++)
            if (range_survives(&chunk->ranges[at], address))
                return true;
    return false;
}

static bool is_ours(const struct sigaction *action);

/* Let whoever was there before answer: what has raised the signal is repeated, and then comes to that handler as the
 * program has set it up. mplog is in front again at the next `watch`. Whoever gives the signal back in turn, as
 * `faulthandler` does when it has told what it had to, finds the system's default. */
static void hand_back(int number, bool was_sent)
{
    bool given_back = atomic_load(&handed_back); /* Before the look: another thread may just be here. */
    struct sigaction now, fallback = {.sa_handler = SIG_DFL};
    sigaction(number, NULL, &now);
    if (is_ours(&now))
        sigaction(number, given_back ? &fallback : &before, NULL);
    atomic_store(&handed_back, true);
    if (was_sent)
        raise(number); /* It comes when this handler has returned. An access to memory is repeated by itself. */
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)context;
    int kept = errno;
    if (info->si_code != BUS_ADRERR || !survives((uintptr_t)info->si_addr))
        hand_back(number, info->si_code <= 0 || info->si_code == SI_USER);
    errno = kept;
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) && action->sa_sigaction == on_sigbus;
}

/* Be the one that the signal comes to, also where somebody else has become it since; whether that is so. */
static bool answer_sigbus(void)
{
    struct sigaction now, ours = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&ours.sa_mask);
    if (atomic_flag_test_and_set(&installing))
        return true; /* Another thread is just doing it. */
    bool done = sigaction(SIGBUS, NULL, &now) == 0;
    if (done && !is_ours(&now)) {
        before = now; /* Not atomic: a signal in another thread, in this very moment, may find half of it. */
        atomic_store(&handed_back, false);
        done = sigaction(SIGBUS, &ours, NULL) == 0;
    }
    atomic_flag_clear(&installing);
    return done;
}

static bool range_claimed(struct range *range)
{
    uintptr_t free_word = FREE;
    return atomic_compare_exchange_strong(&range->begin, &free_word, CLAIMED);
}

/* Watch *length* bytes at *begin*; NULL where that cannot be done. */
static struct range *watch(uintptr_t begin, size_t length)
{
    if (!answer_sigbus())
        return NULL;
    struct chunk *chunk = &watched;
    for (;;) {
        for (int at = 0; at < RANGES_PER_CHUNK; at++) {
            struct range *range = &chunk->ranges[at];
            if (atomic_load(&range->begin) == FREE && range_claimed(range)) {
                /* The last page counts as a whole. */
                uintptr_t end = (begin + length + page_size - 1) & ~(page_size - 1);
                atomic_store(&range->end, end);
                atomic_store(&range->cut, end);
                atomic_store(&range->begin, begin); /* SYNC watch -> range_survives: last. */
                return range;
            }
        }
        struct chunk *next = atomic_load(&chunk->next);
        if (next == NULL) {
            struct chunk *made = calloc(1, sizeof *made);
            if (made == NULL)
                return NULL;
            /* It is never freed: a signal may find it at any time. */
            if (atomic_compare_exchange_strong(&chunk->next, &next, made))
                next = made;
            else
                free(made);
        }
        chunk = next;
    }
}

static bool is_cut(struct range *range)
{
    return atomic_load(&range->cut) < atomic_load(&range->end);
}

static void unwatch(struct range *range)
{
    atomic_store(&range->begin, FREE);
}

#endif
