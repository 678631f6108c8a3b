const replaced = new WeakMap<object, Set<PropertyKey>>();

/**
 * Replaces a method of a class inside this package's own copy of kafkajs. A second call for the same method does
 * nothing.
 * @param prototype undefined where kafkajs has no such class
 * @param replace gives the new method for the present one
 * @throws TypeError when the method is missing: it is another version of kafkajs
 */
export function replaceMethod<T extends object, M extends keyof T>(
  prototype: T | undefined,
  name: M,
  replace: (original: T[M]) => T[M],
): void {
  if (prototype === undefined || typeof prototype[name] !== 'function')
    throw new TypeError(
      `ravenhelm-kafkajs has no method ${String(name)} where it is expected; ` +
        'install the version that package.json pins',
    );
  const names = replaced.get(prototype) ?? new Set();
  if (names.has(name)) return;
  replaced.set(prototype, names.add(name));
  prototype[name] = replace(prototype[name]);
}
