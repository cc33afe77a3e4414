/** Package export "./kernels": the measures by themselves, without engine, stores or threads. */
export { SIGNATURE_BANDS, SIGNATURE_ROWS, SIGNATURE_VALUES } from "../../assembly/layout.ts";
export type { KernelOptions } from "./kernels.ts";
export { Kernels } from "./kernels.ts";
export type { Block, BlockColumn, Column, LaneColumn, PreparedSequence, RatioMatches } from "./prepared-sequence.ts";
export type { PreparedText, TextColumn } from "./prepared-text.ts";
export { symbolHash } from "./sign.ts";
export type { SignatureColumn } from "./signature-column.ts";
export { SIGNATURE_SCHEMES, type SignatureScheme, type Signer } from "./signer.ts";
export { codePointsOf } from "./text-encoding.ts";
