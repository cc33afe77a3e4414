/**
 * From a client's node id to the knowledge base it stands for. Node ids that differ only in the characters replaced here share one kb:
 * KATO's tests recompute these ids, so its rule is kept (Q25). Source: reference semantics §12.
 */
import { createHash } from "node:crypto";

/** Characters that KATO's stores did not allow in names. */
const REPLACED = /[/\\. "$*<>:|?-]/g;
/** Longest id, in code points. */
const ID_CHARACTERS_MAX = 60;
/** Hex digits of the MD5 that tells shortened ids apart. */
const HASH_DIGITS = 8;

/**
 * `<node>_<service>`; beyond 60 characters the node is cut and 8 hex digits of the MD5 of the whole cleaned node are put in. MD5 is KATO's
 * choice and guards nothing: two nodes made to collide share a kb, as `a-b` and `a_b` do anyway.
 */
export function kbId(nodeId: string, service: string): string {
  const node = nodeId.replace(REPLACED, "_");
  const suffix = service.replaceAll("-", "_");
  const whole = `${node}_${suffix}`;
  if ([...whole].length <= ID_CHARACTERS_MAX) return whole;
  const hash = createHash("md5").update(node, "utf8").digest("hex").slice(0, HASH_DIGITS);
  // Two underscores beside the service and the hash.
  const room = Math.max(0, ID_CHARACTERS_MAX - [...suffix].length - HASH_DIGITS - 2);
  return `${[...node].slice(0, room).join("")}_${hash}_${suffix}`;
}

/** A node that stands for the knowledge base; undefined for one that no node of this service does. */
export function nodeOf(kb: string, service: string): string | undefined {
  const suffix = `_${service.replaceAll("-", "_")}`;
  const node = kb.endsWith(suffix) ? kb.slice(0, -suffix.length) : "";
  return node !== "" && kbId(node, service) === kb ? node : undefined;
}
