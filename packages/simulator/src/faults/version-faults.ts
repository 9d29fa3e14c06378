/**
 * Processes of other versions, made of the one there is by changing what it says at the beginning of a session, and what else it says.
 * A process is restarted to become another version, as an update does.
 */
import { ByteReader, ByteWriter } from '@selvedge/core'
import { protocolVersions } from '@selvedge/session'
import type { World } from '../world.js'
import type { FaultKind } from './fault.js'
import { hostNames, oneOf, processOf } from './targets.js'

/**
 * `older`: it knows none of the features that came since. `newer`: it speaks the next version too, offers features, and sends
 * messages that may be skipped. `apart`: it speaks later versions only, and is refused until it is put back.
 */
type Version = 'older' | 'newer' | 'apart'

const helloKind = 1
const kindMask = 0x3f
/** A kind that no version has, marked as one that may be skipped. */
const unknownKind = 0x80 | 0x3e
/** An unknown message goes along with one frame of as many. */
const unknownEvery = 16

interface Hello {
  readonly min: number
  readonly max: number
  readonly wallMs: number
  readonly features: readonly string[]
}

function rewritten(frame: Uint8Array, change: (hello: Hello) => Hello): Uint8Array {
  const reader = new ByteReader(frame, 1)
  const [min, max, wallMs] = [reader.uint(), reader.uint(), reader.int()]
  const features = Array.from({ length: reader.count('features') }, () => reader.string())
  const hello = change({ min, max, wallMs, features })
  const out = new ByteWriter().byte(helloKind).uint(hello.min).uint(hello.max).int(hello.wallMs).uint(hello.features.length)
  for (const feature of hello.features) out.string(feature)
  return out.finish()
}

const isHello = (frame: Uint8Array): boolean => (frame[0]! & kindMask) === helloKind
const { max } = protocolVersions

const changes: Record<Version, (hello: Hello) => Hello> = {
  older: hello => ({ ...hello, features: [] }),
  newer: hello => ({ ...hello, max: max + 1, features: [...hello.features, 'of-a-later-version'] }),
  apart: hello => ({ ...hello, min: max + 1, max: max + 2 })
}

function speaks(version: Version): (frame: Uint8Array) => readonly Uint8Array[] {
  let frames = 0
  return frame => {
    if (isHello(frame)) return [rewritten(frame, changes[version])]
    return version === 'newer' && ++frames % unknownEvery === 0 ? [frame, Uint8Array.of(unknownKind, 1, 2, 3)] : [frame]
  }
}

/** A host's process is of another version for a while. */
export const mixedVersion: FaultKind<{ readonly host: string; readonly version: Version }> = {
  kind: 'mixed-version',
  draw: (random, world) => ({
    host: oneOf(random, hostNames(world)),
    version: oneOf(random, ['older', 'newer', 'older', 'newer', 'apart'] as const)
  }),
  begin(world, { host, version }) {
    const process = processOf(world, host)
    process.host.speak = speaks(version)
    // What it knows nothing of it does not see in others either.
    process.host.hear = version === 'older' ? frame => (isHello(frame) ? rewritten(frame, changes.older) : frame) : undefined
    restart(world, host)
  },
  end(world, { host }) {
    const process = processOf(world, host)
    if (!process.host.speak) return
    process.host.speak = process.host.hear = undefined
    restart(world, host)
  }
}

function restart(world: World, host: string): void {
  const process = processOf(world, host)
  process.kill()
  process.start()
}
