/** What the wasm exports. Exports only. */
export { agreement, agreementsInto, byteAgreementsInto, bytesOfSignatures, sharesBand, streamSum } from "./agreement";
export { bandKeysInto, bandKeysOfRowsInto } from "./bands";
export { blocksScratchBytes, matchingBlocks, matchingBlocksInto } from "./blocks";
export { intersectionCount, intersectionCountsInto, intersectionScratchBytes } from "./jaccard";
export { beginTask, keyOfRank, sortKept } from "./keep";
export { laneBagsInto } from "./lane-bag";
export { laneIntersectionCountsInto, markHits } from "./lane-jaccard";
export {
  laneLcsLengthsAtLeastInto,
  laneLcsLengthsInto,
  narrowLanesInto,
  narrowLcsLengthsInto,
  prepareLanes,
  releaseLanes,
} from "./lane-lcs";
export { LAYOUT_VERSION } from "./layout";
export { lcsLength, lcsLengthAtLeast, lcsLengthPair, lcsLengthsInto, pairScratchBytes } from "./lcs";
export { clearClasses, prepareQuery, queryBytes, releaseQuery } from "./masks";
export { distinctHashesInto, signatureInto, signaturesInto } from "./minhash";
export { multiplyAddsInto, onePermutationsInto, tokenHashesInto } from "./minhash-fast";
export { sharedCountsInto } from "./postings";
export { loadQuery, loadText, unloadQuery, unloadText } from "./query";
export { addLatinToLanes, addToLanes, queryLanesLcsInto, queryLanesRatiosInto } from "./query-lanes";
export { indelRatio, indelRatioAtLeast, indelRatioPair, indelRatiosInto, neededLcs } from "./ratio";
export { planResident, sealResident } from "./resident";
export { blocksOfRow, matchRows } from "./score";
export { beginSlice, firstBadRow, keepByJaccard, keepByLength, keepByMinhash, keepByOverlap, keepBySimilarity } from "./stages";
export { prepareText, textQueryBytes } from "./text-query";
export { textMatchesInto } from "./text-table";
