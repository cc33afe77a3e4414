/**
 * Which knowledge bases ask for MinHash, and how: settings in the pattern store, beside the rows they speak of, so that every process reads the
 * same and a rebuild of the state store changes nothing. A setting stays as long as there are patterns it speaks for; a clear leaves it standing
 * and makes it free to be changed.
 *
 * Cost: a read of the pattern store a kb every ten seconds at most, where a question or a flush asks.
 */
import type { AskedMinhash } from "../engine-types.ts";
import { EngineError } from "../errors.ts";
import { MINHASH_DEFAULT, type MinhashSetting, minhashFault, minhashKey } from "../model/minhash.ts";
import type { KbSettings } from "../store/kb-settings.ts";
import type { StateStore } from "../store/state-store.ts";

const SETTING = "minhash";
/** Another process's setting is met after so long at most, where it is not asked for by name. */
const FRESH_MS = 10_000;
/** Kbs whose settings are remembered; the oldest go first. */
const KEPT_MAX = 10_000;

interface Standing {
  readonly setting: MinhashSetting;
  /** In which generation it was asked for. */
  readonly generation: number;
}

export class MinhashSettings {
  readonly #settings: KbSettings;
  readonly #state: Pick<StateStore, "head">;
  readonly #known = new Map<string, { readonly setting: MinhashSetting | undefined; readonly readAt: number }>();

  constructor(settings: KbSettings, state: Pick<StateStore, "head">) {
    this.#settings = settings;
    this.#state = state;
  }

  /** As the pattern store says now; undefined where none was asked for. */
  async get(kb: string): Promise<MinhashSetting | undefined> {
    return (await this.#read(kb))?.setting;
  }

  /** As it was within the last seconds. */
  async recent(kb: string): Promise<MinhashSetting | undefined> {
    const known = this.#known.get(kb);
    if (known !== undefined && performance.now() - known.readAt < FRESH_MS) return known.setting;
    return this.get(kb);
  }

  /** All that are set. */
  async list(): Promise<ReadonlyMap<string, MinhashSetting>> {
    const all = await this.#settings.list(SETTING);
    return new Map([...all].map(([kb, text]) => [kb, standingOf(kb, text).setting]));
  }

  /**
   * Asks for MinHash. The same setting again changes nothing. Errors: ENGRAM_BAD_REQUEST for a setting that is not offered, ENGRAM_MINHASH_FIXED for
   * another one than the kb has, until it is cleared.
   */
  async set(kb: string, asked: AskedMinhash): Promise<void> {
    const wanted = { ...MINHASH_DEFAULT, ...asked };
    const fault = minhashFault(wanted);
    if (fault !== undefined) throw new EngineError("ENGRAM_BAD_REQUEST", fault);
    const setting = wanted as MinhashSetting;
    const standing = await this.#read(kb);
    if (standing !== undefined && minhashKey(standing.setting) === minhashKey(setting)) return;
    const { generation, patternCount } = await this.#state.head(kb);
    if (standing !== undefined && (standing.generation === generation || patternCount > 0)) {
      throw new EngineError(
        "ENGRAM_MINHASH_FIXED",
        `The knowledge base has ${minhashKey(standing.setting)}, which its patterns are indexed by. Clear it, or learn a copy that asks for ${minhashKey(setting)}.`,
      );
    }
    await this.#write(kb, { setting, generation });
  }

  /** What a copy takes over, unless it was asked for something by itself. */
  async copy(from: string, to: string): Promise<void> {
    const setting = await this.get(from);
    if (setting === undefined || (await this.get(to)) !== undefined) return;
    const { generation, totals } = await this.#state.head(to);
    // Whoever copies is told so; nothing is decided for a kb that stays as it is.
    if (totals.total_unique_patterns > 0) return;
    await this.#write(to, { setting, generation });
  }

  /** Of a kb that is deleted. Nothing is written where nothing was set. */
  async forget(kb: string): Promise<void> {
    if ((await this.get(kb)) === undefined) return;
    await this.#settings.set(kb, SETTING, undefined);
    this.#keep(kb, undefined);
  }

  async #write(kb: string, { setting, generation }: Standing): Promise<void> {
    await this.#settings.set(kb, SETTING, JSON.stringify({ ...setting, generation }));
    this.#keep(kb, setting);
  }

  async #read(kb: string): Promise<Standing | undefined> {
    const text = await this.#settings.get(kb, SETTING);
    const standing = text === undefined ? undefined : standingOf(kb, text);
    this.#keep(kb, standing?.setting);
    return standing;
  }

  #keep(kb: string, setting: MinhashSetting | undefined): void {
    this.#known.delete(kb);
    this.#known.set(kb, { setting, readAt: performance.now() });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KEPT_MAX) break;
      this.#known.delete(oldest);
    }
  }
}

/** What stands in the store is checked like everything from outside: a later version may have written it. */
function standingOf(kb: string, text: string): Standing {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    given = undefined;
  }
  const { bands, rows, permutations, scheme, generation } = (given ?? {}) as Record<string, unknown>;
  const setting = { bands, rows, permutations, scheme } as MinhashSetting;
  if (minhashFault(setting) !== undefined || !Number.isSafeInteger(generation)) {
    throw new EngineError(
      "ENGRAM_STORE_REPLY",
      `The MinHash setting of ${kb} in the pattern store is none that this version knows: ${text.slice(0, 200)}.`,
    );
  }
  return { setting, generation: generation as number };
}
