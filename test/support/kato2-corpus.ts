/** Documents as KATO 2 keeps them, seeded: patterns with emotives and metadata of every kind, and the symbols' sums that belong to them. */
import { BSON } from "mongodb";
import { toLearnPattern } from "../../src/model/pattern.ts";

export interface Kato2Corpus {
  readonly patterns: Record<string, unknown>[];
  readonly symbols: Record<string, unknown>[];
}

/** `Math.imul` generator of 32 bits (mulberry32): the same documents for the same seed. */
export function kato2Corpus(count: number, seed: number): Kato2Corpus {
  let state = seed >>> 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (below: number): number => Math.floor(random() * below);
  const patterns: Record<string, unknown>[] = [];
  const symbols = new Map<string, { frequency: number; members: number; joy: number | undefined }>();
  for (let n = 0; n < count; n++) {
    // The first symbol makes each pattern distinct.
    const events = Array.from({ length: 1 + whole(6) }, (_, at) =>
      Array.from({ length: 1 + whole(3) }, (_, place) =>
        at === 0 && place === 0 ? `head ${n}` : `s${Math.floor(2_000 * random() ** 3)}`,
      ).sort(),
    );
    if (events.length === 1 && events[0]!.length === 1) events.push(["tail"]);
    const frequency = 1 + whole(5);
    const joys = Array.from({ length: whole(4) }, () => ({ joy: Math.round(random() * 1_000) / 1_000 }));
    const { name, distinct, flat } = toLearnPattern(events);
    patterns.push({
      _id: new BSON.ObjectId(n.toString(16).padStart(24, "0")),
      name: `PTRN|${name}`,
      pattern_data: events,
      length: flat.length,
      frequency,
      emotives: joys.length === 0 ? {} : joys,
      metadata: n % 3 === 0 ? { book: [`b${n % 7}`, "all"], "chapter.é": ["1"] } : {},
    });
    for (const symbol of distinct) {
      const known = symbols.get(symbol) ?? { frequency: 0, members: 0, joy: undefined };
      known.frequency += frequency * flat.filter((at) => distinct[at] === symbol).length;
      known.members += 1;
      for (const { joy } of joys) known.joy = (known.joy ?? 0) + joy;
      symbols.set(symbol, known);
    }
  }
  return {
    patterns,
    symbols: [...symbols].map(([name, { frequency, members, joy }], n) => ({
      _id: new BSON.ObjectId((n + 1).toString(16).padStart(24, "0")),
      name,
      frequency,
      pattern_member_frequency: members,
      ...(joy !== undefined && { emotives: { joy } }),
    })),
  };
}
