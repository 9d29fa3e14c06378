/** Yjs updates and state vectors, Automerge changes and sync messages: as documents take them over from a peer. */
import { createHash } from 'node:crypto'
import * as Automerge from '@automerge/automerge'
import { below, type Random } from '@selvedge/core'
import { decoders } from '@selvedge/documents'
import * as Y from 'yjs'
import { hold, refused, type Input, type OpenTarget, type Outcome, type Target } from '../target.js'
import { sameBytes } from '../weigh.js'
import { many } from './sample-values.js'

const { AutomergeEngine, YjsEngine, changeChunks } = decoders
type Engine = InstanceType<typeof YjsEngine> | InstanceType<typeof AutomergeEngine>

// ── Yjs ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

function edit(doc: Y.Doc, random: Random): void {
  const text = doc.getText('t')
  switch (below(random, 9)) {
    case 0:
      return text.insert(below(random, text.length + 1), 'word 🌊 ', below(random, 2) === 0 ? { bold: true } : {})
    case 1:
      return text.length > 2 ? text.delete(below(random, text.length - 2), 2) : undefined
    case 2:
      return void doc.getMap('m').set(`k${below(random, 3)}`, { a: [1, null, 'x', 2.5], b: random.bytes(4) })
    case 3:
      return doc.getArray('a').insert(0, [1, 'two', new Y.Map([['in', 1]])])
    case 4:
      return doc.getMap('m').delete('k0')
    case 5:
      return doc.getXmlFragment('x').insert(0, [new Y.XmlElement('p'), new Y.XmlText('t')])
    case 6:
      return void doc.getMap('m').set('sub', new Y.Doc({ guid: 'g' }))
    case 7:
      return text.length > 3 ? text.format(1, 2, { italic: true }) : undefined
    default:
      return doc.transact(() => {
        edit(doc, random)
        edit(doc, random)
      })
  }
}

function editedDoc(random: Random, edits: number, base?: Uint8Array): { doc: Y.Doc; updates: Uint8Array[] } {
  const doc = new Y.Doc()
  doc.clientID = 1 + below(random, 1_000)
  if (base) Y.applyUpdate(doc, base)
  const updates: Uint8Array[] = []
  doc.on('update', (update: Uint8Array) => void updates.push(update))
  for (let i = 0; i < edits; i++) edit(doc, random)
  return { doc, updates }
}

function newYjs(base?: Uint8Array): InstanceType<typeof YjsEngine> {
  const engine = new YjsEngine('notes', 7, {
    local: () => {},
    observerFailed: error => {
      throw new Error('integration failed after the rehearsal passed', { cause: error })
    },
    destroyed: () => {}
  })
  if (base) engine.load([base])
  return engine
}

/** Takes steps on an engine: one that is refused leaves the document as it was, and what was taken can be stored and read again. */
function onEngine<E extends Engine>(engine: E, empty: () => E, steps: readonly (() => void)[]): Outcome {
  let outcome: Outcome = 'decoded'
  const first = engine.snapshot()
  let before = first
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      outcome = refused(error)
      hold(sameBytes(engine.snapshot(), before), 'what was refused changed the document')
      break
    }
    before = engine.snapshot()
  }
  if (sameBytes(before, first)) return outcome
  const again = empty()
  again.load([before])
  again.destroy()
  return outcome
}

const yjsUpdate: Target = {
  name: 'yjs-update',
  from: 'live updates of shared documents',
  reaches: ['YjsEngine'],
  open: random => {
    const { doc: shared } = editedDoc(random, 12)
    const base = Y.encodeStateAsUpdate(shared)
    const corpus = many(30, i => {
      const { doc, updates } = editedDoc(random, 1 + (i % 8), base)
      return [
        i % 3 === 0
          ? Y.encodeStateAsUpdate(doc)
          : i % 3 === 1
            ? Y.mergeUpdates(updates.length > 0 ? updates : [base])
            : (updates.at(-1) ?? base)
      ]
    })
    return {
      corpus,
      messagesMax: 3,
      take(input) {
        const engine = newYjs(base)
        const outcome = onEngine(
          engine,
          () => newYjs(),
          input.map(update => () => void engine.apply(update))
        )
        engine.destroy()
        return outcome
      }
    }
  }
}

const yjsPull: Target = {
  name: 'yjs-pull',
  from: 'pulls of shared documents: requests, and answers with their targets',
  reaches: ['YjsEngine'],
  open: random => {
    const { doc: shared } = editedDoc(random, 10)
    const base = Y.encodeStateAsUpdate(shared)
    return {
      // A request is answered; a body and its target are taken over.
      corpus: many(20, i => {
        const { doc } = editedDoc(random, 1 + (i % 6), base)
        return [Y.encodeStateVector(doc), Y.encodeStateAsUpdate(doc, Y.encodeStateVector(shared)), Y.encodeStateVector(doc)]
      }),
      messagesMax: 3,
      take([request, body, target]) {
        const engine = newYjs(base)
        const outcome = onEngine(engine, () => newYjs(), [
          () => {
            const answer = engine.answer({}, request!, false)
            hold(answer.body.length <= 2 * base.length + 4_096, 'an answer is longer than the document')
          },
          () => void (body && target && engine.pull().receive({ body, target }))
        ])
        engine.destroy()
        return outcome
      }
    }
  }
}

