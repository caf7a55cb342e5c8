// What the demo shop sells, to whom, and on what: fixed lists, most frequent first.
// Pure data: the same for every seed, so that dashboards know their values.

import { mix, Random, WeightedTable, zipf } from './random.js';

export const COUNTRIES: readonly string[] = [
  'DE',
  'US',
  'GB',
  'FR',
  'NL',
  'ES',
  'IT',
  'PL',
  'SE',
  'AT',
  'CH',
  'BE',
  'DK',
  'NO',
  'FI',
  'IE',
  'PT',
  'CZ',
  'JP',
  'CA',
  'AU',
  'BR',
  'IN',
  'MX',
];
const COUNTRY_EXPONENT = 0.9;

export const DEVICES: readonly string[] = ['mobile', 'desktop', 'tablet', 'tv'];
const DEVICE_WEIGHTS = [0.58, 0.34, 0.07, 0.01];

export const CATEGORIES: readonly string[] = [
  'shoes',
  'shirts',
  'trousers',
  'jackets',
  'bags',
  'watches',
  'books',
  'toys',
  'kitchen',
  'garden',
  'audio',
  'phones',
];
/** Median price in cents, by category. */
const CATEGORY_CENTS = [7_990, 2_490, 4_990, 11_900, 5_900, 14_900, 1_690, 2_290, 3_490, 4_290, 8_900, 39_900];

export interface Product {
  readonly id: string;
  readonly category: number;
  readonly cents: number;
  readonly page: string;
}

const PRODUCT_COUNT = 600;

/** Products by popularity; each belongs to one category and has one price. */
export const PRODUCTS: readonly Product[] = Array.from({ length: PRODUCT_COUNT }, (_, i) => {
  const random = new Random(mix(i, 77));
  const category = random.below(CATEGORIES.length);
  const cents = Math.max(199, Math.round(random.logNormal(CATEGORY_CENTS[category], 0.45) / 100) * 100 - 10);
  const id = `p-${1_000 + i}`;
  return { id, category, cents, page: `/product/${id}` };
});

const countryTable = new WeightedTable(zipf(COUNTRIES.length, COUNTRY_EXPONENT));
const deviceTable = new WeightedTable(DEVICE_WEIGHTS);
const productTable = new WeightedTable(zipf(PRODUCT_COUNT, 0.8));

/** A user lives in one country and keeps to one device: both follow from the number. */
export function countryOf(user: number): number {
  return countryTable.pick(mix(user, 1) / 2 ** 32);
}

export function deviceOf(user: number): number {
  return deviceTable.pick(mix(user, 2) / 2 ** 32);
}

/** @param uniform in [0, 1) */
export function pickProduct(uniform: number): number {
  return productTable.pick(uniform);
}

/** @param uniform in [0, 1) */
export function pickCountry(uniform: number): number {
  return countryTable.pick(uniform);
}

/** Share of the visitors who live there. */
export function countryShare(country: number): number {
  const weights = zipf(COUNTRIES.length, COUNTRY_EXPONENT);
  return weights[country] / weights.reduce((a, b) => a + b, 0);
}
