import { seededRandom, silentLogger, systemClock, type Connection } from '@selvedge/core'
import { openMesh } from '../open-mesh.js'
import { testKey, testRoster } from '../testing/fixtures.js'
import { transportConformance } from '../testing/transport-conformance.js'

const [one, two] = [testKey(1), testKey(2)]

transportConformance('mesh', async () => {
  const common = { roster: testRoster('hq', [one, two]), clock: systemClock, random: seededRandom(1), log: silentLogger }
  let accept!: (connection: Connection) => void
  const accepted = new Promise<Connection>(resolve => (accept = resolve))
  const listener = await openMesh({
    ...common,
    key: one,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    onConnection: connection => accept(connection)
  })
  const dialler = await openMesh({ ...common, key: two, listen: [], onConnection: () => {} })
  const left = await dialler.dial(listener.addresses[0]!)
  return { left, right: await accepted, close: () => Promise.all([dialler.close(), listener.close()]).then(() => {}) }
})
