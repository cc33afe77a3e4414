/**
 * Byte layouts that TypeScript and the kernels share. Integer literals only: both compilers read this file. A change of any number
 * here raises LAYOUT_VERSION; the wasm exports it and the TypeScript side refuses another one (ENGRAM_LAYOUT_MISMATCH).
 */
export const LAYOUT_VERSION = 9;

/** Values in a MinHash signature, and how they fall into bands (semantics §6.1): stored in databases, so a change is a format change. */
export const SIGNATURE_VALUES = 100;
export const SIGNATURE_BANDS = 20;
export const SIGNATURE_ROWS = 5;
/** Schemes of signing, as the band kernels are told (src/kernels/signer.ts). */
export const SCHEME_DATASKETCH = 0;
export const SCHEME_MULTIPLY_ADD = 1;
export const SCHEME_ONE_PERMUTATION = 2;
/** Four permutations side by side: u32[4] low halves of a, u32[4] high halves of a, u64[4] b. */
export const PERMUTATION_GROUP_BYTES = 64;

/** Class-table entries for text: one more than the greatest Unicode code point. */
export const CODE_POINTS = 0x110000;

/*
 * Prepared sequence (assembly/masks.ts): what every kernel that compares one query with many candidates reads. Addresses are absolute.
 */
/** u32: number of elements. */
export const QUERY_COUNT = 0;
/** u32: 64-bit words in a mask row. 1: 64 positions a word. Else even, 63 positions a word (top bit 0). */
export const QUERY_WORDS = 4;
/** u32: number of distinct elements, the classes 1..n. Class 0 is "not in the query". */
export const QUERY_CLASSES = 8;
/** u32 address of the class table, u16 per id: owned by the caller. */
export const QUERY_TABLE = 12;
/** u32 address of u64[classes + 1][words]: which positions hold the class. */
export const QUERY_MASKS = 16;
/** u32 address of u16[count]: the class at each position; 0 for an id past the table. */
export const QUERY_POSITION_CLASSES = 20;
/** u32 address of u32[classes + 2]: class c's positions are `positions[starts[c] .. starts[c + 1])`. */
export const QUERY_STARTS = 24;
/** u32 address of u32[count]: positions, ascending inside a class. */
export const QUERY_POSITIONS = 28;
/** u32 address of u32[classes]: the id of class c at index c - 1. */
export const QUERY_IDS = 32;
/** u32 address of u64[lane ids]: the one mask word of each lane id (assembly/lane-lcs.ts); 0: there is none. Set by `prepareLanes`. */
export const QUERY_LANE_MASKS = 52;
/** A prepared text (assembly/text-query.ts) also has: u32 address of u64[257][row words], rows by Latin-1 character and a row of zeros; 0: too long. */
export const QUERY_ROWS = 36;
/** u32: words of such a row. 1: 64 positions a word. Else 63. */
export const QUERY_ROW_WORDS = 40;
/** u32 address of the text's bag: u8[BAG_BYTES] counts of characters, and what passes 255 in any of them. */
export const QUERY_BAG = 44;
export const QUERY_BAG_BEYOND = 48;
export const QUERY_HEADER_BYTES = 64;

/** Characters counted by their lowest five bits, saturating: a bound for the LCS of two texts that costs a nanosecond. */
export const BAG_BYTES = 32;
/** Texts up to this many characters (8 words of 63 bits) are compared by the generated kernels. */
export const SHORT_TEXT_MAX = 504;

/*
 * Text table (src/kernels/text-table.ts): texts in runs of one kind (Latin-1 or wide) and length. Fields u32; addresses are absolute.
 */
