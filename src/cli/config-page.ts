/** `engram config`: the settings in force, or every setting as the page `docs/config.md`, which is made by this and compared by a test. */
import Table from "cli-table3";
import type { Command } from "commander";
import type { LoadedConfig } from "../config.ts";
import { environmentName, settingRows } from "../config-schema.ts";
import { loadSettings, type SettingOptions, withSettings } from "./settings.ts";
import { tell } from "./terminal.ts";

const INTRODUCTION = `# Settings

This page is made from the table in \`src/config-schema.ts\` by \`npm run docs:config\`; edit the table, not the page.

A setting is looked for in this order, and the first found counts:

1. flags of the command line (\`--port 9000\`, or any setting by \`--set key=value\`);
2. the environment under its \`ENGRAM_\` name;
3. the environment under the name that KATO (or the platform) gives it, where the table lists one;
4. a JSON file, named by \`--config\` or \`ENGRAM_CONFIG\`, in the shape of the keys: \`{"port": 9000, "redis": {"url": "redis://cache"}}\`;
5. the default.

A value that is not allowed ends the start with \`ENGRAM_SETTINGS_INVALID\`, which names the setting and where the value came from. An
empty variable counts as not set; a variable that begins with \`ENGRAM_\` and is no setting is reported and ignored. Passwords, and
addresses that may hold one, are never printed. \`engram config\` shows the settings in force.

Keys under \`sessionDefaults\` are what a session has until it sets its own by the API.
`;

const cell = (text: string): string => text.replaceAll("|", "\\|");

/** The page `docs/config.md`. */
export function configPage(): string {
  const rows = settingRows().map(({ key, setting }) => {
    const names = [`\`${environmentName(key)}\``, ...setting.katoNames.map((name) => `\`${name}\``)].join(", ");
    const unit = setting.unit === "" ? "" : ` ${setting.unit}`;
    const fallback = setting.fallbackText ?? `\`${JSON.stringify(setting.fallback)}\`${unit}`;
    return `| \`${key}\` | ${cell(fallback)} | ${cell(setting.allowed)} | ${names} | ${cell(setting.about)} |`;
  });
  return [INTRODUCTION, "| setting | default | allowed | environment | meaning |", "|---|---|---|---|---|", ...rows, ""].join("\n");
}

interface SettingInForce {
  readonly setting: string;
  /** null: not set. Of a secret only that it is: "(set)". */
  readonly value: unknown;
  readonly from: string;
}

/** The settings in force with where each came from; secrets are only said to be set. */
function settingsInForce(loaded: LoadedConfig): readonly SettingInForce[] {
  return settingRows().map(({ key, setting }) => {
    const [name, inner] = key.split(".") as [keyof LoadedConfig["config"], string | undefined];
    const value: unknown = inner === undefined ? loaded.config[name] : (loaded.config[name] as unknown as Record<string, unknown>)[inner];
    const isSet = value !== undefined && value !== "";
    return { setting: key, value: isSet ? (setting.secret ? "(set)" : value) : null, from: loaded.sources.get(key) ?? "default" };
  });
}

export function settingsTable(loaded: LoadedConfig): string {
  const table = new Table({ head: ["setting", "value", "from"], style: { head: [], border: [], compact: true } });
  for (const { setting, value, from } of settingsInForce(loaded))
    table.push([setting, value === null ? "-" : value === "(set)" ? value : JSON.stringify(value), from]);
  return table.toString();
}

export function registerConfig(program: Command): void {
  withSettings(
    program
      .command("config")
      .description("show the settings in force and where each came from")
      .option("--markdown", "print the reference of all settings instead")
      .option("--json", "print the settings as JSON"),
  ).action((options: SettingOptions & { readonly markdown?: boolean; readonly json?: boolean }) => {
    if (options.markdown) {
      process.stdout.write(configPage());
      return;
    }
    const loaded = loadSettings(options);
    tell(options, settingsInForce(loaded), settingsTable(loaded));
  });
}
