/** Messages about documents: one by one, in fragments, and whole conversations with the documents of a space. */
import {
  below,
  documentId,
  ManualClock,
  seededRandom,
  silentLogger,
  type Random,
  type SpaceStore,
  type Value
} from '@selvedge/core'
import { decoders, DocumentSet, type DocumentChannel, type RegisterAccess } from '@selvedge/documents'
import { decoding, hold, refused, type Input, type OpenTarget, type Outcome, type Target } from '../target.js'
import { holdSize, sameBytes, totalBytes } from '../weigh.js'
import { many, sampleValue, wallMs } from './sample-values.js'
import { sessionSpace } from './session-side.js'

const { decodeMessage, encodeMessage, Fragmenter, Reassembly, wrapWhole } = decoders

const id = documentId('notes')
const hvac = documentId('hvac')

function sampleMessage(random: Random): decoders.Message {
  const included = new Map(many(below(random, 4), i => [`node-${i}~1`, 1 + below(random, 9)] as const))
  const body = random.bytes(below(random, 40))
  switch (below(random, 5)) {
    case 0:
      return {
        kind: 'pull',
        pull: below(random, 9),
        first: true,
        full: below(random, 2) === 0,
        id,
        engine: 'yjs',
        included,
        needs: included,
        body
      }
    case 1:
      return { kind: 'answer', pull: below(random, 9), found: true, included, target: body, body }
    case 2:
      return { kind: 'live', id: hvac, engine: 'automerge', writer: 'node-b~1', from: 1, to: 2, update: body }
    case 3:
      return { kind: 'relayed', id, relay: 'relay', included }
    default:
      return { kind: (['stored', 'confirm', 'seek'] as const)[below(random, 3)]!, id, included }
  }
}

const message: Target = {
  name: 'document-message',
  from: 'document frames of a session',
  reaches: ['decodeMessage', 'readIncluded'],
  open: random => ({
    corpus: many(40, () => [encodeMessage(sampleMessage(random))]),
    take: ([bytes]) =>
      decoding(
        () => decodeMessage(bytes!),
        decoded => {
          if (!decoded) return
          holdSize(decoded, bytes!.length, 128)
          const encoded = encodeMessage(decoded)
          hold(sameBytes(encodeMessage(decodeMessage(encoded)!), encoded), 'the message encodes to another')
        }
      )
  })
}

const fragments: Target = {
  name: 'fragments',
  from: 'document frames of a session, before they are put together',
  reaches: ['Reassembly'],
  open: random => ({
    corpus: many(20, i => {
      if (i % 4 === 0) return [wrapWhole(random.bytes(i))]
      const fragmenter = new Fragmenter(random.bytes(20 + i * 10), 40)
      const parts: Uint8Array[] = []
      while (!fragmenter.done) parts.push(fragmenter.next())
      return parts
    }),
    messagesMax: 12,
    take(input) {
      const reassembly = new Reassembly(1_000)
      let bytes = 0
      try {
        for (const part of input) {
          const whole = reassembly.add(part)
          hold((whole?.length ?? 0) <= totalBytes(input), 'more came out than went in')
          bytes += whole?.length ?? 0
        }
      } catch (error) {
        return refused(error)
      }
      hold(bytes <= totalBytes(input), 'more came out than went in')
      return 'decoded'
    }
  })
}

/** Registers of one space, as much as documents see of them. */
class HeldRegisters implements RegisterAccess {
  private readonly held: Map<string, Map<string, Value>>
  private readonly watchers = new Set<{ prefix: string; listener: Parameters<RegisterAccess['watch']>[1] }>()

  constructor(
    private readonly writer: string,
    private readonly clock: ManualClock,
    from?: HeldRegisters
  ) {
    this.held = new Map([...(from?.held ?? [])].map(([path, slots]) => [path, new Map(slots)]))
  }

