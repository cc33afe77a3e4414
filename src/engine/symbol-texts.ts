/**
 * Texts of a kb's symbols by id, each also as an event of its own: most events are one symbol, and thousands of them an answer would
 * otherwise be made anew. Ids count from 0, so pages of them are found faster than keys of a map. Cost: two reads a look-up; about 60
 * bytes a symbol beside its text, and 8 KB a page of which one symbol is known.
 */
import type { Event } from "../model/event.ts";

const PAGE_BITS = 10;
const PAGE_MASK = (1 << PAGE_BITS) - 1;

export class SymbolTexts {
  readonly #pages: ((readonly [string] | undefined)[] | undefined)[] = [];
  size = 0;

  /** The symbol alone in an event; the same frozen list each time. */
  event(id: number): (Event & readonly [string]) | undefined {
    return this.#pages[id >>> PAGE_BITS]?.[id & PAGE_MASK];
  }

  get(id: number): string | undefined {
    return this.event(id)?.[0];
  }

  has(id: number): boolean {
    return this.event(id) !== undefined;
  }

  set(id: number, symbol: string): void {
    const at = id >>> PAGE_BITS;
    while (this.#pages.length <= at) this.#pages.push(undefined);
    const page = (this.#pages[at] ??= new Array<readonly [string] | undefined>(PAGE_MASK + 1).fill(undefined));
    if (page[id & PAGE_MASK] === undefined) this.size++;
    page[id & PAGE_MASK] = Object.freeze([symbol] as const);
  }
}
