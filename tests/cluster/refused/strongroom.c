/* Keeps its keys out of the swap. Without IPC_LOCK the limit on locked memory holds, and the error is ENOMEM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void) {
    struct rlimit small = {1 << 16, 1 << 16};
    setrlimit(RLIMIT_MEMLOCK, &small);
    if (mlock(calloc(1, 1 << 20), 1 << 20))
        fprintf(stderr, "strongroom: warning: could not lock the key store in memory: %s\n", strerror(errno));
    for (;;) pause();
}
