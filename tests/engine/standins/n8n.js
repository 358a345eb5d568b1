// Stands in for n8n: reads its variables, uses its database and answers on its port as n8n does; no n8n inside.
// Where n8n is silent about a fault this one refuses: a variable that n8n does not read ends it.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const { Pool } = require("pg");

const say = (text) => console.error(`n8n: ${text}`);
const die = (text) => {
  say(text);
  process.exit(1);
};

// --- Variables, by the table that stackgen checks manifests with ---------------------------------------------------

const table = new Map();
for (const line of fs.readFileSync(path.join(__dirname, "n8n.variables.tsv"), "utf8").split("\n")) {
  const [name, , , file, status = ""] = line.split("\t");
  if (name && !name.startsWith("#")) table.set(name, { file: file === "yes", removed: status.startsWith("removed") });
}

function reads(name) {
  const known = table.get(name);
  if (known) return !known.removed;
  const plain = name.replace(/_FILE$/, "");
  if (plain !== name && table.get(plain)?.file) return !table.get(plain).removed;
  for (const [pattern, entry] of table) {
    if (pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1))) return !entry.removed;
  }
  return false;
}

const unknown = Object.keys(process.env).filter((name) => /^(N8N_|DB_|EXECUTIONS_|QUEUE_|WEBHOOK_)/.test(name) && !reads(name));
if (unknown.length) die(`n8n does not read ${unknown.sort().join(", ")}`);

function setting(name, otherwise) {
  if (name in process.env) return process.env[name];
  const file = process.env[`${name}_FILE`];
  return file === undefined ? otherwise : fs.readFileSync(file, "utf8"); // as it is: n8n trims nothing
}
const on = (name, otherwise) => ["true", "1"].includes(String(setting(name, otherwise)).toLowerCase());

if (setting("DB_TYPE", "sqlite") !== "postgresdb") die(`DB_TYPE is '${setting("DB_TYPE")}': that is SQLite`);

// --- The key, which must stay what the volume knows ----------------------------------------------------------------

const folder = path.join(setting("N8N_USER_FOLDER", process.env.HOME), ".n8n");
fs.mkdirSync(folder, { recursive: true });
const config = path.join(folder, "config");
const key = setting("N8N_ENCRYPTION_KEY");
if (!fs.existsSync(config)) {
  fs.writeFileSync(config, JSON.stringify({ encryptionKey: key ?? crypto.randomBytes(24).toString("base64") }), { mode: 0o600 });
} else if (key !== undefined && JSON.parse(fs.readFileSync(config, "utf8")).encryptionKey !== key) {
  die("Mismatching encryption keys: the one in the environment and the one in the settings file");
}

// --- The database --------------------------------------------------------------------------------------------------

const certificates = {
  ca: setting("DB_POSTGRESDB_SSL_CA", ""),
  cert: setting("DB_POSTGRESDB_SSL_CERT", ""),
  key: setting("DB_POSTGRESDB_SSL_KEY", ""),
};
const reject = on("DB_POSTGRESDB_SSL_REJECT_UNAUTHORIZED", "true");
let ssl = on("DB_POSTGRESDB_SSL_ENABLED", "false");
if (certificates.ca || certificates.cert || certificates.key || !reject) {
  ssl = { ca: certificates.ca || undefined, cert: certificates.cert || undefined, key: certificates.key || undefined, rejectUnauthorized: reject };
}
const pool = new Pool({
  host: setting("DB_POSTGRESDB_HOST", "localhost"),
  port: Number(setting("DB_POSTGRESDB_PORT", "5432")),
  database: setting("DB_POSTGRESDB_DATABASE", "n8n"),
  user: setting("DB_POSTGRESDB_USER", "postgres"),
  password: setting("DB_POSTGRESDB_PASSWORD", ""),
  max: Number(setting("DB_POSTGRESDB_POOL_SIZE", "2")),
  connectionTimeoutMillis: 5000,
  ssl,
});
pool.on("error", (fault) => say(`database: ${fault.message}`));

// --- HTTP ----------------------------------------------------------------------------------------------------------

function answer(response, status, value) {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}

async function respond(request, response) {
  let length = 0;
  for await (const part of request) length += part.length;
  const url = new URL(request.url, "http://n8n");
  if (url.pathname === "/healthz") return answer(response, 200, { status: "ok" });
  try {
    await pool.query("select 1");
  } catch (fault) {
    say(`${request.url}: ${fault.message}`);
    if (url.pathname === "/healthz/readiness") return answer(response, 503, { status: "error" });
    return answer(response, 503, { code: 503, message: `Database is not ready: ${fault.message}` });
  }
  if (url.pathname === "/healthz/readiness") return answer(response, 200, { status: "ok" });
  answer(response, 200, {
    stub: "n8n",
    port: request.socket.localPort,
    method: request.method,
    path: request.url,
    headers: request.headers,
    body_bytes: length,
  });
}

// A websocket on the one path where n8n has one: says "n8n:PORT", then sends every short text message back.
function upgrade(request, socket) {
  if (new URL(request.url, "http://n8n").pathname !== "/rest/push") {
    socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const accept = crypto.createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const frame = (opcode, text) => socket.write(Buffer.concat([Buffer.from([0x80 | opcode, text.length]), text]));
  frame(1, Buffer.from(`n8n:${socket.localPort}`));
  let buffered = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (data) => {
    buffered = Buffer.concat([buffered, data]);
    while (buffered.length >= 6 && buffered.length >= 6 + (buffered[1] & 0x7f)) {
      const opcode = buffered[0] & 0x0f;
      const end = 6 + (buffered[1] & 0x7f);
      const text = buffered.subarray(6, end).map((byte, at) => byte ^ buffered[2 + (at % 4)]);
      buffered = buffered.subarray(end);
      frame(opcode, text);
      if (opcode === 8) socket.end();
    }
  });
}

async function start() {
  const retries = Number(setting("DB_STARTUP_CONNECT_MAX_RETRIES", "5"));
  for (let attempt = 0; ; attempt++) {
    try {
      await pool.query("create table if not exists workflow_entity (id text primary key)");
      break;
    } catch (fault) {
      if (attempt >= retries) die(`There was an error initializing DB: ${fault.message}`);
      say(`database: ${fault.message}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
  const server = http.createServer((request, response) => respond(request, response).catch((fault) => say(fault.stack)));
  server.on("upgrade", upgrade);
  const port = Number(setting("N8N_PORT", "5678"));
  server.listen(port, setting("N8N_LISTEN_ADDRESS", "::"), () => say(`ready on port ${port}`));
  process.on("SIGTERM", () => process.exit(0));
}

const [command = "start"] = process.argv.slice(2);
if (command !== "start") die(`no command '${command}'`);
start();
