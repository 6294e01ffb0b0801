/* Speaks the language of its locale (glibc's own catalogue). Needs SYS_NICE, and ticks on without. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void) {
    setlocale(LC_ALL, "");
    if (setpriority(PRIO_PROCESS, 0, -5))
        fprintf(stderr, "uhrwerk[%d]: Der Takt kann nachgehen: %s\n", getpid(), strerror(errno));
    for (;;) pause();
}
