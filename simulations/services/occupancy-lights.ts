/**
 * A service as users write it: lights that are on while somebody is in the room. Doors count who goes in and out, each at its own node.
 * The first version works in every demonstration and loses people in a partition; the second is its mended twin.
 */
import type { Site } from '@selvedge/site'

export interface OccupancyLights {
  /** Somebody goes in (1) or out (-1) by a door of this node. */
  pass(room: string, by: 1 | -1): void
  people(room: string): number
  isLit(room: string): boolean
}

/** Reads how many there are, and writes one more: of two who do so on both sides of a cut, one is lost. */
export class ForgetfulLights implements OccupancyLights {
  constructor(private readonly site: Site) {}

  pass(room: string, by: 1 | -1): void {
    this.site.points.set(`room/${room}/people`, this.people(room) + by)
  }

  people(room: string): number {
    return Number(this.site.points.get(`room/${room}/people`)?.value ?? 0)
  }

  isLit(room: string): boolean {
    return this.people(room) > 0
  }
}

/** Adds to a counter: what was added on both sides of a cut all counts. */
export class CountingLights implements OccupancyLights {
  constructor(private readonly site: Site) {}

  pass(room: string, by: 1 | -1): void {
    this.site.points.counter(`room/${room}/people`).increment(by)
  }

  people(room: string): number {
    return this.site.points.counter(`room/${room}/people`).value
  }

  isLit(room: string): boolean {
    return this.people(room) > 0
  }
}
