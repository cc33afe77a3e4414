/** Fills a ClickHouse and a Redis the way KATO 3 keeps a kb: the table `kato.patterns_data` and the keys of the reference's stored layout. */
import { createClient } from "@clickhouse/client";
import { Redis } from "ioredis";
import { patternName } from "../../src/model/pattern.ts";
import { kato2Corpus } from "./kato2-corpus.ts";

export interface Kato3Pattern {
  readonly name: string;
  readonly frequency: number;
  readonly emotives: readonly (readonly (readonly [string, number])[])[];
  readonly metadata: readonly (readonly [string, readonly string[]])[];
}

interface Login {
  readonly url: string;
  readonly user: string;
  readonly password: string;
}

const TABLE =
  "CREATE TABLE IF NOT EXISTS kato.patterns_data (kb_id String, name String, pattern_data Array(Array(String)), length UInt32, " +
  "token_set Array(String), token_count UInt32, minhash_sig Array(UInt32), lsh_bands Array(UInt64), first_token String, last_token String, " +
  "created_at DateTime DEFAULT now(), updated_at DateTime DEFAULT now()) ENGINE = MergeTree PARTITION BY kb_id ORDER BY (kb_id, length, name)";

export async function fillKato3(clickhouse: Login, redisUrl: string, kb: string, count: number, seed: number) {
  const corpus = kato2Corpus(count, seed);
  const client = createClient({ url: clickhouse.url, username: clickhouse.user, password: clickhouse.password });
  const redis = new Redis(redisUrl);
  const patterns: Kato3Pattern[] = [];
  const rows: Record<string, unknown>[] = [];
  const writes = redis.pipeline();
  for (const document of corpus.patterns) {
    const events = document.pattern_data as string[][];
    const name = patternName(events);
    const emotives = Array.isArray(document.emotives) ? (document.emotives as Record<string, number>[]) : [];
    const metadata = document.metadata as Record<string, string[]>;
    const flat = events.flat();
    rows.push({
      kb_id: kb,
      name,
      pattern_data: events,
      length: flat.length,
      token_set: [...new Set(flat)],
      token_count: new Set(flat).size,
    });
    writes.set(`${kb}:frequency:${name}`, String(document.frequency));
    if (emotives.length > 0) writes.set(`${kb}:emotives:${name}`, JSON.stringify(emotives));
    if (Object.keys(metadata).length > 0) writes.set(`${kb}:metadata:${name}`, JSON.stringify(metadata));
    patterns.push({
      name,
      frequency: document.frequency as number,
      emotives: emotives.map((record) => Object.entries(record)),
      metadata: Object.entries(metadata).map(([key, values]) => [key, [...values].sort()]),
    });
  }
  const symbols = new Map<string, { frequency: number; patternMemberFrequency: number; affinity: [string, number][] }>();
  for (const document of corpus.symbols) {
    const symbol = document.name as string;
    const affinity = Object.entries((document.emotives as Record<string, number> | undefined) ?? {});
    symbols.set(symbol, {
      frequency: document.frequency as number,
      patternMemberFrequency: document.pattern_member_frequency as number,
      affinity,
    });
    writes.hset(`${kb}:symbols:freq`, symbol, String(document.frequency));
    writes.hset(`${kb}:symbols:pmf`, symbol, String(document.pattern_member_frequency));
    for (const [emotive, sum] of affinity) writes.hset(`${kb}:affinity:${symbol}`, emotive, String(sum));
  }
  await writes.exec();
  await client.command({ query: "CREATE DATABASE IF NOT EXISTS kato" });
  await client.command({ query: TABLE });
  await client.insert({ table: "kato.patterns_data", values: rows, format: "JSONEachRow" });
  await client.close();
  await redis.quit();
  return { patterns, symbols };
}
