/** A file that is replaced as a whole: a reader, and whoever comes after a crash, finds the old text or the new one. */
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** Durable when it resolves, the name included; the old file stands until the new one is whole. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await withHandle(draft, "w", async (handle) => {
    await handle.writeFile(text);
    await handle.sync();
  });
  await rename(draft, path);
  await withHandle(dirname(path), "r", (folder) => folder.sync());
}

type Handle = Awaited<ReturnType<typeof open>>;

async function withHandle(path: string, flags: string, use: (handle: Handle) => Promise<void>): Promise<void> {
  const handle = await open(path, flags);
  try {
    await use(handle);
  } finally {
    await handle.close();
  }
}
