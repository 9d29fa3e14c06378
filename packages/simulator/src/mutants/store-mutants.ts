/** Bugs of the way to the disk and back: `store`, and of `replica` what keeps a space there. */
import type { Mutant } from './mutant.js'

export const storeMutants: readonly Mutant[] = [
  {
    name: 'ack-before-fsync',
    what: 'a write is told as durable when it was given to the disk, not when the disk has it',
    module: 'replica/space-persister',
    from: 'await store.commit(batch)',
    to: 'store.commit(batch).catch(() => undefined)',
    killedBy: 'acknowledged-writes'
  },
  {
    name: 'enospc-swallowed',
    what: 'a commit that found the disk full counts as stored',
    module: 'store/level-store',
    from: 'await database.batch(operations)',
    to: "await database.batch(operations).catch(error => { if (this.fault(error).code !== 'STORE_FULL') throw error })",
    killedBy: 'acknowledged-writes'
  },
  {
    name: 'vector-stored-apart',
    what: 'the vector is stored in a commit of its own, before the registers that it covers',
    module: 'replica/space-persister',
    from: 'batch.puts.push({ key: stateKey, value: state })',
    to: 'await store.commit({ puts: [{ key: stateKey, value: state }], deletes: [] })',
    killedBy: 'no-resurrection'
  },
  {
    name: 'changed-while-stored',
    what: 'what changes while a commit is under way counts as stored by it',
    module: 'replica/space-persister',
    from: 'this.state = { vector, changeIndex, version: this.state.version + 1 }',
    to: 'this.state = { vector, changeIndex: table.changeIndex, version: this.state.version + 1 }',
    killedBy: 'no-resurrection'
  },
  {
    name: 'receipt-at-flush-begin',
    what: 'a local receipt resolves when the flush that stores its write begins',
    module: 'replica/receipts',
    from: 'return covers(durable().vector, writer, seq)',
    to: 'return covers(this.options.taken(), writer, seq)',
    killedBy: 'acknowledged-writes'
  },
  {
    name: 'log-number-reused',
    what: 'the first record stored after a start takes the place of the last one stored before it',
    module: 'replica/space-log',
    from: 'this.next = number + 1',
    to: 'this.next = number',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'rewrite-forgets',
    what: 'when the oldest records of the log are rewritten, deletes among what they hold are left out',
    module: 'replica/space-log',
    from: 'old.push(register)',
    to: 'register.value === undefined || old.push(register)',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'log-never-freed',
    what: 'records of the log that were rewritten stay on the disk',
    module: 'replica/space-log',
    from: 'batch.deletes.push(record.key)',
    to: 'void record.key',
    killedBy: 'bounded-growth'
  },
  {
    name: 'loss-ignored',
    what: 'a node goes on with its old vector although its disk has lost records',
    module: 'replica/space-persister',
    from: 'const rejoining = store.loss !== undefined || unreadable',
    to: 'const rejoining = unreadable',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'hlc-not-persisted',
    what: 'after a restart a node stamps by its own clock alone, behind what it had followed before',
    module: 'replica/space-persister',
    from: 'table.hlc.observe(state.hlc)',
    to: 'void state.hlc',
    also: [
      {
        module: 'documents/table/loading',
        from: 'this.hlc.observe(this.holdings.admitLoaded(inOrder))',
        to: 'this.holdings.admitLoaded(inOrder)'
      }
    ],
    killedBy: 'session-guarantees'
  }
]
