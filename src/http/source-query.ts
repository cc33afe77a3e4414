/** The query parameter `source` of predictions: asks one source of candidates by name, for tests and comparisons. */
import { EngineError } from "../errors.ts";
import { isSourceName, SOURCE_NAMES, type SourceName } from "../model/source-name.ts";

export interface SourceQuery {
  readonly source?: string;
}

/** As an option of the engine's call; none where no source is named. Errors: ENGRAM_BAD_REQUEST for a name that is none. */
export function readSource({ source }: SourceQuery): { readonly source?: SourceName } {
  if (source === undefined) return {};
  if (isSourceName(source)) return { source };
  throw new EngineError("ENGRAM_BAD_REQUEST", `source is one of ${SOURCE_NAMES.join(", ")}.`);
}
