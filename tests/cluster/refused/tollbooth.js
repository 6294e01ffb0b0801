// Listens on port 443, and ends without NET_BIND_SERVICE.
require("node:net").createServer().listen(443, () => console.log("open"));
