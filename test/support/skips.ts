/** Says before a run which suites will be skipped and why, so that no skip is silent; with CI=true a missing program fails the run. */
import { redisAvailable } from "./redis-server.ts";

interface Need {
  readonly suites: string;
  readonly met: () => boolean;
  readonly reason: string;
}

const NEEDS: readonly Need[] = [
  { suites: "everything on Redis", met: redisAvailable, reason: "redis-server is not installed (apt-get install redis-server)" },
];

export default function setup(): void {
  const missing = NEEDS.filter((need) => !need.met());
  for (const { suites, reason } of missing) console.warn(`SKIPPED: ${suites}: ${reason}`);
  if (missing.length > 0 && process.env.CI === "true") throw new Error("Suites would be skipped, and CI=true forbids that.");
}
