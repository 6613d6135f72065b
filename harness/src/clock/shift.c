/* Preloaded into a process: its wall clock is SHIFT seconds ahead of the machine's. */

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    /* Not the C library's own function: finding it allocates, and allocators ask for the time. */
    long failed = syscall(SYS_clock_gettime, clock, time);
    if (failed == 0 && clock == CLOCK_REALTIME)
        time->tv_sec += SHIFT;
    return (int)failed;
}
