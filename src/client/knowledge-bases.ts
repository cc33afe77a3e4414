/** Knowledge bases as wholes: list, copy, delete, archives in parts, imports, looking over. A client has one as `kbs`. */
import { type CallOptions, EngramError, type Transport } from "./transport.ts";
import type {
  ArchiveInfo,
  ArchiveLearned,
  ArchivePart,
  ArchivePartRequest,
  ImportPart,
  KbCopied,
  KbSize,
  ListedImport,
  Verified,
} from "./types.ts";

export class KnowledgeBases {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(options: CallOptions = {}): Promise<readonly KbSize[]> {
    return (await this.#transport.json<{ kbs: KbSize[] }>("GET", "/v1/kbs", options)).kbs;
  }

  /** Deletes a knowledge base for good; `confirm` is the node once more, else it is refused (409 ENGRAM_NOT_CONFIRMED). */
  delete(nodeId: string, confirm: string, options: CallOptions = {}): Promise<{ deleted: string; patterns: number }> {
    return this.#transport.json("DELETE", pathOf(nodeId), { ...options, query: { confirm } });
  }

  /** Learns a knowledge base's history under another name. 409 ENGRAM_KB_NOT_EMPTY when there are patterns. */
  copy(nodeId: string, to: string, options: CallOptions = {}): Promise<KbCopied> {
    return this.#transport.json("POST", pathOf(nodeId, "/copy"), { ...options, body: { to } });
  }

  rename(nodeId: string, to: string, options: CallOptions = {}): Promise<KbCopied> {
    return this.#transport.json("POST", pathOf(nodeId, "/rename"), { ...options, body: { to } });
  }

  /** Where an archive begins and ends; its parts come by `archivePart`. */
  beginArchive(nodeId: string, options: CallOptions = {}): Promise<ArchiveInfo> {
    return this.#transport.json("GET", pathOf(nodeId, "/archive"), options);
  }

  /** The part behind change `after` (0: the first); undefined behind the last. */
  async archivePart(nodeId: string, part: ArchivePartRequest, options: CallOptions = {}): Promise<ArchivePart | undefined> {
    const response = await this.#transport.send("GET", pathOf(nodeId, "/archive/part"), { ...options, query: { ...part } });
    if (response.status === 204) return undefined;
    const bytes = new Uint8Array(await response.arrayBuffer());
    const number = (name: string): number => {
      const value = Number(response.headers.get(name) ?? "none");
      if (Number.isSafeInteger(value)) return value;
      throw new EngramError(`The answer lacks the header ${name}. Is a proxy in between that takes it away?`, { status: response.status });
    };
    return { bytes, changes: number("x-engram-events"), first: number("x-engram-first"), last: number("x-engram-last") };
  }

  /** Learns a part; parts come in order, and one that is sent again counts once. */
  learnArchivePart(nodeId: string, { id, ...part }: ImportPart, bytes: Uint8Array, options: CallOptions = {}): Promise<ArchiveLearned> {
    const query = { import: id, ...part };
    return this.#transport.json("POST", pathOf(nodeId, "/archive"), {
      ...options,
      query,
      content: { body: bytes, type: "application/octet-stream" },
    });
  }

  /** Looks a knowledge base over; with `repair` what is made from patterns is made anew. Reads all of it: seconds a hundred thousand patterns. */
  verify(nodeId: string, options: CallOptions & { readonly repair?: boolean } = {}): Promise<Verified> {
    const { repair = false, ...rest } = options;
    return this.#transport.json("POST", "/v1/verify", { ...rest, body: { node_id: nodeId, repair } });
  }

  /** Newest first, a thousand at most. */
  async imports(options: CallOptions = {}): Promise<readonly ListedImport[]> {
    return (await this.#transport.json<{ imports: ListedImport[] }>("GET", "/v1/imports", options)).imports;
  }

  /** Takes an import back. 409 ENGRAM_NEWER_LEARNS when more was learned since, unless that may go too. */
  rollback(
    id: string,
    options: CallOptions & { readonly discardNewer?: boolean } = {},
  ): Promise<{ id: string; kb_id: string; state: "rolledBack" }> {
    const { discardNewer = false, ...rest } = options;
    const path = `/v1/imports/${encodeURIComponent(id)}/rollback`;
    return this.#transport.json("POST", path, { ...rest, body: { discard_newer: discardNewer } });
  }
}

const pathOf = (nodeId: string, call = ""): string => `/v1/kbs/${encodeURIComponent(nodeId)}${call}`;
