/** What people see: progress bars, and symbols made fit for a terminal. Bars go to standard error, results to standard output. */
import { Presets, SingleBar } from "cli-progress";

export interface Bar {
  /** `payload` fills the other names of the format. */
  update(value: number, payload?: Record<string, string>): void;
  stop(): void;
}

/** Starts a bar; without a terminal it prints a line every two seconds. */
export function startBar(format: string, total: number, from: number, payload: Record<string, string>): Bar {
  const bar = new SingleBar(
    {
      format,
      hideCursor: true,
      noTTYOutput: true,
      notTTYSchedule: 2_000,
      // The commands end themselves on a signal, after the work at hand.
      gracefulExit: false,
      // Batches come a few a second: 60 of them steady the estimate without making it slow to follow.
      etaBuffer: 60,
      barsize: 28,
      emptyOnZero: true,
    },
    Presets.shades_classic,
  );
  bar.start(total, from, payload);
  return {
    update: (value, next) => bar.update(value, next ?? {}),
    stop: () => bar.stop(),
  };
}

/** The result of a command on standard output: as JSON where that is asked for, else as text. */
export function tell({ json }: { readonly json?: boolean }, result: unknown, text: string): void {
  console.log(json ? JSON.stringify(result) : text);
}

/** Control characters as escapes, so that a symbol cannot move the cursor or colour the terminal. */
export const printable = (text: string): string =>
  text.replace(/\p{Cc}|\p{Cf}|\p{Cs}|[\u2028\u2029]/gu, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);

/** At most `width` characters, with an ellipsis where something was cut. */
export const shorten = (text: string, width: number): string => (text.length <= width ? text : `${text.slice(0, width - 1)}…`);

/** Events as text: a lone symbol as it is, several in braces. */
export const eventsText = (events: readonly (string | readonly string[])[]): string =>
  events
    .map((event) => (typeof event === "string" ? event : event.length === 1 ? event[0]! : `{${event.join(" ")}}`))
    .map(printable)
    .join(" ");

/** A rate for people: 1,234/s. */
export const perSecond = (count: number, ms: number): string =>
  `${Math.round((count * 1_000) / Math.max(ms, 1)).toLocaleString("en-US")}/s`;

export const grouped = (count: number): string => count.toLocaleString("en-US");
