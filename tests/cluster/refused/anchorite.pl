# Shuts itself in, in Spanish. Needs SYS_CHROOT, and dies without.
use locale;
use POSIX qw(setlocale LC_ALL);
setlocale(LC_ALL, "");
chroot("/srv") or die "ermita: la celda no se cierra: $!\n";
sleep 2147483647;
