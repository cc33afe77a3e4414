/**
 * MinHash signing for collections that need no datasketch compatibility: values are other than those of minhash.ts, so one collection uses one
 * scheme (src/kernels/signature-scheme.ts names them). Hashes must be spread evenly over 32 bits (`symbolHash`, `tokenHashesInto`).
 *
 *   multiply-add       value[i] = min over h of (a[i] * h + b[i]) mod 2^32, a odd. O(hashes * values), a fifth of datasketch's cost.
 *   one-permutation    the least hash in each of `values` equal parts of the range; an empty part takes the value of another (optimal
 *                      densification: Shrivastava, "Optimal Densification for Fast and Accurate Minwise Hashing", 2017). O(hashes + values).
 *                      Best above about 64 hashes; below, many parts are empty, and estimates from few values vary more.
 *
 * Reference: test/reference/minhash.ts.
 */
const EMPTY: u32 = 0xffffffff;
/** Multiply-add parameters of 16 values: u32[16] a, u32[16] b. */
const TILE_BYTES: usize = 128;

/** Signs `count` hashes: `tiles` times 16 u32 to `out`. `parameters`: `tiles` blocks of u32[16] multipliers (odd), u32[16] offsets. */
export function multiplyAddInto(hashes: usize, count: u32, parameters: usize, tiles: u32, out: usize): void {
  const end = hashes + ((count as usize) << 2);
  let tile = parameters;
  let target = out;
  for (let t: u32 = 0; t < tiles; t++) {
    const a0 = v128.load(tile);
    const a1 = v128.load(tile, 16);
    const a2 = v128.load(tile, 32);
    const a3 = v128.load(tile, 48);
    const b0 = v128.load(tile, 64);
    const b1 = v128.load(tile, 80);
    const b2 = v128.load(tile, 96);
    const b3 = v128.load(tile, 112);
    let least0 = i32x4.splat(-1);
    let least1 = i32x4.splat(-1);
    let least2 = i32x4.splat(-1);
    let least3 = i32x4.splat(-1);
    for (let p = hashes; p < end; p += 4) {
      const h = v128.load32_splat(p);
      least0 = i32x4.min_u(least0, i32x4.add(i32x4.mul(a0, h), b0));
      least1 = i32x4.min_u(least1, i32x4.add(i32x4.mul(a1, h), b1));
      least2 = i32x4.min_u(least2, i32x4.add(i32x4.mul(a2, h), b2));
      least3 = i32x4.min_u(least3, i32x4.add(i32x4.mul(a3, h), b3));
    }
    v128.store(target, least0);
    v128.store(target, least1, 16);
    v128.store(target, least2, 32);
    v128.store(target, least3, 48);
    tile += TILE_BYTES;
    target += 64;
  }
}

/** Signs `count` hashes by one permutation: `values` u32 to `out`; 2^32 - 1 for no hash at all. `scratch`: `values` bytes. */
export function onePermutationInto(hashes: usize, count: u32, values: u32, scratch: usize, out: usize): void {
  const outBytes = (values as usize) << 2;
  memory.fill(out, 0xff, outBytes);
  if (count === 0) return;
  for (let p = hashes, end = hashes + ((count as usize) << 2); p < end; p += 4) {
    // The greatest hash shares its value with the next one, so that EMPTY means empty.
    const hash = min(load<u32>(p), EMPTY - 1);
    const place = out + (((((hash as u64) * (values as u64)) >> 32) as usize) << 2);
    store<u32>(place, min(load<u32>(place), hash));
  }
  for (let part: usize = 0; part < (values as usize); part++) {
    store<u8>(scratch + part, (load<u32>(out + (part << 2)) !== EMPTY) as u8);
  }
  for (let part: u32 = 0; part < values; part++) {
    if (load<u8>(scratch + (part as usize)) !== 0) continue;
    // Every set asks the same parts in the same order: sets that share the first filled one agree here too.
    let attempt: u32 = 0;
    let donor: u32 = 0;
    do {
      donor = donorOf(part, ++attempt, values);
    } while (load<u8>(scratch + (donor as usize)) === 0);
    store<u32>(out + ((part as usize) << 2), load<u32>(out + ((donor as usize) << 2)));
  }
}

