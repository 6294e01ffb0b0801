# Wakes a guest who is another user. Needs KILL, and SETUID and SETGID to let him in.
su www-data -s /bin/sh -c 'trap : USR2; while :; do sleep 9; done' &
sleep 1
kill -USR2 $! || echo "bellboy: nobody answers"
wait
