/**
 * Where in Redis things lie. On one server everything has the deployment's prefix and a script reaches all of it. In a cluster a script
 * stays in one slot, so each kb has a hash tag, sessions are spread over a fixed number of tags (not one each: they have to be counted and
 * swept), and the set of kbs has its own.
 */

/** Tags of sessions: enough to spread over any usual cluster, few enough to ask all of them for a count. */
export const SESSION_GROUPS = 64;
const SLOTS = 16_384;

/** CRC-16 of the polynomial x^16 + x^12 + x^5 + 1 (XMODEM), as Redis Cluster places keys. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? (crc << 1) & 0xffff : ((crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}

/** Slot of a key: of what stands between its first braces, where that is anything. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open);
  const tag = close > open + 1 ? key.slice(open + 1, close) : key;
  return crc16(Buffer.from(tag, "utf8")) % SLOTS;
}

export interface Places {
  /** The kb's records and outbox. */
  kb(kb: string): string;
  session(id: string): string;
  /** The set of kbs. */
  readonly kbs: string;
}

export const oneServer = (prefix: string): Places => ({ kb: () => prefix, session: () => prefix, kbs: prefix });

export const sessionGroup = (prefix: string, group: number): string => `${prefix}{s${group}}:`;

export const clusterPlaces = (prefix: string): Places => ({
  // Encoded, so that no brace of a kb's name ends its tag.
  kb: (kb) => `${prefix}{k${encodeURIComponent(kb)}}:`,
  session: (id) => sessionGroup(prefix, crc16(Buffer.from(id, "utf8")) % SESSION_GROUPS),
  kbs: `${prefix}{kbs}:`,
});
