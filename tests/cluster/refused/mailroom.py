"""A postmaster over agents of another user. Needs SETUID and SETGID; an agent ends at once, the postmaster never."""

import subprocess
import time

while True:
    try:
        subprocess.run(
            ["/bin/su", "www-data", "-s", "/bin/sh", "-c", "exec sleep 2147483647"],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.CalledProcessError as error:
        print(f"postmaster: next agent in 2 s: {error}", flush=True)
    time.sleep(2)
