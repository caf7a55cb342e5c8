// Waiting for somebody, but not for ever.

export type Waited<T> = { readonly late: false; readonly value: T } | { readonly late: true };

/** Settles with the promise, or says `late` after `ms`; what comes after that is dropped, failures too. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<Waited<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Waited<T>>((resolve) => {
    timer = setTimeout(() => resolve({ late: true }), ms);
  });
  try {
    return await Promise.race([promise.then((value): Waited<T> => ({ late: false, value })), late]);
  } finally {
    clearTimeout(timer);
  }
}
