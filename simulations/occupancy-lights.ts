/**
 * Lights that follow people, tested as a user tests a service: the real service on the real runtime, people who come and go by doors of
 * different nodes, and a building that falls apart meanwhile. `services/forgetful-lights.ts` runs the same with the bug in it.
 */
import { fc, scenario, type Run } from '@selvedge/simulator'
import { CountingLights, type OccupancyLights } from './services/occupancy-lights.js'

const rooms = ['lab', 'hall'] as const

export const occupancyLights = scenario('lights follow people')
  .shows('A service whose doors count with a counter never leaves anybody in the dark, whatever the network does.')
  .site('hq', { nodes: 3 })
  .lasts('10m')
  .service('lights', ({ site }): OccupancyLights => new CountingLights(site))
  .operation('pass', {
    every: '8s',
    args: fc.record({ room: fc.constantFrom(...rooms), by: fc.constantFrom<(1 | -1)[]>(1, 1, -1) }),
    run: ({ service }, { room, by }) => service('lights').pass(room, by),
    describe: ({ room, by }) => `somebody ${by > 0 ? 'enters' : 'leaves'} the ${room}`
  })
  .faults(({ at }) => [at('2m').partition(['hq-1'], ['hq-2', 'hq-3', 'relay']).for('3m'), at('7m').cutTrunk('hq').for('1m')])
  .sometimes('a room is lit on one side of the cut alone', ({ nodes }) => {
    const lit = nodes().map(node => node.has('lights') && node.service('lights').isLit('lab'))
    return lit.includes(true) && lit.includes(false)
  })
  .without('documents-equal', 'no-resurrection', 'acknowledged-writes', 'conflicts-recorded')
  .atEnd('everybody is counted', ({ nodes, run }) => {
    for (const room of rooms) {
      const inside = peopleIn(run, room)
      for (const node of nodes()) {
        const counted = node.service('lights').people(room)
        if (counted !== inside) return `${inside} people are in the ${room}, and ${node.name} counts ${counted}`
      }
    }
    return true
  })

/** How many there really are: from what was done, and not from any replica. */
function peopleIn({ history }: Run, room: string): number {
  let people = 0
  for (const { operation } of history.done) {
    const args = operation.args as { readonly room: string; readonly by: number }
    if (operation.kind === 'pass' && args.room === room) people += args.by
  }
  return people
}

export default occupancyLights