// ── Automerge ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const actor = 'a'.repeat(32)

function newAutomerge(base?: Uint8Array): InstanceType<typeof AutomergeEngine> {
  const engine = new AutomergeEngine(Automerge, { actor, author: 'node', local: () => {}, changed: () => {} })
  if (base) engine.load([base])
  return engine
}

type Content = Record<string, unknown>

function changed(doc: Automerge.Doc<Content>, random: Random, i: number): Automerge.Doc<Content> {
  return Automerge.change(doc, { time: i, message: 'm' }, draft => {
    draft[`k${below(random, 4)}`] = [i, 'text 🌊', { nested: [true, null, 1.5, new Date(0), random.bytes(3)] }][below(random, 3)]
    if (below(random, 4) === 0) draft.counter = new Automerge.Counter(3)
    if (below(random, 4) === 0) draft.long = 'x'.repeat(600)
    if (below(random, 5) === 0) delete draft.k0
  })
}

function otherDoc(base: Uint8Array, random: Random, changes: number): Automerge.Doc<Content> {
  const name = random.bytes(16).reduce((hex, byte) => hex + byte.toString(16).padStart(2, '0'), '')
  let doc = Automerge.load<Content>(base, { actor: name })
  for (let i = 0; i < changes; i++) doc = changed(doc, random, i)
  return doc
}

function automergeBase(random: Random): Uint8Array {
  let doc = Automerge.init<Content>({ actor: 'b'.repeat(32) })
  for (let i = 0; i < 4; i++) doc = changed(doc, random, i)
  return Automerge.save(doc)
}

/** Sets right the checksum of each chunk that is neither compressed nor cut. */
function withChecksums(bytes: Uint8Array, offset: number): Uint8Array {
  const copy = bytes.slice()
  let chunks: ReturnType<typeof changeChunks>
  try {
    chunks = changeChunks(copy.subarray(offset))
  } catch {
    return copy
  }
  let at = offset
  for (const { bytes: chunk } of chunks) {
    if (chunk[8] !== 2) copy.set(createHash('sha256').update(chunk.subarray(8)).digest().subarray(0, 4), at + 4)
    at += chunk.length
  }
  return copy
}

function openAutomerge(
  base: Uint8Array,
  target: Omit<OpenTarget, 'take'>,
  work: (engine: InstanceType<typeof AutomergeEngine>, input: Input) => (() => void)[]
): OpenTarget {
  // An engine that took nothing over serves on.
  let engine = newAutomerge(base)
  return {
    ...target,
    take(input) {
      const before = engine.snapshot()
      const outcome = onEngine(engine, () => newAutomerge(), work(engine, input))
      if (!sameBytes(engine.snapshot(), before)) {
        engine.destroy()
        engine = newAutomerge(base)
      }
      return outcome
    },
    close: () => engine.destroy()
  }
}

const automergeChange: Target = {
  name: 'automerge-change',
  from: 'live changes of config documents',
  reaches: ['AutomergeEngine', 'changeChunks'],
  open: random => {
    const base = automergeBase(random)
    const heads = Automerge.getHeads(Automerge.load(base))
    const corpus = many(24, i =>
      [Buffer.concat(Automerge.getChangesSince(otherDoc(base, random, 1 + (i % 4)), heads))].map(bytes => new Uint8Array(bytes))
    )
    const mend = (input: Input, source: Random): Input =>
      below(source, 4) === 0 ? input : input.map(bytes => withChecksums(bytes, 0))
    return openAutomerge(base, { corpus, mend, messagesMax: 2 }, (engine, input) =>
      input.map(update => () => void engine.apply(update))
    )
  }
}

const automergeSync: Target = {
  name: 'automerge-sync',
  from: 'pulls of config documents: requests, and answers with their heads',
  reaches: ['AutomergeEngine', 'changeChunks'],
  open: random => {
    const base = automergeBase(random)
    const corpus = many(20, i => {
      const doc = otherDoc(base, random, 1 + (i % 3))
      const [, request] = Automerge.generateSyncMessage(doc, Automerge.initSyncState())
      const heads = Uint8Array.from(Automerge.getHeads(doc).flatMap(head => [...Buffer.from(head, 'hex')]))
      const ours = newAutomerge(base)
      const asked = ours.pull().request(false)!
      const [answering, state] = Automerge.receiveSyncMessage(doc, Automerge.initSyncState(), asked)
      const [, answer] = Automerge.generateSyncMessage(answering, state)
      ours.destroy()
      const body = i % 2 === 0 ? [1, ...Automerge.save(answering)] : [2, ...(answer ?? [])]
      return [request ?? new Uint8Array(), Uint8Array.from(body), heads]
    })
    const mend = ([request, body, target]: Input, source: Random): Input => [
      request!,
      body?.[0] === 1 && below(source, 4) > 0 ? withChecksums(body, 1) : (body ?? new Uint8Array()),
      target ?? new Uint8Array()
    ]
    return openAutomerge(base, { corpus, mend, messagesMax: 3 }, (engine, [request, body, target]) => [
      () => void engine.answer({}, request!, false),
      () => {
        const pull = engine.pull()
        pull.request(false)
        pull.receive({ body: body ?? new Uint8Array(), target: target ?? new Uint8Array() })
      }
    ])
  }
}

export const engineTargets: readonly Target[] = [yjsUpdate, yjsPull, automergeChange, automergeSync]
