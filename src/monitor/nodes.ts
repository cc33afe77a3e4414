/**
 * Which nodes were used lately, as KATO lists its processors. Ours have no processor: nothing is lost when an entry is dropped. Bounded: the
 * node used least recently goes first. Cost: one map move a request.
 */
export interface NodeUse {
  readonly nodeId: string;
  readonly kb: string;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly count: number;
}

export const NODES_MAX = 100;

export class NodeLog {
  /** Insertion order is order of use. */
  readonly #nodes = new Map<string, NodeUse>();

  used(nodeId: string, kbOf: (nodeId: string) => string): void {
    const now = Date.now();
    const known = this.#nodes.get(nodeId);
    if (known === undefined && this.#nodes.size >= NODES_MAX) this.#nodes.delete(this.#nodes.keys().next().value as string);
    this.#nodes.delete(nodeId);
    this.#nodes.set(nodeId, {
      nodeId,
      kb: known?.kb ?? kbOf(nodeId),
      firstMs: known?.firstMs ?? now,
      lastMs: now,
      count: (known?.count ?? 0) + 1,
    });
  }

  /** Used within the last `idleSeconds`, most recently used first. */
  list(idleSeconds: number): NodeUse[] {
    const oldest = Date.now() - idleSeconds * 1_000;
    return [...this.#nodes.values()].filter((node) => node.lastMs >= oldest).reverse();
  }
}
