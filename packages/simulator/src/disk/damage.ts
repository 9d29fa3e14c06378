/** What damage does to the entries of a database. */
import { below, type Random } from '@selvedge/core'
import type { Entries, LevelWrite } from './simulated-level.js'

/**
 * - `records`: bytes in some values are others
 * - `missing`: some entries are gone, such as with a block of a table
 * - `stale`: some entries are what they were at an earlier moment
 * - `tail`: the latest commits are gone, as with the end of a log; nothing but the watermark tells
 * - `unopenable`: Level opens it only once repaired; a few entries may be gone then
 * - `irreparable`: nothing opens it
 * - `watermark`: the watermark can't be read
 */
export type Damage = 'records' | 'missing' | 'stale' | 'tail' | 'unopenable' | 'irreparable' | 'watermark'

export type EntryDamage = Exclude<Damage, 'unopenable' | 'irreparable' | 'watermark'>

export function changed(entries: Entries, changes: LevelWrite['changes']): Entries {
  for (const { key, value } of changes) entries = value ? entries.set(key, value) : entries.delete(key)
  return entries
}

/** What is left of a database that went through `states`, oldest first, the present one last. */
export function damaged(damage: EntryDamage, count: number, states: readonly Entries[], random: Random): Entries {
  const present = states.at(-1)!
  if (damage === 'tail') return states.at(-1 - count) ?? states[0]!
  if (damage === 'missing') return lessRecords(present, random, count)
  const earlier = states[below(random, Math.max(1, states.length - 1))]!
  let left = present
  for (const key of someKeys(damage === 'stale' ? different(earlier, present) : keysOf(present), count, random)) {
    const value = damage === 'stale' ? earlier.get(key) : flipped(present.get(key)!, random)
    left = value ? left.set(key, value) : left.delete(key)
  }
  return left
}

export function lessRecords(entries: Entries, random: Random, count: number): Entries {
  for (const key of someKeys(keysOf(entries), count, random)) entries = entries.delete(key)
  return entries
}

function keysOf(entries: Entries): string[] {
  const keys: string[] = []
  const cursor = entries.cursor()
  for (let entry = cursor.next(); entry; entry = cursor.next()) keys.push(entry[0])
  return keys
}

function different(earlier: Entries, present: Entries): string[] {
  const gone = keysOf(earlier).filter(key => present.get(key) === undefined)
  return [...keysOf(present).filter(key => earlier.get(key) !== present.get(key)), ...gone]
}

function someKeys(keys: string[], count: number, random: Random): string[] {
  const chosen: string[] = []
  while (chosen.length < count && keys.length > 0) chosen.push(...keys.splice(below(random, keys.length), 1))
  return chosen
}

function flipped(value: Uint8Array, random: Random): Uint8Array {
  const copy = new Uint8Array(value)
  if (copy.length > 0) copy[below(random, copy.length)]! ^= 1 + below(random, 255)
  return copy
}