export const TEXTS_COUNT = 0;
export const TEXTS_RUNS = 4;
/** Runs of texts of one kind and length: u32 end (a position), u32 length, u32 1 for wide. */
export const TEXTS_RUNS_AT = 8;
/** u32 by position: the text's id, address of its first character, number of characters. */
export const TEXTS_IDS_AT = 12;
export const TEXTS_PLACES_AT = 16;
export const TEXTS_LENGTHS_AT = 20;
/** u8[BAG_BYTES] by position. */
export const TEXTS_BAGS_AT = 24;
/** u32 by id: the text's position. */
export const TEXTS_RANKS_AT = 28;
/** u8 by position: 1 for wide, u32 code points a character; 0 for Latin-1, a byte. */
export const TEXTS_KINDS_AT = 32;
export const TEXTS_HEADER_BYTES = 48;
export const TEXTS_RUN_BYTES = 12;

/* Texts compared side by side (build/generated/ratio-lanes.ts): u32[4] addresses, lengths, needed LCS lengths, and what was found. */
export const GROUP_TEXTS = 0;
export const GROUP_LENGTHS = 16;
export const GROUP_NEEDED = 32;
export const GROUP_LCS = 48;
/** v128[8]: state of two texts over 8 words. */
export const GROUP_STATE = 64;
export const GROUP_BYTES = 192;
/** Working memory of one text against a table (assembly/text-table.ts): a group, where to go on, positions that passed the bound. */
export const MATCHES_NEXT = 192;
export const MATCHES_POSITIONS = 208;
export const MATCHES_POSITIONS_MAX = 4096;
/* Queries side by side (assembly/query-lanes.ts): how many, u64[QUERY_LANES] a row, and rows u64[256][QUERY_LANES] by Latin-1 character. */
export const QUERY_LANES = 8;
export const QUERY_LANES_ROW_BYTES = 64;
export const QUERY_LANES_LATIN_BYTES = 16384;
/** In the place of the positions, for texts side by side: u32 LCS lengths, so many bytes a text. */
export const MATCHES_LENGTHS_BYTES = 2048;
/** f64[128] */
export const MATCHES_RATIOS = 16592;
export const MATCHES_WORK_BYTES = 17616;

/*
 * Limits of a query and a pattern, and what a slot or a thread's scratch holds at most.
 */
/** Symbols in a state: a session's list limit (1,000 events) times what events usually hold, with room to spare. */
export const QUERY_SYMBOLS_MAX = 16384;
/** Symbols in a pattern: what a learn may hold. */
export const PATTERN_SYMBOLS_MAX = 4096;
/** Rows of one candidate batch: the survivor list and the heap have an entry a row. */
export const BATCH_ROWS_MAX = 65536;
/** Code points of one joined text (character mode) or of one symbol (fuzzy tokens). */
export const TEXT_POINTS_MAX = 1048576;
/** Queries up to this many symbols have one 64-bit word of positions; masks.ts. */
export const SHORT_QUERY_MAX = 64;

/*
 * Pool memory: shared memories of one layout, laid out once, never grown; a thread has the same scratch in each.
 *  ┌──────────┬───────────────┬──────────────────────────────────────────────────────────────────┬─────────────────┐
 *  │ reserved │ slots         │ one a thread: scratch │ class table │ partner table │ symbol table │ arena: resident │   regions start
 *  └──────────┴───────────────┴──────────────────────────────────────────────────────────────────┴─────────────────┘   on pages
 */
/** u32 a thread: 0 = free, else the thread's id. Behind them u32 a thread: 1 = used before, so tables must be cleared first. */
export const POOL_LEASES = 1024;
export const POOL_LEASES_DIRTY = 2048;
export const POOL_THREADS_MAX = 256;
/** MinHash permutation parameters, written once by the main thread. */
export const POOL_PERMUTATIONS = 4096;
export const POOL_SLOTS = 65536;
/** A slot holds one candidate batch; about 30,000 patterns of 14 symbols, 2 to 4 ms of work. */
export const SLOT_BYTES = 4194304;

