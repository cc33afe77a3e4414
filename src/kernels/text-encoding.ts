/** Texts as the kernels read them: code points of one text, UTF-8 of many. Cost: a few nanoseconds a character. */

/** The code points of a text, as the text kernels take them. A lone surrogate is one code point. */
export function codePointsOf(text: string): Uint32Array {
  const points = new Uint32Array(text.length);
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const point = text.codePointAt(at)!;
    points[count++] = point;
    // Beyond the basic plane a character is two units of the string.
    if (point > 0xffff) at++;
  }
  return count === text.length ? points : points.slice(0, count);
}

/** UTF-8 of texts one after the other; text t is `bytes[offsets[t] .. offsets[t + 1])`. */
export function utf8Of(texts: readonly string[]): { readonly bytes: Uint8Array; readonly offsets: Uint32Array } {
  const all = texts.join("");
  const offsets = new Uint32Array(texts.length + 1);
  if (Buffer.byteLength(all) === all.length) {
    // A byte a character: all at once, a third of the time.
    texts.forEach((text, t) => {
      offsets[t + 1] = offsets[t]! + text.length;
    });
    return { bytes: Buffer.from(all, "latin1"), offsets };
  }
  texts.forEach((text, t) => {
    offsets[t + 1] = offsets[t]! + Buffer.byteLength(text);
  });
  const encoder = new TextEncoder();
  const bytes = new Uint8Array(offsets[texts.length]!);
  // One by one: two lone surrogates side by side would become one character.
  texts.forEach((text, t) => {
    encoder.encodeInto(text, bytes.subarray(offsets[t]!, offsets[t + 1]!));
  });
  return { bytes, offsets };
}
