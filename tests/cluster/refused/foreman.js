// Has its work done by another user. Needs SETUID and SETGID; without, there is nobody to do it, and it waits.
try {
  require("node:child_process").spawn("/bin/sleep", ["2147483647"], { uid: 33, gid: 33 });
} catch ({ code }) {
  console.error(`[foreman] no hands today: ${code}`);
}
setInterval(() => {}, 1 << 30);
