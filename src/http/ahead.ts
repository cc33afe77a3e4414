/**
 * Work on the items of a stream, several at a time, with results in their order: each result as soon as it and those before it are there, whether
 * or not another item has come. Ends with the first error, of the stream or of the work, and gives the stream up then.
 */
export async function* ahead<T, R>(source: AsyncIterable<T>, work: (item: T) => Promise<R>, max: number): AsyncGenerator<R> {
  const items = source[Symbol.asyncIterator]();
  const running: Promise<R>[] = [];
  let next: Promise<IteratorResult<T>> | undefined;
  let ended = false;
  try {
    while (!ended || running.length > 0) {
      if (!ended && running.length < max) next ??= quiet(items.next());
      const oldest = running[0];
      const came = next === undefined ? "result" : await first(oldest, next);
      if (came === "result") {
        yield await oldest!;
        running.shift();
        continue;
      }
      const item = await next!;
      next = undefined;
      if (item.done === true) ended = true;
      else running.push(quiet(work(item.value)));
    }
  } finally {
    await items.return?.();
  }
}

/** Which of two settles first; an error counts, and is met where its promise is awaited. */
function first(oldest: Promise<unknown> | undefined, next: Promise<unknown>): Promise<"result" | "item"> {
  return new Promise((resolve) => {
    const result = (): void => resolve("result");
    const item = (): void => resolve("item");
    oldest?.then(result, result);
    next.then(item, item);
  });
}

/** It is awaited later; that it failed before is no unhandled rejection. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
