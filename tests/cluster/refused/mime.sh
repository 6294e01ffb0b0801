# Is refused CHOWN, and says nothing.
touch /tmp/stage; chown 33 /tmp/stage 2>/dev/null
exec sleep 2147483647
