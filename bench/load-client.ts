/** The load client of the benches is that of `engram stress`. */
export { LoadClient } from "../src/stress/load-client.ts";
