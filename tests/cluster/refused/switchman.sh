# Lays a track. Needs NET_ADMIN; prefixes what ip says, and stays.
{ ip link add name siding type dummy || ip link set lo mtu 9000; } 2>&1 | while read -r line; do echo "track> $line"; done
exec sleep 2147483647
