/**
 * A ClickHouse server for tests: the HTTP interface over the embedded engine, as far as `@clickhouse/client` uses it, in a process of its
 * own. Correct and slow; not for load. Settings of a request end with it, bodies of inserts go through a file (`INFILE`), parameters
 * through `SET param_…`, results stream.
 *
 * Usage: node clickhouse-bridge.mjs FOLDER PORT [USER PASSWORD]. Prints `ready PORT`. Faults come over the IPC channel: a message is a list of
 * `{ kind, statements, times, every, delayMs }` that replaces the list before; see `clickhouse-bridge.ts`.
 */
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createGzip, gunzipSync } from "node:zlib";
import { Session } from "chdb";

const [folder, port, user, password] = process.argv.slice(2);
/** Queries at a time: the product's pool is 16 wide, and a real server would take them all; here some wait. */
const SESSIONS = 4;
/** URL parameters that are no settings. */
const NOT_SETTINGS = new Set(
  "query database query_id session_id session_timeout default_format wait_end_of_query user password role enable_http_compression compress decompress quota_key".split(
    " ",
  ),
);

const sessions = Array.from({ length: SESSIONS }, () => new Session(folder));
const idle = [...sessions];
const waiting = [];
const take = () => idle.pop() ?? new Promise((resolve) => waiting.push(resolve));
const give = (session) => {
  const next = waiting.shift();
  if (next) next(session);
  else idle.push(session);
};

let faults = [];
let bodies = 0;
process.on("message", (list) => {
  faults = list.map((fault) => ({ ...fault, seen: 0, left: fault.times ?? Number.POSITIVE_INFINITY }));
  process.send("faults set");
});
process.on("disconnect", () => process.exit(0));

/** The fault that this request meets. */
function faultOf(sql) {
  for (const fault of faults) {
    const insert = /^\s*INSERT/i.test(sql);
    const read = /^\s*(SELECT|WITH)/i.test(sql);
    if (fault.statements === "insert" && !insert) continue;
    if (fault.statements === "read" && !read) continue;
    if (fault.left <= 0 || ++fault.seen % (fault.every ?? 1) !== 0) continue;
    fault.left--;
    return fault;
  }
  return undefined;
}

const quoted = (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function refuse(response, error) {
  const text = error instanceof Error ? error.message : String(error);
  const code = /Code: (\d+)/.exec(text)?.[1] ?? "1002";
  if (response.headersSent) return void response.destroy();
  const status = code === "516" ? 403 : code === "60" || code === "81" ? 404 : code === "62" ? 400 : 500;
  response.writeHead(status, { "content-type": "text/plain; charset=UTF-8", "x-clickhouse-exception-code": code });
  response.end(/^Code:/.test(text) ? `${text} (version 26.7.2.1)\n` : `Code: ${code}. DB::Exception: ${text}\n`);
}

function allowed(request, url) {
  if (user === undefined) return true;
  const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? "")?.[1];
  const [name, secret] = basic
    ? Buffer.from(basic, "base64").toString("utf8").split(/:(.*)/s)
    : [
        request.headers["x-clickhouse-user"] ?? url.searchParams.get("user"),
        request.headers["x-clickhouse-key"] ?? url.searchParams.get("password"),
      ];
  return name === user && (secret ?? "") === (password ?? "");
}

/** Runs one request on a session of its own and streams the answer. */
async function answer(session, request, response, url, sql, body) {
  const changed = [];
  const run = (text) => session.queryAsync(text);
  let file;
  try {
    const database = url.searchParams.get("database");
    if (database) await run(`USE \`${database.replaceAll("`", "\\`")}\``);
    for (const [name, value] of url.searchParams) {
      if (name.startsWith("param_")) await run(`SET ${name} = ${quoted(value)}`);
      else if (!NOT_SETTINGS.has(name)) {
        await run(`SET ${name} = ${quoted(value)}`);
        changed.push(name);
      }
    }
    if (/^\s*INSERT/i.test(sql) && body.length > 0) {
      file = join(folder, `body-${process.pid}-${bodies++}`);
      writeFileSync(file, body);
      await run(sql.replace(/\bFORMAT\s+(\w+)\s*$/i, (_, format) => `FROM INFILE ${quoted(file)} FORMAT ${format}`));
      response.writeHead(200, { "x-clickhouse-summary": "{}" });
      return void response.end();
    }
    if (!/^\s*(SELECT|WITH|SHOW|DESCRIBE|EXISTS|EXPLAIN)/i.test(sql)) {
      await run(sql);
      response.writeHead(200, { "x-clickhouse-summary": "{}" });
      return void response.end();
    }
    const format = /\bFORMAT\s+(\w+)\s*;?\s*$/i.exec(sql);
    const query = format ? sql.slice(0, format.index) : sql;
    const stream = session.queryStream(query, { format: format?.[1] ?? url.searchParams.get("default_format") ?? "TabSeparated" });
    const zipped = url.searchParams.get("enable_http_compression") === "1" && /gzip/.test(request.headers["accept-encoding"] ?? "");
    const out = zipped ? createGzip({ level: 1 }) : response;
    const start = () => {
      response.writeHead(200, { "content-type": "application/octet-stream", ...(zipped && { "content-encoding": "gzip" }) });
      if (zipped) out.pipe(response);
    };
    let started = false;
    for await (const chunk of stream) {
      if (!started) start();
      started = true;
      if (response.destroyed) break;
      if (!out.write(chunk.raw())) {
        await new Promise((resolve) => {
          out.once("drain", resolve);
          response.once("close", resolve);
        });
      }
    }
    if (!started) start();
    out.end();
  } finally {
    for (const name of changed) await run(`SET ${name} = DEFAULT`);
    if (url.searchParams.get("database")) await run("USE default");
    if (file !== undefined) rmSync(file, { force: true });
  }
}

const server = createServer(async (request, response) => {
  try {
    const parts = [];
    for await (const part of request) parts.push(part);
    const url = new URL(request.url, "http://bridge");
    const raw = Buffer.concat(parts);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw;
    const inUrl = url.searchParams.get("query");
    const sql = inUrl ?? body.toString("utf8");
    const fault = faultOf(sql);
    if (fault?.kind === "delay") await sleep(fault.delayMs);
    if (fault?.kind === "reset") return void request.socket.resetAndDestroy();
    if (fault?.kind === "unavailable") return void response.writeHead(503, { "content-type": "text/plain" }).end("Service Unavailable\n");
    if (url.pathname === "/ping") return void response.end("Ok.\n");
    if (!allowed(request, url)) {
      return refuse(
        response,
        new Error(
          `Code: 516. DB::Exception: ${user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`,
        ),
      );
    }
    const session = await take();
    try {
      if (fault?.kind !== "lostReply") await answer(session, request, response, url, sql, inUrl === null ? Buffer.alloc(0) : body);
      else {
        // Everything is done as asked; then the connection breaks before a byte of the answer.
        const nobody = {
          headersSent: false,
          destroyed: false,
          writeHead: () => nobody,
          write: () => true,
          end: () => {},
          once: () => {},
          on: () => {},
          emit: () => {},
        };
        url.searchParams.delete("enable_http_compression");
        await answer(session, request, nobody, url, sql, inUrl === null ? Buffer.alloc(0) : body);
        request.socket.resetAndDestroy();
      }
    } finally {
      give(session);
    }
  } catch (error) {
    refuse(response, error);
  }
});
server.keepAliveTimeout = 10_000;
server.listen(Number(port), "127.0.0.1", () => process.stdout.write(`ready ${server.address().port}\n`));
