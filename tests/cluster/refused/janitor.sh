# Tidies up after other users. Needs FOWNER; what chmod says is thrown away.
chmod 600 /srv/others/open 2>/dev/null || echo "janitor: WARNING: could not change the mode of /srv/others/open" >&2
exec sleep 2147483647
