/**
 * Runs each mutant seed after seed until a check kills it, several mutants at a time. A seed that fails without the mutant too kills
 * nothing.
 */
import type { Mutant } from './mutant.js'
import type { Kill, Outcome } from './score.js'

/** The runtime with a bug in it, or as it is, ready to run seeds one after the other. */
export interface Specimen {
  /** How the seed ended it; undefined: it lived through. After a kill it is of no more use. */
  run(seed: number): Promise<Kill | undefined>
  close(): void
}

export interface HuntOptions {
  readonly mutants: readonly Mutant[]
  /** Seeds that a mutant may live through. */
  readonly seeds: number
  readonly firstSeed: number
  /** Mutants at a time. */
  readonly jobs: number
  /** `without`: checks that do not look. */
  readonly open: (mutant: Mutant | undefined, without: readonly string[]) => Specimen
  /** Also look whether any other check would have killed it: runs its seeds again without the one that did. Default false. */
  readonly alone?: boolean
  /** Asked before each seed: the time is over, and no further one is begun. */
  readonly isOver?: () => boolean
  readonly onOutcome?: (outcome: Outcome, done: number) => void
}

/** In the order of the mutants, whichever ended first; those whose turn has not come when the time is over are left out. */
export async function hunt(options: HuntOptions): Promise<Outcome[]> {
  const { mutants, jobs, onOutcome, isOver = () => false } = options
  const outcomes = new Map<Mutant, Outcome>()
  const sound = new SoundSeeds(options)
  const next = mutants.values()
  const work = async (): Promise<void> => {
    for (const mutant of next) {
      if (isOver()) return
      let outcome: Outcome = { mutant, ...(await lifeOf(mutant, [], options, sound)) }
      const { kill } = outcome
      if (kill && options.alone)
        outcome = { ...outcome, alone: (await lifeOf(mutant, [kill.check], options, sound)).kill === undefined }
      outcomes.set(mutant, outcome)
      onOutcome?.(outcome, outcomes.size)
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, mutants.length) }, work))
  return mutants.flatMap(mutant => outcomes.get(mutant) ?? [])
}

async function lifeOf(
  mutant: Mutant,
  without: readonly string[],
  { open, firstSeed, seeds, isOver = () => false }: HuntOptions,
  sound: SoundSeeds
): Promise<{ readonly seeds: number; readonly kill: Kill | undefined }> {
  let specimen = open(mutant, without)
  try {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      if (isOver()) return { seeds: seed - firstSeed, kill: undefined }
      const kill = await specimen.run(seed)
      if (!kill) continue
      if (await sound.has(seed)) return { seeds: seed - firstSeed + 1, kill }
      specimen.close()
      specimen = open(mutant, without)
    }
    return { seeds, kill: undefined }
  } finally {
    specimen.close()
  }
}

/** Seeds that the runtime lives through as it is: each is run when it is first asked for. */
class SoundSeeds {
  private readonly known = new Map<number, Promise<boolean>>()

  constructor(private readonly options: HuntOptions) {}

  has(seed: number): Promise<boolean> {
    let sound = this.known.get(seed)
    if (!sound) this.known.set(seed, (sound = this.look(seed)))
    return sound
  }

  private async look(seed: number): Promise<boolean> {
    const specimen = this.options.open(undefined, [])
    try {
      return (await specimen.run(seed)) === undefined
    } finally {
      specimen.close()
    }
  }
}