/* A thread's scratch: offsets from its start. A test checks that the regions follow each other. */
export const SCRATCH_CONTEXT = 0;
/** u32 a row: rows still in the race, ascending. */
export const SCRATCH_SURVIVORS = 4096;
/** f64 a row: similarities that the rapidfuzz stage has computed (character mode). */
export const SCRATCH_SIMILARITIES = 266240;
/* In the same place, for a resident block that is matched by its index (token mode): */
/** u8 a row: state positions whose symbol the row holds. */
export const SCRATCH_SHARED = 266240;
/** u16 a row: one more than the number of its hits' place; 0: it has none. */
export const SCRATCH_HIT_PLACES = 331792;
/** u8 a place: hits there, or more than fit. */
export const SCRATCH_HIT_COUNTS = 462864;
/** HEAP_ENTRY_BYTES a row. */
export const SCRATCH_HEAP = 790528;
/** u32 a distinct query symbol; also bits of the intersection kernel. */
export const SCRATCH_STAMPS = 2363392;
/** 12 bytes a block: what blocksOfRow wrote. */
export const SCRATCH_BLOCKS = 2494464;
/** Working memory of the blocks kernel: most for 4,096 symbols against 64. */
export const SCRATCH_BLOCKS_WORK = 2560000;
/** u32[PATTERN_SYMBOLS_MAX] hashes of a candidate; u32[QUERY_SYMBOLS_MAX] are read from the query block. */
export const SCRATCH_HASHES = 6754304;
export const SCRATCH_CANDIDATE_SIGNATURE = 6770688;
export const SCRATCH_QUERY_SIGNATURE = 6771200;
/** u8 a code point (or pattern symbol): carries of the LCS kernel. */
export const SCRATCH_CARRIES = 6787072;
/** u32[ROW_HITS_MAX] a place: the hits of one row (token mode); or: */
export const SCRATCH_HITS = 7835648;
export const ROW_HITS_MAX = 8;
/** Joined texts of some candidates: a byte or a u32 a character, TEXT_POINTS_MAX of them at most in one. */
export const SCRATCH_TEXT = 7835648;
export const SCRATCH_TEXT_BYTES = 4194304;
/** Prepared state (symbol ids); 16,384 distinct symbols need 34.6 MB. */
export const SCRATCH_TOKEN_QUERY = 12029952;
export const SCRATCH_TOKEN_QUERY_BYTES = 36700160;
/** u64[LANE_MASKS]: mask words by lane id, in a part of the token query's room that only states of more than SHORT_QUERY_MAX symbols need. */
export const SCRATCH_LANE_MASKS = 12095488;
/** Entries there: kbs of fewer symbols have their short states' mask words looked up at once, larger ones by class. 8 MiB a thread. */
export const LANE_MASKS = 1048576;
/** Behind them, in the same room: what sealing a resident block sorts (assembly/resident-index.ts). No query is loaded meanwhile. */
export const SCRATCH_SEAL_WORK = 20484096;
export const SCRATCH_SEAL_WORK_BYTES = 28246016;
/*
 * In the same place, while rows are signed for their bands (assembly/bands.ts): the scheme's parameters, one signature of up to
 * BAND_VALUES_MAX values and a byte for each of them, and u32 a band and row.
 */
export const SCRATCH_BAND_PARAMETERS = 20484096;
export const SCRATCH_BAND_WORK = 20488192;
export const SCRATCH_BAND_KEYS = 20492288;
export const BAND_VALUES_MAX = 128;
/** Prepared text (code points) of the state, or of one symbol in the search for partners. */
export const SCRATCH_TEXT_QUERY = 48730112;
export const SCRATCH_TEXT_QUERY_BYTES = 16777216;
/** The query block, as sealed. */
export const SCRATCH_QUERY_BLOCK = 65507328;
export const SCRATCH_QUERY_BLOCK_BYTES = 16777216;
/** u16[CODE_POINTS]. */
export const SCRATCH_POINT_CLASSES = 82284544;
/** u32[PATTERN_SYMBOLS_MAX]: the ids of one row of a resident block, gathered from its lane. */
export const SCRATCH_ROW = 84512768;
/**
 * u32[RESIDENT_LANES]: LCS lengths of the group in hand; u64[RESIDENT_LANES] greedy matches and u64[RESIDENT_LANES] shared pairs, where they
 * were computed. What follows up to the end, 16 bytes at least, stays zero: see `laneTable`.
 */
