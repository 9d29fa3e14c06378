import { nodeId, silentLogger, type Logger } from '@selvedge/core'
import { expect, it } from 'vitest'
import type { Peer } from './replica.js'
import { SessionLog } from './session-log.js'

it('warns of a session that did not come about, unless a side let go in good order', () => {
  const said: string[] = []
  const log: Logger = {
    ...silentLogger,
    debug: (_, message) => void said.push(`debug ${message}`),
    warn: (_, message) => void said.push(`warn ${message}`)
  }
  const peer = { node: nodeId('a'), role: 'node', connection: { remote: { name: 'a', address: 'here' } } } as unknown as Peer
  const sessions = new SessionLog(log)
  sessions.failed(peer, { code: 'SESSION_PROTOCOL_VERSION', message: 'of another version' })
  sessions.failed(peer, { code: 'CLOSED', message: 'the node is shutting down' })
  expect(said).toEqual([
    'warn no session came about: of another version',
    'debug no session came about: the node is shutting down'
  ])
})
