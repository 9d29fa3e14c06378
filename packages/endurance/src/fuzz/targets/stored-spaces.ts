/** What a space reads back from its store: vector and members, the log of its registers, its documents. */
import { below, documentId, hlcFromMs, nodeId, spaceId, type SpaceStore } from '@selvedge/core'
import { decoders as documents, type RegisterTable } from '@selvedge/documents'
import { decoders as replica } from '@selvedge/replica'
import { decoding, hold, refused, type Outcome, type Target } from '../target.js'
import { holdSize, totalBytes } from '../weigh.js'
import { many, newTable, otherNode, sampleNode, sampleTable, sampleValue, utf8, wallMs } from './sample-values.js'
import { holdSound } from './table-checks.js'

const space = spaceId('hq/state')

function stateOf(table: RegisterTable): Uint8Array {
  return replica.encodeState({ vector: table.vector(), floors: table.floors(), hlc: table.hlc.last, ceilingMs: wallMs })
}

const states: Target = {
  name: 'space-state',
  from: "the record of a space's vector, floors and clocks",
  reaches: ['decodeState'],
  open: random => ({
    corpus: many(12, () => [stateOf(sampleTable(random))]),
    take: ([bytes]) =>
      decoding(
        () => replica.decodeState(bytes!),
        decoded => {
          holdSize(decoded, bytes!.length, 128)
          const again = replica.encodeState(replica.decodeState(replica.encodeState(decoded)))
          hold(Buffer.compare(again, replica.encodeState(decoded)) === 0, 'the state encodes to another')
        }
      )
  })
}

const members: Target = {
  name: 'space-members',
  from: "the record of members' vectors",
  reaches: ['decodeMembers'],
  open: random => ({
    corpus: many(12, () => {
      const vector = sampleTable(random).vector()
      return [
        replica.encodeMembers([
          { node: sampleNode, role: 'node', vector, progressAtMs: wallMs },
          {
            node: otherNode,
            role: 'relay',
            vector: { seqs: new Map(), closed: new Map([[nodeId('x'), hlcFromMs(wallMs)]]) },
            progressAtMs: 0
          }
        ])
      ]
    }),
    take: ([bytes]) =>
      decoding(
        () => replica.decodeMembers(bytes!),
        decoded => {
          holdSize(decoded, bytes!.length, 128)
          const again = replica.encodeMembers(replica.decodeMembers(replica.encodeMembers(decoded)))
          hold(Buffer.compare(again, replica.encodeMembers(decoded)) === 0, 'the members encode to others')
        }
      )
  })
}

/** As much of a store as a reader asks for. */
function storeOf(held: ReadonlyMap<string, Uint8Array>): SpaceStore {
  return {
    space,
    loss: undefined,
    async *read(prefix = '') {
      for (const [key, value] of held) if (key.startsWith(prefix)) yield await Promise.resolve({ key, value })
    },
    get: key => Promise.resolve(held.get(key)),
    commit: () => Promise.resolve()
  }
}

const log: Target = {
  name: 'space-log',
  from: 'the log of registers on disk',
  reaches: ['SpaceLog'],
  open: random => ({
    corpus: many(16, () => {
      const table = sampleTable(random)
      const written = new replica.SpaceLog({ recordBytes: 64, batchBytes: 1e9, slackBytes: 1e9, rewriteBytes: 1e9 })
      const batch = { puts: [] as { key: string; value: Uint8Array }[], deletes: [] }
      const changed = table.changedSince(0)
      written.fill(batch, changed, 0)
      written.noteDrop(changed[1]!)
      written.fill(batch, [], 0)
      return batch.puts.slice(-12).map(({ value }) => value)
    }),
    messagesMax: 12,
    async take(input) {
      const table = newTable(1)
      const held = new Map(input.map((value, i) => [`log/${(i + 1).toString(16).padStart(12, '0')}`, value]))
      try {
        await new replica.SpaceLog().load(storeOf(held), table)
      } catch (error) {
        return refused(error)
      }
      holdSound(table)
      hold(table.size <= totalBytes(input) / 3, 'it has more registers than the log could hold')
      return 'decoded'
    }
  })
}

const storedDocuments: Target = {
  name: 'document-records',
  from: 'headers and updates of documents on disk',
  reaches: ['readStoredDocuments', 'decodeHeader', 'readContent', 'parseRecordKey', 'readIncluded'],
  open: random => {
    const id = documentId('notes')
    const header = (list: ReturnType<typeof documents.noRecords>, release: boolean) =>
      documents.encodeHeader({
        engine: below(random, 2) === 0 ? 'yjs' : 'automerge',
        deleted: false,
        included: new Map([['a~1', 3]]),
        own: new Map([['a~1', { count: 3, clock: 9 }]]),
        records: list,
        release: release ? sampleValue(random) : undefined
      })
    return {
      // The header, then the snapshot, then updates; a further message is taken for the key of a record.
      corpus: many(16, i => {
        const snapshot = documents.compactBatch(id, documents.noRecords(), 'yjs', random.bytes(20), [])
        const first = documents.appendBatch(id, snapshot.records, 'yjs', [random.bytes(9), random.bytes(0)])
        const second = documents.appendBatch(id, first.records, 'yjs', [random.bytes(3)])
        return [
          header(second.records, i % 2 === 0),
          snapshot.puts[0]!.value,
          first.puts[0]!.value,
          second.puts[0]!.value,
          utf8(first.puts[0]!.key)
        ]
      }),
      messagesMax: 6,
      async take([header_, snapshot, first, second, key]) {
        let outcome: Outcome = 'refused'
        const held = new Map<string, Uint8Array>()
        for (const [name, value] of [
          ['doc-included/notes', header_],
          ['doc/notes/s/1', snapshot],
          ['doc/notes/u/2', first],
          ['doc/notes/u/3', second]
        ] as const)
          if (value) held.set(name, value)
        const named = key && documents.parseRecordKey(new TextDecoder().decode(key))
        hold(!named || documentId(named.id) === named.id, 'a record names what is no document')
        try {
          const { headers } = await documents.readStoredDocuments(storeOf(held))
          for (const [of, found] of headers) {
            const again = documents.decodeHeader(documents.encodeHeader(found))
            hold(
              Buffer.compare(documents.encodeHeader(again), documents.encodeHeader(found)) === 0,
              'the header encodes to another'
            )
            const content = await documents.readContent(storeOf(held), of, found.records)
            holdSize(content.updates, totalBytes([...held.values()]), 128)
            outcome = 'decoded'
          }
        } catch (error) {
          outcome = refused(error)
        }
        return outcome
      }
    }
  }
}

export const storedSpaceTargets: readonly Target[] = [states, members, log, storedDocuments]