  writerKey(): string {
    return this.writer
  }
  get(path: string, slot: string): { value: Value; writer: string } | undefined {
    const value = this.held.get(path)?.get(slot)
    return value === undefined ? undefined : { value, writer: this.writer }
  }
  set(path: string, slot: string, value: Value): void {
    const slots = this.held.get(path) ?? new Map<string, Value>()
    this.held.set(path, slots.set(slot, value))
    this.changed(path)
  }
  delete(path: string, slot: string): void {
    this.held.get(path)?.delete(slot)
    this.changed(path)
  }
  *slots(path: string): Iterable<{ slot: string; value: Value }> {
    for (const [slot, value] of this.held.get(path) ?? []) yield { slot, value }
  }
  *paths(prefix: string): Iterable<string> {
    for (const [path, slots] of this.held) if (path.startsWith(prefix) && slots.size > 0) yield path
  }
  watch(prefix: string, listener: Parameters<RegisterAccess['watch']>[1]): () => void {
    const watcher = { prefix, listener }
    this.watchers.add(watcher)
    return () => void this.watchers.delete(watcher)
  }
  private changed(path: string): void {
    this.clock.soon(() => {
      for (const { prefix, listener } of [...this.watchers])
        if (path.startsWith(prefix)) listener(new Set([path]), new Set([path]))
    })
  }
}

interface Replica {
  readonly documents: DocumentSet
  readonly registers: HeldRegisters
  readonly records: Map<string, Uint8Array>
  readonly clock: ManualClock
}

async function openReplica(name: string, from?: Replica): Promise<Replica> {
  const clock = new ManualClock(wallMs)
  const records = new Map(from?.records)
  const store: SpaceStore = {
    space: sessionSpace,
    loss: undefined,
    async *read(prefix = '') {
      for (const key of [...records.keys()].sort())
        if (key.startsWith(prefix)) yield await Promise.resolve({ key, value: records.get(key)! })
    },
    get: key => Promise.resolve(records.get(key)),
    commit: ({ puts, deletes }) => {
      for (const { key, value } of puts) records.set(key, value)
      for (const key of deletes) records.delete(key)
      return Promise.resolve()
    }
  }
  const registers = new HeldRegisters(`${name}~${from ? 2 : 1}`, clock, from?.registers)
  const documents = new DocumentSet({
    space: sessionSpace,
    store,
    registers,
    clock,
    random: seededRandom(3).fork(`${name} ${from ? 'again' : ''}`),
    log: silentLogger,
    author: name
  })
  const replica = { documents, registers, records, clock }
  await settled(replica, documents.load())
  return replica
}

/** Lets timers and promises of a replica run until `until` is done, or for a few turns. */
async function settled<T>({ clock }: Pick<Replica, 'clock'>, until?: Promise<T>): Promise<T | undefined> {
  let done = false
  const result = until?.finally(() => (done = true))
  for (let turn = 0; until ? !done : turn < 6; turn++) {
    clock.advance(turn > 40 ? 50 : 0)
    await new Promise(resolve => (turn < 40 ? queueMicrotask(() => resolve(undefined)) : setImmediate(resolve)))
    if (turn > 2_000) throw new Error('documents do not come to rest')
  }
  return result
}

async function populated(name: string, random: Random): Promise<Replica> {
  const replica = await openReplica(name)
  const notes = replica.documents.openYjs(id)
  notes.doc.getMap('m').set(name, below(random, 100))
  notes.doc.getText('t').insert(0, name)
  await settled(replica, notes.flushed())
  notes.close()
  const config = await settled(replica, replica.documents.openAutomerge<{ value: Value }>(hvac))
  await settled(
    replica,
    config!.change('first', draft => (draft.value = 1))
  )
  config!.close()
  return replica
}

function channelOf(replica: Replica, peer: string, onFault: (error: Error) => void): DocumentChannel {
  return replica.documents.channel({
    label: peer,
    role: peer.startsWith('relay') ? 'relay' : 'node',
    onPending: () => {},
    onFault
  })
}

