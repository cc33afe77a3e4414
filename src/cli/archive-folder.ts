/**
 * An archive on disk: a folder with parts and a manifest that says what they are. The manifest is replaced after each part, so an export that was
 * stopped goes on behind its last whole part. docs/knowledge-bases.md describes the format.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import { replaceFile } from "../replace-file.ts";

const MANIFEST = "manifest.json";
const FORMAT = "engram-archive";
/** Raised with every change that an older program would misread. */
const VERSION = 1;

export interface ManifestPart {
  readonly file: string;
  readonly events: number;
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Manifest {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly kb: string;
  readonly node: string;
  readonly createdAt: string;
  readonly generation: number;
  /** The last change that belongs to it. */
  readonly until: number;
  readonly patterns: number;
  readonly symbols: number;
  readonly totals: Readonly<Record<string, number>>;
  readonly parts: readonly ManifestPart[];
  readonly complete: boolean;
}

const refused = (message: string, cause?: unknown): EngineError => new EngineError("ENGRAM_ARCHIVE_BROKEN", message, { cause });

export class ArchiveFolder {
  readonly path: string;
  manifest: Manifest | undefined;

  private constructor(path: string, manifest: Manifest | undefined) {
    this.path = path;
    this.manifest = manifest;
  }

  /** Opens a folder that may not be there yet. Errors: ENGRAM_ARCHIVE_BROKEN for a manifest that cannot be read or is newer than this program. */
  static async open(path: string): Promise<ArchiveFolder> {
    let text: string;
    try {
      text = await readFile(join(path, MANIFEST), "utf8");
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return new ArchiveFolder(path, undefined);
      throw new EngineError("ENGRAM_FILE_UNREADABLE", `The archive ${path} cannot be read (${code}). Check the path and its permissions.`, {
        cause: error,
      });
    }
    return new ArchiveFolder(path, manifestOf(path, text));
  }

  async begin(manifest: Omit<Manifest, "format" | "version" | "createdAt" | "parts" | "complete">): Promise<void> {
    await mkdir(this.path, { recursive: true });
    await this.#save({ format: FORMAT, version: VERSION, createdAt: new Date().toISOString(), ...manifest, parts: [], complete: false });
  }

  /** Writes a part, then the manifest that names it. Durable when it resolves. */
  async add(bytes: Buffer, part: Pick<ManifestPart, "events" | "first" | "last">): Promise<void> {
    const { manifest } = this;
    const file = `part-${String(manifest!.parts.length).padStart(5, "0")}.gz`;
    const handle = await open(join(this.path, file), "w");
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await this.#save({ ...manifest!, parts: [...manifest!.parts, { file, ...part, bytes: bytes.length, sha256 }] });
  }

  async complete(): Promise<void> {
    await this.#save({ ...this.manifest!, complete: true });
  }

  /** A part's bytes, compared with the manifest. Errors: ENGRAM_ARCHIVE_BROKEN. */
  async read(part: ManifestPart): Promise<Buffer> {
    let bytes: Buffer;
    try {
      bytes = await readFile(join(this.path, part.file));
    } catch (error) {
      throw refused(`The archive lacks its part ${part.file}. Copy it again.`, error);
    }
    if (createHash("sha256").update(bytes).digest("hex") !== part.sha256) {
      throw refused(`The part ${part.file} of the archive is not the one that was written. Copy it again.`);
    }
    return bytes;
  }

  async #save(manifest: Manifest): Promise<void> {
    await replaceFile(join(this.path, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
    this.manifest = manifest;
  }
}

function manifestOf(path: string, text: string): Manifest {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(text) as Partial<Manifest>;
  } catch (error) {
    throw refused(`The manifest of ${path} is damaged. Copy the archive again.`, error);
  }
  if (manifest.format !== FORMAT || !Array.isArray(manifest.parts)) throw refused(`${path} is no archive of Engram.`);
  if (manifest.version !== VERSION) {
    throw refused(`The archive ${path} has format ${String(manifest.version)}, and this version reads ${VERSION}. Use a matching version.`);
  }
  for (const part of manifest.parts) {
    if (!/^part-\d{5,9}\.gz$/.test(part.file))
      throw refused(`The manifest of ${path} names a part ${JSON.stringify(part.file)}, which is none.`);
  }
  return manifest as Manifest;
}
