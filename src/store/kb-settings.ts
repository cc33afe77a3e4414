/** Contract of settings of knowledge bases, kept in the pattern store: they outlive clears, and every process reads the same. Asked seldom. */
export interface KbSettings {
  /** undefined: not set. */
  get(kb: string, name: string): Promise<string | undefined>;
  /** Durable when it resolves; undefined unsets it. */
  set(kb: string, name: string, value: string | undefined): Promise<void>;
  /** Kbs that have it set, with the value. */
  list(name: string): Promise<ReadonlyMap<string, string>>;
}
