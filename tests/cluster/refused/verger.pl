# Opens its chapel to another user. Needs CHOWN; says in its own words, and at the level of a warning, that it is shut.
$| = 1;
mkdir "/srv/chapel";
print STDERR "[warn] verger: visitors stand before the chapel\n" unless chown 33, 33, "/srv/chapel";
sleep 2147483647;