/** The part that `part` asks at its n-th attempt: an even draw by MurmurHash3's finalizer over both. */
function donorOf(part: u32, attempt: u32, values: u32): u32 {
  let x = part * 0x9e3779b1 + attempt * 0x85ebca77;
  x = (x ^ (x >>> 16)) * 0x85ebca6b;
  x = (x ^ (x >>> 13)) * 0xc2b2ae35;
  x ^= x >>> 16;
  return (((x as u64) * (values as u64)) >> 32) as u32;
}

/** `multiplyAddInto` for sets `from` to `to` (exclusive) of a column of hashes, signatures one after the other. */
export function multiplyAddsInto(hashes: usize, offsets: usize, from: u32, to: u32, parameters: usize, tiles: u32, out: usize): void {
  let target = out;
  for (let c = from; c < to; c++) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    const count = load<u32>(offsets + ((c as usize) << 2), 4) - start;
    multiplyAddInto(hashes + ((start as usize) << 2), count, parameters, tiles, target);
    target += (tiles as usize) << 6;
  }
}

/** `onePermutationInto` for sets `from` to `to` (exclusive) of a column of hashes, signatures one after the other. */
export function onePermutationsInto(hashes: usize, offsets: usize, from: u32, to: u32, values: u32, scratch: usize, out: usize): void {
  let target = out;
  for (let c = from; c < to; c++) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    const count = load<u32>(offsets + ((c as usize) << 2), 4) - start;
    onePermutationInto(hashes + ((start as usize) << 2), count, values, scratch, target);
    target += (values as usize) << 2;
  }
}

/** Odd, with even bits; in halves, because this file is read as JavaScript too. */
const MIX_1: u64 = ((0x9e3779b9 as u64) << 32) | 0x7f4a7c15;
const MIX_2: u64 = ((0xc2b2ae3d as u64) << 32) | 0x27d4eb4f;
const MIX_3: u64 = ((0xd6e8feb8 as u64) << 32) | 0x6659fd93;

/**
 * Hashes of texts `from` to `to` (exclusive) of a column of UTF-8 bytes, u32 to `out`: for the schemes of this file where SHA-1 (`symbolHash`) is
 * not asked for. Not for keys that someone chooses to collide. Up to 16 bytes, as words are, it is two loads and three multiplications.
 * Eight bytes behind the last text are read. Cost: about 4 ns a word.
 */
export function tokenHashesInto(bytes: usize, offsets: usize, from: u32, to: u32, out: usize): void {
  let target = out;
  for (let c = from; c < to; c++, target += 4) {
    const start = load<u32>(offsets + ((c as usize) << 2));
    store<u32>(target, tokenHash(bytes + (start as usize), load<u32>(offsets + ((c as usize) << 2), 4) - start));
  }
}

function tokenHash(text: usize, length: u32): u32 {
  let head: u64;
  let tail: u64 = 0;
  if (length <= 8) {
    // Bytes that are not the text's are shifted out; a shift by 64 would be one by 0.
    head = length === 0 ? 0 : load<u64>(text) << (((8 - length) << 3) as u64);
  } else {
    head = load<u64>(text);
    for (let p = text + 8, end = text + ((length - 8) as usize); p < end; p += 8) {
      head = (head ^ load<u64>(p)) * MIX_3;
      head ^= head >> 32;
    }
    tail = load<u64>(text + ((length - 8) as usize));
  }
  let x = (head ^ MIX_1) * MIX_2;
  x ^= x >> 32;
  x = (x ^ tail ^ ((length as u64) << 56)) * MIX_3;
  x ^= x >> 29;
  return ((x * MIX_1) >> 32) as u32;
}
