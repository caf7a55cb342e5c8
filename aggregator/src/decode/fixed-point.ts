// Decimal numbers as they are written in an event → fixed-point integers, exactly.
// A number's value is that of its shortest decimal form after JSON.parse; for up to 15 digits that is the text itself.

/** Largest magnitude of a fixed-point integer: far enough below 2^53 that sums of two never lose a unit. */
export const MAX_FIXED = 2 ** 52;

const POWERS: Float64Array = Float64Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

/**
 * ±mantissa / 10^fraction × 10^decimals, rounded half away from zero.
 * @param mantissa integer below 10^15 @param fraction 0-15 @param decimals 0-9
 * @returns NaN when the result is larger than MAX_FIXED
 */
export function toFixedPoint(mantissa: number, fraction: number, negative: boolean, decimals: number): number {
  let value: number;
  if (fraction <= decimals) {
    value = mantissa * POWERS[decimals - fraction];
  } else {
    const divisor = POWERS[fraction - decimals];
    const rest = mantissa % divisor;
    value = (mantissa - rest) / divisor;
    if (rest * 2 >= divisor) value += 1;
  }
  if (value > MAX_FIXED) return Number.NaN;
  return negative && value !== 0 ? -value : value;
}

/**
 * ±mantissa / 10^fraction × 10^shift, rounded down; for times. @param shift -6 to 6
 * @returns NaN when the result is larger than MAX_FIXED
 */
export function toFlooredInteger(mantissa: number, fraction: number, negative: boolean, shift: number): number {
  let value: number;
  if (fraction <= shift) {
    value = mantissa * POWERS[shift - fraction];
  } else {
    const divisor = POWERS[fraction - shift];
    const rest = mantissa % divisor;
    value = (mantissa - rest) / divisor;
    if (negative && rest > 0) value += 1;
  }
  if (value > MAX_FIXED) return Number.NaN;
  return negative && value !== 0 ? -value : value;
}

/**
 * The same for numbers with an exponent or of more than 15 digits. @param text a JSON number
 * @param rounding half away from zero, or down
 */
export function exoticToInteger(text: string, shift: number, rounding: 'half' | 'down'): number {
  const parsed = Number(text);
  if (!Number.isFinite(parsed)) return Number.NaN;
  const negative = parsed < 0;
  // toExponential without digits gives the shortest form that reads back as the same number: d.ddde±x
  const [digits, exponent] = Math.abs(parsed).toExponential().split('e');
  const [whole, fraction = ''] = digits.split('.');
  const power = Number(exponent) - fraction.length + shift;
  // 2^52 has 16 digits; what is larger by far must not become a long BigInt.
  if (power > 40) return parsed === 0 ? 0 : Number.NaN;
  const mantissa = BigInt(whole + fraction);
  let value: bigint;
  if (power >= 0) {
    value = mantissa * 10n ** BigInt(power);
  } else if (power < -40) {
    value = rounding === 'down' && negative ? 1n : 0n;
  } else {
    const divisor = 10n ** BigInt(-power);
    const rest = mantissa % divisor;
    value = mantissa / divisor;
    if (rounding === 'half' ? rest * 2n >= divisor : negative && rest > 0n) value += 1n;
  }
  if (value > BigInt(MAX_FIXED)) return Number.NaN;
  return negative && value !== 0n ? -Number(value) : Number(value);
}
