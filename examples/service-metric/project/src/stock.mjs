/** Goods in stock. take() answers how many are left, or throws OutOfStock or UnknownItem. */
export class OutOfStock extends Error {}
export class UnknownItem extends Error {}

export function createStock(items) {
  const left = new Map(Object.entries(items));
  return {
    left: (item) => left.get(item),
    take(item, count) {
      const now = left.get(item);
      if (now === undefined) throw new UnknownItem(`no such item: ${item}`);
      if (now < count) throw new OutOfStock(`${item}: ${now} left`);
      left.set(item, now - count);
      return now - count;
    },
  };
}
