/** Arguments that many commands take, looked at before anything is opened. A value that is refused ends the program with code 2. */
import { InvalidArgumentError, Option } from "commander";

/** Symbols, names and addresses beyond this are a mistake of the shell. */
const NODE_CHARS_MAX = 1_024;

/** A node's name. */
export function nodeName(value: string): string {
  if (value.trim() === "" || value.length > NODE_CHARS_MAX || !value.isWellFormed())
    throw new InvalidArgumentError(`A node is named by 1 to ${NODE_CHARS_MAX} characters.`);
  return value;
}

function serverAddress(value: string): string {
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  throw new InvalidArgumentError("It must be an address, for instance http://127.0.0.1:8000.");
}

/** `--url`. */
export const urlOption = (about = "a running server (default: the one that has the data folder open, else this process)"): Option =>
  new Option("--url <url>", about).argParser(serverAddress);

/** `--kb`; `fallback` is a node, or says in words which it is. */
export function kbOption(about: string, fallback?: string): Option {
  const option = new Option("--kb <node>", about).argParser(nodeName);
  return fallback === undefined ? option : option.default(fallback);
}
