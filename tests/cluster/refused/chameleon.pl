# Takes on another user. Needs SETUID; Perl sets $! and goes on.
$| = 1;
$> = 33;
print STDERR "chameleon: colour unchanged [$!]\n" if $> != 33;
sleep 2147483647;
