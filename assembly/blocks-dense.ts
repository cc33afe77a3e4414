/**
 * The two passes of the blocks kernel (blocks.ts, queries of more than one word) over a range in which many pairs are equal: few symbols, long
 * repetitions. Run lengths are computed for eight state positions at a time, equal or not, which beats visiting equal pairs as soon as one
 * in 16 is. O(pattern * state / 8) a pass; what keeps the worst input (as many distinct lengths of runs as fit) at tenths of a second.
 *
 * cells: u16 by state position, from one before the range's first (always 0): length of the common run that ends there and at the pattern
 * position before. Written from the last position to the first, so that a row can replace the one before in place.
 */
const LANES: u32 = 8;

/** Whether the range has so many equal pairs that its cells are better computed than its pairs visited. */
export function isDense(classes: usize, patternFrom: u32, patternTo: u32, width: u32, starts: usize): bool {
  let pairs: u64 = 0;
  for (let i = patternFrom; i < patternTo; i++) {
    const symbolClass = load<u16>(classes + ((i as usize) << 1)) as usize;
    if (symbolClass !== 0) pairs += (load<u32>(starts + (symbolClass << 2), 4) - load<u32>(starts + (symbolClass << 2))) as u64;
  }
  return pairs * 16 > ((patternTo - patternFrom) as u64) * (width as u64);
}

/** Room for the cells of `width` state positions, and the eight that the last step may write. */
export function clearDense(cells: usize, width: u32): void {
  memory.fill(cells, 0, ((width + 1 + LANES) as usize) << 1);
}

/** Length of the longest common run; stops when `possible` is reached or no open run can grow past the best. */
export function longestRunDense(
  classes: usize,
  patternFrom: u32,
  patternTo: u32,
  state: usize,
  width: u32,
  cells: usize,
  possible: u32,
): u32 {
  let best: u32 = 0;
  for (let i = patternFrom; i < patternTo; i++) {
    const symbolClass = load<u16>(classes + ((i as usize) << 1));
    let inRow: u32 = 0;
    if (symbolClass === 0) clearDense(cells, width);
    else inRow = greatest(advance(symbolClass, state, width, cells));
    if (inRow > best) best = inRow;
    if (best === possible || inRow + (patternTo - 1 - i) <= best) break;
  }
  return best;
}

/** Takes the cells to the next pattern position; returns the greatest of them, a lane each. */
function advance(symbolClass: u16, state: usize, width: u32, cells: usize): v128 {
  const wanted = i16x8.splat(symbolClass as i16);
  const one = i16x8.splat(1);
  let most = i16x8.splat(0);
  const last = ((width - 1) & ~(LANES - 1)) as usize;
  // Beyond the range's end nothing is equal.
  const within = i16x8.lt_s(i16x8(0, 1, 2, 3, 4, 5, 6, 7), i16x8.splat((width - (last as u32)) as i16));
  let equal = v128.and(within, i16x8.eq(wanted, v128.load(state + (last << 1))));
  for (let at = last << 1; ; at -= LANES << 1) {
    const run = v128.and(equal, i16x8.add(v128.load(cells + at), one));
    v128.store(cells + at, run, 2);
    most = i16x8.max_u(most, run);
    if (at === 0) break;
    equal = i16x8.eq(wanted, v128.load(state + at - (LANES << 1)));
  }
  return most;
}

function greatest(lanes: v128): u32 {
  let most = i16x8.max_u(lanes, v128.shuffle<i16>(lanes, lanes, 4, 5, 6, 7, 0, 1, 2, 3));
  most = i16x8.max_u(most, v128.shuffle<i16>(most, most, 2, 3, 0, 1, 6, 7, 4, 5));
  most = i16x8.max_u(most, v128.shuffle<i16>(most, most, 1, 0, 3, 2, 5, 4, 7, 6));
  return i16x8.extract_lane_u(most, 0) as u32;
}

/**
 * Takes the cells to pattern position `i` and returns the smallest state position, counted from the range's first, at which a run of `size` ends,
 * plus one; 0 if none does.
 */
export function smallestEndDense(classes: usize, i: u32, state: usize, width: u32, cells: usize, size: u32): u32 {
  const symbolClass = load<u16>(classes + ((i as usize) << 1));
  if (symbolClass === 0) {
    clearDense(cells, width);
    return 0;
  }
  if (greatest(advance(symbolClass, state, width, cells)) < size) return 0;
  const wanted = i16x8.splat(size as i16);
  for (let at: usize = 0; at < (width as usize) << 1; at += LANES << 1) {
    const hits = i16x8.bitmask(i16x8.eq(wanted, v128.load(cells + at, 2)));
    if (hits !== 0) return ((at >> 1) as u32) + (ctz<i32>(hits) as u32) + 1;
  }
  return 0;
}
