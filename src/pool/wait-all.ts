/** Waits for all; if one fails, calls `stop` so that the others end soon, waits for them, and rejects with the first error. */
export async function allOrFirstError(promises: readonly Promise<void>[], stop: () => void): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(
    promises.map((promise) =>
      promise.catch((error: unknown) => {
        failures.push(error);
        stop();
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
}
