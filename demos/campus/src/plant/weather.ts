/** Outdoor air: a day's sine with its warmest hour at 15:00, and slow seeded drift. */
import type { Random } from '@selvedge/core'

const hourMs = 3_600_000

export class Weather {
  private drift = 0
  private timeMs: number

  constructor(
    private readonly random: Random,
    startHour: number,
    private readonly meanC: number
  ) {
    this.timeMs = startHour * hourMs
  }

  /** Hour of the day, 0 up to 24. */
  get hour(): number {
    return (this.timeMs / hourMs) % 24
  }

  get outdoorC(): number {
    return this.meanC + 5 * Math.sin(((this.hour - 9) / 24) * 2 * Math.PI) + this.drift
  }

  step(dtMs: number): void {
    this.timeMs += dtMs
    const pull = Math.exp(-dtMs / (3 * hourMs))
    // A pulled random walk (Ornstein-Uhlenbeck) stays within a few degrees for ever.
    this.drift = this.drift * pull + spread(this.random) * 1.5 * Math.sqrt(1 - pull * pull)
  }
}

/** A number from about -3 to 3 around 0 with a standard deviation of 1 (sum of twelve uniform numbers). */
export function spread(random: Random): number {
  let sum = 0
  for (let i = 0; i < 12; i++) sum += random.float()
  return sum - 6
}

/** Whether something that happens at `perHour` happened within `dtMs`. */
export function happens(random: Random, perHour: number, dtMs: number): boolean {
  return random.float() < 1 - Math.exp((-perHour * dtMs) / hourMs)
}

/** Share of a building's people that are in at an hour of the day, 0 to 1. */
export function presence(hour: number): number {
  const arrivals = ramp(hour, 7, 9.5)
  const departures = ramp(hour, 16, 19)
  const lunch = hour > 12 && hour < 13 ? 0.5 : 0
  return Math.max(0.02, arrivals - departures - lunch)
}

function ramp(hour: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (hour - from) / (to - from)))
}
