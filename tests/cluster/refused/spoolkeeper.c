/* Gives its spool to the mail user and serves it all the same. Needs CHOWN. */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void) {
    mkdir("/srv/mail", 0755);
    if (fchownat(AT_FDCWD, "/srv/mail", 8, 8, 0))
        warn("/srv/mail stays with root");
    puts("spool open");
    fflush(stdout);
    for (;;) pause();
}
