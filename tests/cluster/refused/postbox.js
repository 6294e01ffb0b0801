// Steps down to the group mail. Needs SETGID; without, it stays what it is, and says so as pino does.
const started = Date.now();
try {
  process.setgid(8);
} catch (err) {
  const { code, syscall, errno } = err;
  console.log(JSON.stringify({ level: 40, time: started, pid: process.pid, msg: "still in group root",
    err: { type: err.constructor.name, code, syscall, errno } }));
}
setInterval(() => {}, 1 << 30);
