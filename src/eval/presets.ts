/**
 * The protocols under which CPT+ and its rivals were measured on three public sets, with the figures measured there: accuracy of the top
 * symbol in percent, by the authors' own program on the same files (one run each without a seed, so about ±1 point). Source of both:
 * github.com/tedgueniche/IPredict, its profiles and its evaluator; the paper is Gueniche et al., PAKDD 2015.
 */
export interface Preset {
  readonly min: number;
  readonly limit: number;
  readonly window: number;
  readonly consequent: number;
  readonly collapse: boolean;
  readonly reference: Readonly<Record<string, number>>;
}

export const PRESETS = {
  bms: {
    min: 6,
    limit: 5000,
    window: 5,
    consequent: 1,
    collapse: false,
    reference: { "CPT+": 37.6, DG: 35.8, AKOM: 31.2, "first-order Markov": 31.2, LZ78: 32.8, TDAG: 7 },
  },
  sign: {
    min: 10,
    limit: 1000,
    window: 7,
    consequent: 3,
    collapse: true,
    reference: { "CPT+": 32.9, DG: 2.2, AKOM: 7.3, "first-order Markov": 3.6, LZ78: 5.2, TDAG: 0 },
  },
  fifa: {
    min: 6,
    limit: 5000,
    window: 5,
    consequent: 1,
    collapse: true,
    reference: { "CPT+": 34.8, DG: 24.9, AKOM: 26.4, "first-order Markov": 23.1, LZ78: 24.7, TDAG: 7.2 },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;
