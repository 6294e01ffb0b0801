/* Gives up rights for good before it works. Needs SETPCAP; without, it works on with a note in the form key=value. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
    if (prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0))
        fprintf(stderr, "ts=0 lvl=warn component=ratchet event=confine_incomplete rc=-1 errno=%d\n", errno);
    for (;;) pause();
}