export const SCRATCH_LANE_LENGTHS = 84529152;
export const SCRATCH_BYTES = 84541440;

/* Context: u32 fields at the scratch's start. Addresses are written when the thread starts or loads a table, counts by the kernels. */
export const CONTEXT_CLASS_TABLE = 0;
export const CONTEXT_PARTNER_TABLE = 4;
export const CONTEXT_PERMUTATIONS = 12;
/** The kb's symbols as a text table; 0 before one was loaded. */
export const CONTEXT_TEXTS = 16;
export const CONTEXT_SYMBOL_HASHES = 24;
/** 1: SCRATCH_SIMILARITIES is filled for the survivors. */
export const CONTEXT_SIMILARITIES_KNOWN = 28;
export const CONTEXT_BELOW_THRESHOLD = 32;
export const CONTEXT_WITHOUT_BLOCKS = 36;
export const CONTEXT_MATCHED = 40;
export const CONTEXT_KEPT = 44;
/** 1: a candidate's joined text is longer than TEXT_POINTS_MAX. */
export const CONTEXT_TEXT_TOO_LONG = 48;
/** Raised by one a candidate, so that stamps need no clearing. */
export const CONTEXT_EPOCH = 52;

/** f64: matches with a smaller key need not be kept. */
export const CONTEXT_FLOOR = 56;

/** f64 key, f64 similarity, u32 row, u32 address of the batch that the row is in. */
export const HEAP_ENTRY_BYTES = 24;
export const HEAP_SIMILARITY = 8;
export const HEAP_ROW = 16;
export const HEAP_BATCH = 20;

/* Candidate batch (src/wire/candidate-batch.ts): header fields, u32 unless said; places are offsets from the batch's start. */
export const BATCH_MAGIC_VALUE = 1111705413;
export const BATCH_MAGIC = 0;
export const BATCH_VERSION = 4;
export const BATCH_BYTES = 8;
export const BATCH_ROWS = 12;
export const BATCH_SYMBOLS = 16;
export const BATCH_EVENTS = 20;
/** u64: what the first row's symbols, or events, are counted from. */
export const BATCH_SYMBOL_BASE = 24;
export const BATCH_EVENT_BASE = 32;
export const BATCH_PATTERN_IDS_AT = 40;
export const BATCH_NAMES_AT = 44;
export const BATCH_DISTINCT_AT = 48;
export const BATCH_SYMBOL_ENDS_AT = 52;
export const BATCH_SYMBOL_IDS_AT = 56;
export const BATCH_EVENT_OFFSETS_AT = 60;
export const BATCH_EVENT_ENDS_AT = 64;
export const BATCH_HEADER_BYTES = 72;
export const NAME_BYTES = 20;

/*
 * Resident block (src/wire/resident-block.ts): header fields, u32; places are offsets from the block's start. Version, bytes, rows, symbols,
 * events and the places of pattern ids, names, distinct counts and event ends stand where a candidate batch has them.
 */
export const RESIDENT_MAGIC_VALUE = 1112688453;
/** Groups of RESIDENT_LANES rows. */
export const RESIDENT_GROUPS = 24;
/** One more than the greatest id in the block: its greatest lane id. */
export const RESIDENT_ID_LIMIT = 32;
/** Positions of all groups together; each holds RESIDENT_LANES ids. */
export const RESIDENT_POSITIONS = 36;
/** u16 a row. */
export const RESIDENT_LENGTHS_AT = 52;
/** u32[positions][RESIDENT_LANES] lane ids, in the place of a batch's symbol ids. A lane id is one more than the id; 0 fills the lanes of shorter rows. */
export const RESIDENT_LANES_AT = 56;
/** u32[rows + 1]: where a row's event ends start. */
export const RESIDENT_EVENT_STARTS_AT = 60;
/** u32[groups + 1]: the position at which a group starts. */
export const RESIDENT_GROUP_STARTS_AT = 68;
/** u32 a row: its row in the batch that the block was made of. */
export const RESIDENT_ORIGINS_AT = 72;
/**
 * Inverted index: number of distinct lane ids; u32[ids] ascending; u32[ids + 1] where an id's hits start; u32 a symbol of the block: a hit, the row in the
 * low 16 bits and the position in the row above, ascending. RESIDENT_HIT_AGAIN is set where the symbol stood in that row before.
 */