/** What `theirs` sends while it meets a replica as `ours` was stored. */
async function recorded(ours: Replica, theirs: Replica, random: Random): Promise<Input> {
  const here = await openReplica('a', ours)
  const sent: Uint8Array[] = []
  const fault = (error: Error): void => {
    throw error
  }
  const [at, there] = [channelOf(here, 'b', fault), channelOf(theirs, 'a', fault)]
  const meet = async (): Promise<void> => {
    for (let round = 0; round < 12; round++) {
      for (let bytes = at.next(); bytes; bytes = at.next()) there.receive(bytes)
      for (let bytes = there.next(); bytes; bytes = there.next()) {
        sent.push(bytes)
        at.receive(bytes)
      }
      await settled(here)
      await settled(theirs)
      here.clock.advance(200)
      theirs.clock.advance(200)
    }
  }
  for (const [path, slot, value] of catalogueOf(theirs)) here.registers.set(path, slot, value)
  for (const [path, slot, value] of catalogueOf(here)) theirs.registers.set(path, slot, value)
  await meet()
  const notes = theirs.documents.openYjs(id)
  notes.doc.getMap('m').set('live', below(random, 9))
  await settled(theirs, notes.flushed())
  notes.close()
  const config = await settled(theirs, theirs.documents.openAutomerge<{ value: Value }>(hvac))
  await settled(
    theirs,
    config!.change('live', draft => (draft.value = sampleText(random)))
  )
  config!.close()
  await meet()
  await here.documents.close()
  await theirs.documents.close()
  hold(sent.length > 3, 'a recorded conversation is too short')
  return sent
}

function sampleText(random: Random): string {
  return JSON.stringify(sampleValue(random)) ?? ''
}

function* catalogueOf({ registers }: Replica): Iterable<[string, string, Value]> {
  for (const path of registers.paths('@doc/')) for (const { slot, value } of registers.slots(path)) yield [path, slot, value]
}

async function openChannel(random: Random): Promise<OpenTarget> {
  const ours = await populated('a', random)
  await ours.documents.close()
  const corpus: Input[] = []
  for (let i = 0; i < 6; i++) corpus.push(await recorded(ours, await populated('b', random), random))
  return {
    corpus,
    messagesMax: 30,
    generate: source => many(1 + below(source, 4), () => wrapWhole(encodeMessage(sampleMessage(source)))),
    async take(input) {
      const replica = await openReplica('a', ours)
      try {
        return await takeMessages(replica, input)
      } finally {
        await replica.documents.close()
      }
    }
  }
}

async function takeMessages(replica: Replica, input: Input): Promise<Outcome> {
  let fault: unknown
  const channel = channelOf(replica, 'b', error => (fault = error))
  let outcome: Outcome = 'decoded'
  try {
    for (const bytes of input) {
      channel.receive(bytes)
      await settled(replica)
      for (let sent = 0; channel.pending && sent < 50; sent++) channel.next()
    }
  } catch (error) {
    outcome = refused(error)
  }
  await settled(replica)
  if (fault) outcome = refused(fault)
  channel.close()
  // The documents are there and can be edited, whatever was said of them.
  const notes = replica.documents.openYjs(id)
  await settled(replica, notes.loaded)
  notes.doc.getMap('m').set('alive', 1)
  hold((await settled(replica, notes.flushed())) !== undefined, 'an edit is not stored any more')
  hold(notes.doc.getMap('m').get('alive') === 1, 'an edit does not show')
  notes.close()
  if (totalBytes(input) % 8 === 0) {
    const config = await settled(replica, replica.documents.openAutomerge<{ alive: number }>(hvac))
    await settled(
      replica,
      config!.change('alive', draft => (draft.alive = 1))
    )
    config!.close()
  }
  return outcome
}

const channel: Target = {
  name: 'document-channel',
  from: 'a peer: whole conversations about documents',
  reaches: ['DocumentSet', 'YjsEngine', 'AutomergeEngine'],
  open: openChannel
}

export const documentTargets: readonly Target[] = [message, fragments, channel]
