import assert from 'node:assert/strict';

export function every_product_has_a_price(table) {
  for (const [sku, prices] of Object.entries(table))
    assert.notEqual(Object.keys(prices).length, 0, `${sku} has no price in any region`);
}

export function prices_are_whole_cents(table) {
  for (const prices of Object.values(table))
    for (const price of Object.values(prices)) assert.ok(Number.isInteger(price), `${price} is no whole number`);
}

export function the_tea_costs_the_same_as_last_year(table) {
  assert.deepEqual(table['tea-100'], { de: 595, fr: 600, nl: 605 }, 'tea-100 has other prices');
}

export function cups_are_sold_in_the_netherlands(table) {
  assert.equal(table['cup-2'].nl, 1452, 'cup-2 has no price in nl');
}
