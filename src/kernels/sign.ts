/**
 * From a symbol to the 32-bit hash that MinHash signs: first four bytes, little endian, of the SHA-1 of the symbol's UTF-8 bytes
 * (semantics §6.1). Learn and predict both come through here, so they cannot differ. Cost: about a microsecond; once per distinct
 * symbol, the result is kept beside the symbol's id. Lone surrogates have no UTF-8 form and must have been refused before.
 */
import { hash } from "node:crypto";

export function symbolHash(symbol: string): number {
  return hash("sha1", symbol, "buffer").readUInt32LE(0);
}
