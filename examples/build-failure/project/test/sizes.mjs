import assert from 'node:assert/strict';

export function the_table_has_ten_products(table) {
  assert.equal(Object.keys(table).length, 10);
}

export function the_table_has_a_price_for_each_product_and_region(table) {
  const prices = Object.values(table).reduce((sum, each) => sum + Object.keys(each).length, 0);
  assert.equal(prices, 32, `${prices} prices instead of 32`);
}
