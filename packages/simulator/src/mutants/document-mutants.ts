/** Bugs of documents and their catalogue. */
import type { Mutant } from './mutant.js'

export const documentMutants: readonly Mutant[] = [
  {
    name: 'lost-catalogue-entry',
    what: 'an edit made while nobody is connected is not listed in the catalogue',
    module: 'documents/document/document-set',
    from: 'this.catalogue.set(copy.id, writer, { engine, count, clock })',
    to: 'if (this.channels.size > 0) this.catalogue.set(copy.id, writer, { engine, count, clock })',
    also: [
      {
        module: 'documents/document/catalogue-keeper',
        from: 'this.unlistedEdits(copy).length === 0',
        to: 'this.unlistedEdits(copy).length >= 0'
      }
    ],
    killedBy: 'documents-equal'
  },
  {
    name: 'catalogue-not-read',
    what: 'a node that starts does not read the catalogue that it has, and pulls nothing until an entry changes',
    module: 'documents/document/catalogue',
    from: 'of this.registers.paths(prefix)',
    to: 'of []',
    killedBy: 'documents-equal'
  },
  {
    name: 'document-told-unstored',
    what: 'an edit of a document counts as stored before it is',
    module: 'documents/document/document-writes',
    from: 'const commit = this.store.commit({ puts, deletes: batch.deletes })',
    to: 'const commit = (this.store.commit({ puts, deletes: batch.deletes }).catch(() => undefined), Promise.resolve())',
    killedBy: 'documents-equal'
  },
  {
    name: 'remote-edits-not-stored',
    what: 'edits of others that arrive in the turn of an own edit are claimed and not stored',
    module: 'documents/document/document-copy',
    from: 'joined ? [joined, ...remote] : remote',
    to: 'joined ? [joined] : remote',
    killedBy: 'documents-equal'
  },
  {
    name: 'pulled-once',
    what: 'a document that was pulled once counts as being pulled for ever',
    module: 'documents/document/pull-planner',
    from: 'this.pulling.delete(copy.id)',
    to: 'void copy.id',
    killedBy: 'convergence'
  },
  {
    name: 'yjs-client-reused',
    what: 'the Yjs client id of a document is the node’s own at every boot',
    module: 'documents/document/document-set',
    from: 'new YjsEngine(id, this.random.uint32(), events)',
    to: 'new YjsEngine(id, [...author].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7), events)',
    killedBy: 'documents-equal'
  },
  {
    name: 'automerge-actor-reused',
    what: 'the Automerge actor of a config document is the node’s own at every boot',
    module: 'documents/document/document-set',
    from: 'const actor = randomHex(this.random, 16)',
    to: "const actor = [...author].map(letter => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('').slice(-32)",
    killedBy: 'documents-equal'
  },
  {
    name: 'answer-claims-later-edits',
    what: 'an answer claims the edits that came while it waited for the disk, and does not hold them',
    module: 'documents/document/answering',
    from: 'found: true, included, ...answer',
    to: 'found: true, included: new Map(copy.included), ...answer',
    killedBy: 'documents-equal'
  }
]
