/**
 * A small HTTP/1.1 client for load: one keep-alive socket a client, one request at a time, bodies by Content-Length or in chunks. It exists because the
 * usual clients cost more processor time than the server they measure; it is no general client.
 */
import { connect, type Socket } from "node:net";

export interface Reply {
  readonly status: number;
  readonly body: Buffer;
}

export class LoadClient {
  readonly #socket: Socket;
  readonly #host: string;
  #buffer: Buffer = Buffer.alloc(0);
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.#host = host;
    socket.setNoDelay(true);
    socket.on("data", (part) => {
      this.#buffer = this.#buffer.length === 0 ? part : Buffer.concat([this.#buffer, part]);
      this.#parse();
    });
    const fail = (error?: Error): void => this.#waiting?.reject(error ?? new Error("the server closed the connection"));
    socket.on("error", fail);
    socket.on("close", () => fail());
  }

  static open(url: string): Promise<LoadClient> {
    const { hostname, port } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => resolve(new LoadClient(socket, `${hostname}:${port}`)));
      socket.once("error", reject);
    });
  }

  request(method: string, path: string, body = "", contentType = "application/json"): Promise<Reply> {
    const length = Buffer.byteLength(body);
    const type = length > 0 ? `content-type: ${contentType}\r\n` : "";
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${type}content-length: ${length}\r\n\r\n${body}`);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  /** Sends, and throws unless the answer is 200; gives the parsed body. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await this.request(method, path, body === undefined ? "" : JSON.stringify(body));
    if (reply.status !== 200) throw new Error(`${method} ${path}: ${reply.status} ${reply.body.toString("utf8").slice(0, 300)}`);
    return JSON.parse(reply.body.toString("utf8")) as T;
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #parse(): void {
    const end = this.#buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = this.#buffer.toString("latin1", 0, end);
    const start = end + 4;
    const found = /\r\ntransfer-encoding: *chunked/i.test(head) ? chunkedBody(this.#buffer, start) : sizedBody(this.#buffer, start, head);
    if (found === undefined) return;
    this.#buffer = this.#buffer.subarray(found.end);
    const { body } = found;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({ status: Number(head.slice(9, 12)), body });
  }
}

/** A body of known size that begins at `start`; undefined while it is not all there. */
function sizedBody(buffer: Buffer, start: number, head: string): { body: Buffer; end: number } | undefined {
  const end = start + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  return buffer.length < end ? undefined : { body: buffer.subarray(start, end), end };
}

/** A chunked body that begins at `start`; undefined while its last chunk is not there. Large answers come so. */
function chunkedBody(buffer: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = buffer.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(buffer.toString("latin1", at, lineEnd), 16);
    const dataEnd = lineEnd + 2 + size;
    if (buffer.length < dataEnd + 2) return undefined;
    if (size === 0) return { body: Buffer.concat(chunks), end: dataEnd + 2 };
    chunks.push(buffer.subarray(lineEnd + 2, dataEnd));
    at = dataEnd + 2;
  }
}
