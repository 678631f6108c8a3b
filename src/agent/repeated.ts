/** Indexes of items that occur earlier in the list. */
export function repeated(items: readonly string[]): readonly number[] {
  return items.flatMap((item, index) => (items.indexOf(item) < index ? [index] : []));
}
