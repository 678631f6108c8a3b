/**
 * Groups of files that import one another, each in the order of its names. Type imports count: a reader follows them
 * as well.
 * @param {ReadonlyMap<string, readonly string[]>} importsOf by file: the files that it imports
 * @returns {string[][]}
 */
export function findCycles(importsOf) {
  // Tarjan's strongly connected components; a component of one file is a cycle only where the file imports itself.
  const index = new Map();
  const low = new Map();
  const stack = [];
  const cycles = [];
  const explore = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const imported of importsOf.get(file) ?? []) {
      if (!index.has(imported)) explore(imported);
      if (stack.includes(imported)) low.set(file, Math.min(low.get(file), low.get(imported)));
    }
    if (low.get(file) !== index.get(file)) return;
    const component = stack.splice(stack.indexOf(file)).sort();
    if (component.length > 1 || importsOf.get(file)?.includes(file)) cycles.push(component);
  };
  for (const file of importsOf.keys()) if (!index.has(file)) explore(file);
  return cycles.sort(([a], [b]) => (a < b ? -1 : 1));
}
