const replaced = new WeakMap<object, Set<PropertyKey>>();

/**
 * Replaces a method of a class inside kafkajs, once in the process, whoever asks: its defects are mended before the first
 * client is made.
 * @param prototype undefined where kafkajs has no such class (any more)
 * @param replace gives the new method for the one that stands there
 * @throws TypeError when the method is not there: it is another version of kafkajs
 */
export function replaceMethod<T extends object, M extends keyof T>(
  prototype: T | undefined,
  name: M,
  replace: (original: T[M]) => T[M],
): void {
  if (prototype === undefined || typeof prototype[name] !== 'function')
    throw new TypeError('kafkajs is not the version that this was written for; install the one of package-lock.json');
  const names = replaced.get(prototype) ?? new Set();
  if (names.has(name)) return;
  replaced.set(prototype, names.add(name));
  prototype[name] = replace(prototype[name]);
}
