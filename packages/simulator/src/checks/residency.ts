/**
 * Residency: nothing of a space that stays in its building crosses a trunk or reaches the relay's disk, not even its name. What is
 * looked for are the space's id and texts that occur in it alone; that they are found on the mesh shows that looking finds them.
 */
import { inflateRawSync } from 'node:zlib'
import type { Register } from '@selvedge/documents'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { diskRecords } from './disk-records.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'

/** A text that says by itself that it stays: workloads write such values. */
export const canaryText = 'stays-in-the-building'

const deflatedBit = 0x40
/** Texts looked for, beside ids of spaces. */
const textsMax = 8
const textLengthMin = 12

export class Residency implements Check, Witness {
  readonly name = 'residency'
  private run!: Run
  private observer!: Observer
  private readonly ids = new Map<string, Buffer>()
  private readonly texts = new Map<string, Buffer>([[canaryText, Buffer.from(canaryText)]])
  private framesOnTrunk = 0
  private foundOnMesh = false

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.observer.join(this)
    run.world.network.watchFrames(({ kind, from, to, frame }) => this.frame(kind, from, to, frame))
  }

  booted({ space, machine }: Watched): void {
    if (space.residency !== 'site' || this.ids.has(space.id)) return
    this.ids.set(space.id, Buffer.from(space.id))
    if (machine.role === 'relay')
      this.leaked('the relay opens it', `The relay keeps ${space.id}, which stays in its building.`, { space: space.id })
  }

  changed({ space, machine }: Watched, { value, path }: Register): void {
    if (machine.role === 'relay' && typeof value === 'string' && value.includes(canaryText))
      this.leaked('in a table of the relay', `The relay holds a text of a space that stays in its building.`, {
        space: space.id,
        path
      })
    if (space.residency !== 'site' || this.texts.size >= textsMax || typeof value !== 'string') return
    if (value.length >= textLengthMin && value.includes(canaryText) && !this.texts.has(value))
      this.texts.set(value, Buffer.from(value))
  }

  private frame(kind: 'mesh' | 'trunk' | 'memory', from: string, to: string, frame: Uint8Array): void {
    if (kind === 'mesh' && this.foundOnMesh) return
    const bytes = plain(frame)
    if (kind === 'trunk') this.framesOnTrunk++
    const found = this.find(bytes)
    if (found === undefined) return
    if (kind === 'mesh') this.foundOnMesh = true
    else
      this.leaked('on a trunk', `Something of a space that stays in its building went from ${from} to ${to} over the trunk.`, {
        from,
        to,
        found
      })
  }

  private find(bytes: Buffer): string | undefined {
    for (const [id, wanted] of this.ids) if (bytes.includes(wanted)) return id
    for (const [text, wanted] of this.texts) if (bytes.includes(wanted)) return text
    return undefined
  }

  private leaked(how: string, sentence: string, details: Readonly<Record<string, string>>): void {
    this.run.fail(this, `left its building: ${how}`, sentence, details)
  }

  atEnd(): void {
    this.observer.look()
    for (const { key, value } of diskRecords(this.run.world.relay.disk)) {
      const found = this.find(Buffer.from(key)) ?? this.find(Buffer.from(value.buffer, value.byteOffset, value.byteLength))
      if (found !== undefined)
        return this.leaked('on the relay’s disk', 'The relay’s disk has something of a space that stays in its building.', {
          found,
          key
        })
    }
    if (this.framesOnTrunk > 0 && this.foundOnMesh) this.run.pass(this)
    else if (this.framesOnTrunk === 0) this.run.unknown(this, 'no frame crossed a trunk')
    else this.run.unknown(this, 'no space that stays in its building was spoken of on the mesh')
  }
}

/** A frame as it was before it was deflated. */
function plain(frame: Uint8Array): Buffer {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)
  if (!((frame[0] ?? 0) & deflatedBit)) return bytes
  return inflateRawSync(bytes.subarray(1))
}
