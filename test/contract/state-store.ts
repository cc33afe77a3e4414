/** The suite every state store passes; called for LMDB, and for Redis where a server can be started. */
import { afterEach, beforeEach, describe } from "vitest";
import type { OpenedState, StateBackEnd } from "../support/state-stores.ts";
import { learnSuite } from "./state-learns.ts";
import { outboxSuite } from "./state-outbox.ts";
import { packedSuite } from "./state-packed.ts";
import { sessionSuite } from "./state-sessions.ts";

export function stateStoreSuite(backEnd: StateBackEnd): void {
  let opened: OpenedState;
  beforeEach(async () => {
    opened = await backEnd.open();
  });
  afterEach(async () => {
    await opened.dispose();
  });
  describe("sessions", () => sessionSuite(() => opened));
  describe("learns", () => learnSuite(backEnd, () => opened));
  describe("packed learns", () => packedSuite(() => opened));
  describe("outbox", () => outboxSuite(backEnd, () => opened));
}
