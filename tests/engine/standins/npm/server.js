// Stands in for the services that run from a mounted folder by `npm start`: server.js beside package.json.
// NEEDED, a file beside it, names the variables that must be there.
"use strict";

const fs = require("node:fs");
const http = require("node:http");

const needed = fs.readFileSync(`${__dirname}/NEEDED`, "utf8").split("\n").filter(Boolean);
const missing = needed.filter((name) => !process.env[name]);
if (missing.length) {
  console.error(`not in the environment: ${missing.join(", ")}`);
  process.exit(1);
}
// node_modules is a volume of its own, in which `npm install` has to be able to write.
fs.writeFileSync(`${__dirname}/node_modules/.written`, "yes");

http
  .createServer((request, response) => {
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ path: request.url, headers: request.headers }));
  })
  .listen(Number(process.env.PORT), () => console.log(`ready on port ${process.env.PORT}`));
process.on("SIGTERM", () => process.exit(0));
