/** Settings of knowledge bases in ClickHouse: a row a change, the newest counts. */
import { randomUUID } from "node:crypto";
import type { ClickHouse } from "./clickhouse-client.ts";
import type { KbSettings } from "./kb-settings.ts";

export function clickhouseSettings(clickhouse: ClickHouse): KbSettings {
  const table = `${clickhouse.database}.kb_settings`;
  return {
    async get(kb, name) {
      const [row] = await clickhouse.rows<{ value: string }>(
        `SELECT value FROM ${table} FINAL WHERE kb = {kb:String} AND name = {name:String}`,
        { kb, name },
      );
      return row?.value === "" ? undefined : row?.value;
    },
    async set(kb, name, value) {
      const [row] = await clickhouse.rows<{ version: string }>(
        `SELECT toString(max(version)) AS version FROM ${table} WHERE kb = {kb:String} AND name = {name:String}`,
        { kb, name },
      );
      // Later than what is there, whatever the clocks of several processes say.
      const version = Math.max(Date.now(), Number(row?.version ?? 0) + 1);
      await clickhouse.insert(
        "kb_settings",
        ["kb", "name", "value", "version"],
        [JSON.stringify([kb, name, value ?? "", version])],
        `setting-${randomUUID()}`,
      );
    },
    async list(name) {
      const rows = await clickhouse.rows<{ kb: string; value: string }>(
        `SELECT kb, value FROM ${table} FINAL WHERE name = {name:String} AND value != '' ORDER BY kb`,
        { name },
      );
      return new Map(rows.map(({ kb, value }) => [kb, value]));
    },
  };
}
