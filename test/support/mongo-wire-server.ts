/**
 * A MongoDB-wire server for tests: what the real driver says to list databases and collections, count, find in order of `_id` and fetch
 * more, answered out of memory over OP_MSG (and OP_QUERY for the first hello). A fixture, not a database: one index, no writes, no other
 * operator than `$gt` on `_id`; anything else is answered with an error, so a test cannot pass on a call that was ignored.
 *
 * It stands in for MongoDB because no MongoDB server is in the registries, and FerretDB 1 (built and tried) refuses arrays in arrays, which is
 * what `pattern_data` is.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { BSON } from "mongodb";

type Document = Record<string, unknown>;
/** Database → collection → documents. Documents are kept as given; `_id` is an ObjectId in ascending order. */
export type MongoData = Readonly<Record<string, Readonly<Record<string, readonly Document[]>>>>;

export interface MongoWireServer {
  readonly url: string;
  /** Names of the commands received, in order. */
  readonly commands: string[];
  /** Called before each command; throw to answer with an error, destroy the socket to cut the line. */
  before: (command: Document, socket: Socket) => void | Promise<void>;
  close(): Promise<void>;
}

const OP_REPLY = 1;
const OP_MSG = 2013;
const HEADER_BYTES = 16;

export async function startMongoWireServer(data: MongoData): Promise<MongoWireServer> {
  const sockets = new Set<Socket>();
  const state = { commands: [] as string[], before: (() => undefined) as MongoWireServer["before"] };
  const cursors = new Map<bigint, { rest: readonly Document[]; ns: string }>();
  let nextCursor = 1n;

  const answer = (command: Document): Document => {
    const [name] = Object.keys(command) as [string];
    const database = String(command.$db);
    const collection = (): readonly Document[] => data[database]?.[String(command[name])] ?? [];
    switch (name) {
      case "hello":
      case "isMaster":
      case "ismaster":
        return {
          ok: 1,
          helloOk: true,
          isWritablePrimary: true,
          ismaster: true,
          maxBsonObjectSize: 16_777_216,
          maxMessageSizeBytes: 48_000_000,
          maxWriteBatchSize: 100_000,
          localTime: new Date(),
          minWireVersion: 0,
          maxWireVersion: 21,
          readOnly: true,
        };
      case "ping":
      case "endSessions":
        return { ok: 1 };
      case "listDatabases":
        return {
          ok: 1,
          databases: ["admin", ...Object.keys(data), "local"].map((database) => ({ name: database, sizeOnDisk: 1, empty: false })),
        };
      case "listCollections":
        return cursorAnswer(
          `${database}.$cmd.listCollections`,
          Object.keys(data[database] ?? {}).map((name) => ({ name, type: "collection" })),
        );
      case "aggregate": {
        // What countDocuments sends.
        const pipeline = JSON.stringify(command.pipeline);
        if (pipeline !== '[{"$match":{}},{"$group":{"_id":1,"n":{"$sum":1}}}]')
          throw new Error(`aggregate ${pipeline} is not known to this fixture`);
        const count = collection().length;
        return cursorAnswer(`${database}.x`, count === 0 ? [] : [{ _id: 1, n: count }]);
      }
      case "find":
        return find(command, database, collection());
      case "getMore": {
        const id = BigInt(String(command.getMore));
        const cursor = cursors.get(id);
        if (cursor === undefined) return { ok: 0, code: 43, codeName: "CursorNotFound", errmsg: `cursor id ${id} not found` };
        const batch = cursor.rest.slice(0, Number(command.batchSize ?? 101));
        const rest = cursor.rest.slice(batch.length);
        if (rest.length === 0) cursors.delete(id);
        else cursors.set(id, { ...cursor, rest });
        return { ok: 1, cursor: { id: rest.length === 0 ? BSON.Long.ZERO : BSON.Long.fromBigInt(id), ns: cursor.ns, nextBatch: batch } };
      }
      case "killCursors":
        for (const id of command.cursors as unknown[]) cursors.delete(BigInt(String(id)));
        return { ok: 1, cursorsKilled: command.cursors };
      default:
        return { ok: 0, code: 59, codeName: "CommandNotFound", errmsg: `no such command: '${name}'` };
    }
  };

  const cursorAnswer = (ns: string, firstBatch: readonly Document[]): Document => ({
    ok: 1,
    cursor: { id: BSON.Long.ZERO, ns, firstBatch },
  });

  function find(command: Document, database: string, documents: readonly Document[]): Document {
    const { filter, sort, limit, batchSize } = command as { filter: Document; sort?: Document; limit?: unknown; batchSize?: unknown };
    if (sort !== undefined && JSON.stringify(sort instanceof Map ? Object.fromEntries(sort) : sort) !== '{"_id":1}')
      throw new Error("this fixture sorts by _id only");
    let from = 0;
    if (Object.keys(filter).length > 0) {
      const after = (filter._id as { $gt?: BSON.ObjectId } | undefined)?.$gt;
      if (after === undefined || Object.keys(filter).length > 1) throw new Error("this fixture knows the filter {_id: {$gt}} only");
      const hex = after.toHexString();
      let to = documents.length;
      while (from < to) {
        const middle = (from + to) >>> 1;
        if ((documents[middle]!._id as BSON.ObjectId).toHexString() > hex) to = middle;
        else from = middle + 1;
      }
    }
    const count = Number(limit ?? 0);
    const all = documents.slice(from, count === 0 ? undefined : from + count);
    const first = all.slice(0, Number(batchSize ?? 101));
    const ns = `${database}.${String(command.find)}`;
    if (first.length === all.length) return cursorAnswer(ns, first);
    const id = nextCursor++;
    cursors.set(id, { rest: all.slice(first.length), ns });
    return { ok: 1, cursor: { id: BSON.Long.fromBigInt(id), ns, firstBatch: first } };
  }

  async function serve(socket: Socket): Promise<void> {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // A driver that is killed resets its connection; nothing is lost by that here.
    socket.on("error", () => socket.destroy());
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
        const message = rest.subarray(0, rest.readInt32LE(0));
        rest = rest.subarray(message.length);
        const requestId = message.readInt32LE(4);
        const opCode = message.readInt32LE(12);
        const command = opCode === OP_MSG ? readMessage(message) : readQuery(message);
        state.commands.push(Object.keys(command)[0]!);
        let reply: Document;
        try {
          await state.before(command, socket);
          reply = answer(command);
        } catch (error) {
          reply = { ok: 0, code: 1, codeName: "InternalError", errmsg: (error as Error).message };
        }
        if (!socket.destroyed) socket.write(opCode === OP_MSG ? messageReply(requestId, reply) : queryReply(requestId, reply));
      }
    }
  }

  const server: Server = createServer((socket) => void serve(socket).catch(() => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: `mongodb://127.0.0.1:${port}/?directConnection=true`,
    get commands() {
      return state.commands;
    },
    get before() {
      return state.before;
    },
    set before(hook) {
      state.before = hook;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Section 0 of an OP_MSG: flags, kind 0, one document. The driver sends reads in no other form. */
function readMessage(message: Buffer): Document {
  if (message[HEADER_BYTES + 4] !== 0) throw new Error("this fixture reads sections of kind 0 only");
  return BSON.deserialize(message.subarray(HEADER_BYTES + 5), { promoteLongs: false });
}

/** OP_QUERY: flags, collection name, skip, limit, one document. Used for the first hello alone. */
function readQuery(message: Buffer): Document {
  const end = message.indexOf(0, HEADER_BYTES + 4);
  return BSON.deserialize(message.subarray(end + 9));
}

function framed(opCode: number, responseTo: number, body: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const length = HEADER_BYTES + body.reduce((sum, part) => sum + part.length, 0);
  header.writeInt32LE(length, 0);
  header.writeInt32LE(responseTo, 8);
  header.writeInt32LE(opCode, 12);
  return Buffer.concat([header, ...body], length);
}

const messageReply = (responseTo: number, reply: Document): Buffer => framed(OP_MSG, responseTo, [Buffer.alloc(5), BSON.serialize(reply)]);

function queryReply(responseTo: number, reply: Document): Buffer {
  const fields = Buffer.alloc(20);
  fields.writeInt32LE(8, 0);
  fields.writeInt32LE(1, 16);
  return framed(OP_REPLY, responseTo, [fields, BSON.serialize(reply)]);
}
