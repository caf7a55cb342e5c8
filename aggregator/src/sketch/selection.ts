// Partial selection for top lists: finding the k heaviest of many must not cost a full sort at each flush.

/**
 * Reorders `items` and `weights` together so that the `keep` largest weights stand first, in no particular order
 * (quickselect, Hoare 1961, with the median of three as pivot).
 * @returns the largest weight among the others; 0 when nothing is left over
 */
export function selectHeaviest(items: Int32Array, weights: Float64Array, keep: number): number {
  const count = weights.length;
  if (count <= keep) return 0;
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const pivot = medianOfThree(weights[low], weights[(low + high) >>> 1], weights[high]);
    let i = low;
    let j = high;
    while (i <= j) {
      while (weights[i] > pivot) i++;
      while (weights[j] < pivot) j--;
      if (i <= j) swap(items, weights, i++, j--);
    }
    if (keep - 1 <= j) high = j;
    else if (keep - 1 >= i) low = i;
    else break;
  }
  let largest = 0;
  for (let i = keep; i < count; i++) if (weights[i] > largest) largest = weights[i];
  return largest;
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function swap(items: Int32Array, weights: Float64Array, i: number, j: number): void {
  const item = items[i];
  items[i] = items[j];
  items[j] = item;
  const weight = weights[i];
  weights[i] = weights[j];
  weights[j] = weight;
}
