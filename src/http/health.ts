/** How the server is, judged by what it can do and not by how busy the machine is. Cost: one question to each store. */
import type { Engine } from "../engine-types.ts";
import type { Logger } from "../log.ts";

export interface Health {
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly issues: readonly string[];
  readonly outbox: number;
  readonly threads: number;
  readonly sessions: number;
}

/** Unhealthy: nothing can be observed or learned. Degraded: learning goes on, predictions may not. A failing check is an answer, not an error. */
export async function examine(engine: Pick<Engine, "health" | "countSessions">, log: Logger): Promise<Health> {
  try {
    const { stateStore, patternStore, outbox, threads } = await engine.health();
    const issues: string[] = [];
    if (!stateStore) issues.push("The state store does not answer: sessions and learning are refused");
    if (!patternStore) issues.push("The pattern store does not answer: learned patterns wait, predictions may be refused");
    const status = stateStore ? (patternStore ? "healthy" : "degraded") : "unhealthy";
    return { status, issues, outbox, threads, sessions: stateStore ? await engine.countSessions() : 0 };
  } catch (error) {
    log.error({ err: error }, "health check failed");
    return { status: "unhealthy", issues: [`Health check failed: ${(error as Error).message}`], outbox: 0, threads: 0, sessions: 0 };
  }
}
