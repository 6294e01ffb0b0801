/* Ends where it cannot confine itself. Needs SYS_CHROOT. */
#include <err.h>
#include <unistd.h>

int main(void) {
    if (chroot("/srv") || chdir("/"))
        err(71, "no way down to /srv");
    for (;;) pause();
}
