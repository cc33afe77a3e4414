/** The version of this program, out of its own package.json: two levels up from the sources, three from `dist`. */
import { readFileSync } from "node:fs";

export function programVersion(): string {
  for (const up of ["../../", "../../../"]) {
    let text: string;
    try {
      text = readFileSync(new URL(`${up}package.json`, import.meta.url), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
      throw error;
    }
    const { name, version } = JSON.parse(text) as { name?: string; version?: string };
    if (name === "engram" && version !== undefined) return version;
  }
  throw new Error("package.json of engram is not beside the program");
}
