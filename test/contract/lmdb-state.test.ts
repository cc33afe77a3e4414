import { describe } from "vitest";
import { lmdbBackEnd } from "../support/state-stores.ts";
import { stateStoreSuite } from "./state-store.ts";

describe("the state store on LMDB", () => stateStoreSuite(lmdbBackEnd));
