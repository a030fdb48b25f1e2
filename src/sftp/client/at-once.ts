// Many at once, but not all: what walks a tree with thousands of entries asks for a bounded number of them at a time.

/**
 * Does `work` for each of the items, at most `most` at once, and takes the next item only when there is room for it. The first
 * failure ends it, when what was under way has ended too.
 */
export async function eachOf<T>(
  items: AsyncIterable<T> | Iterable<T>,
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let underWay = 0;
  const failures: unknown[] = [];
  let wake: (() => void) | null = null;
  const change = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  const run = async (item: T) => {
    underWay++;
    try {
      await work(item);
    } catch (error) {
      failures.push(error);
    }
    underWay--;
    wake?.();
  };
  try {
    for await (const item of items) {
      if (failures.length > 0) break;
      void run(item);
      while (underWay >= most) await change();
    }
  } finally {
    while (underWay > 0) await change();
  }
  if (failures.length > 0) throw failures[0];
}

/** What `begin` makes of each item, in the items' order, with up to `most` begun ahead of whoever takes them. */
export async function* ahead<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  most: number,
  begin: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const begun: Promise<R>[] = [];
  for await (const item of items) {
    const result = begin(item);
    // Whoever takes it hears of it.
    result.catch(() => {});
    begun.push(result);
    if (begun.length >= most) yield await (begun.shift() as Promise<R>);
  }
  for (const result of begun) yield await result;
}
