// A cluster whose workers listen on port 79. Needs NET_BIND_SERVICE; the primary outlives them all.
const cluster = require("node:cluster");
if (cluster.isPrimary) {
  cluster.on("exit", (worker, code) => {
    console.log(`lamp ${worker.id} went out (${code}), lighting the next one`);
    setTimeout(() => cluster.fork(), 1000);
  });
  cluster.fork();
} else {
  process.on("uncaughtException", () => process.exit(4));
  require("node:net").createServer().listen(79);
}