export const RESIDENT_INDEX_IDS = 76;
export const RESIDENT_INDEX_IDS_AT = 80;
export const RESIDENT_INDEX_STARTS_AT = 84;
export const RESIDENT_INDEX_HITS_AT = 88;
export const RESIDENT_HIT_AGAIN = 2147483648;
export const RESIDENT_HEADER_BYTES = 128;
/** Rows side by side: four SIMD vectors of two 64-bit lanes. */
export const RESIDENT_LANES = 8;

/* Query block (src/wire/query-block.ts): header fields, u32 unless said; places are offsets from the block's start. */
export const ASK_MAGIC_VALUE = 1112622917;
export const ASK_MAGIC = 0;
export const ASK_VERSION = 4;
export const ASK_BYTES = 8;
export const ASK_FLAGS = 12;
/** f64 */
export const ASK_ID = 16;
/** f64 */
export const ASK_RECALL_THRESHOLD = 24;
export const ASK_KEEP = 32;
export const ASK_KEEP_BY = 36;
export const ASK_SYMBOLS = 40;
export const ASK_DISTINCT = 44;
export const ASK_SYMBOL_COUNT = 48;
export const ASK_TEXT_POINTS = 52;
export const ASK_HASHES = 56;
export const ASK_STAGES = 60;
export const ASK_PARTNER_CLASSES = 64;
export const ASK_PARTNER_IDS = 68;
export const ASK_STAGES_AT = 72;
export const ASK_IDS_AT = 76;
export const ASK_HASHES_AT = 80;
export const ASK_TEXT_AT = 84;
/** (u32 id, u32 partner class) pairs. */
export const ASK_PARTNER_IDS_AT = 88;
/** Short state: u64[classes + 1] positions. Longer: u32[classes + 2] starts into the items. */
export const ASK_PARTNER_ROWS_AT = 92;
/** u32: indices of distinct query symbols. */
export const ASK_PARTNER_ITEMS_AT = 96;
/** u32[distinct]: how often, and where first, the distinct symbol stands in the state. */
export const ASK_MULTIPLICITIES_AT = 100;
export const ASK_FIRST_POSITIONS_AT = 104;
export const ASK_HEADER_BYTES = 112;

export const ASK_CHARACTER = 1;
export const ASK_FUZZY = 2;

export const KEEP_BY_PRE_POTENTIAL = 0;
export const KEEP_BY_SIMILARITY = 1;
export const KEEP_BY_EVIDENCE = 2;
export const KEEP_BY_CONFIDENCE = 3;
export const KEEP_BY_SNR = 4;
export const KEEP_BY_FRAGMENTATION = 5;

/** u32 kind, u32 low, u32 high, 4 bytes unused, f64 threshold. */
export const STAGE_BYTES = 24;
export const STAGE_LOW = 4;
export const STAGE_HIGH = 8;
export const STAGE_THRESHOLD = 16;

/* Score block (src/wire/score-block.ts): header fields, u32. */
export const SCORE_MAGIC_VALUE = 1112753989;
export const SCORE_MAGIC = 0;
export const SCORE_VERSION = 4;
export const SCORE_BYTES = 8;
export const SCORE_CANDIDATES = 12;
export const SCORE_BELOW_THRESHOLD = 16;
export const SCORE_WITHOUT_BLOCKS = 20;
export const SCORE_MATCHED = 24;
export const SCORE_KEPT = 28;
export const SCORE_STAGES = 32;
export const SCORE_SYMBOLS = 36;
export const SCORE_EVENTS = 40;
export const SCORE_BLOCKS = 44;
export const SCORE_HEADER_BYTES = 48;
/** u32 kind, u32 in, u32 out, 4 bytes unused, f64 nanoseconds. */
export const SCORE_STAGE_BYTES = 24;
