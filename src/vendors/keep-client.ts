/**
 * Opens a client once a process, and again only for other options (a key that was replaced). Every page and every
 * session is a function call of its own, and a breaker or a pace that begins anew with each of them counts nothing.
 */
export function keepClient<O extends object, C>(open: (options: O) => C): (options: O) => C {
  let kept: { options: string; client: C } | undefined;
  return (options) => {
    const wanted = JSON.stringify(options);
    if (kept?.options !== wanted) kept = { options: wanted, client: open(options) };
    return kept.client;
  };
}
