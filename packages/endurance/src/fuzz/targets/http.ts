/** Bytes on the two HTTP servers: the control socket of a node, and the door of a relay with its trunks. */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type NetConnectOpts } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { below, silentLogger, siteId, systemClock, systemRandom, type Random } from '@selvedge/core'
import { nodeKeyFromSeed, Roster } from '@selvedge/network'
import { decoders } from '@selvedge/relay'
import { serveControl } from '@selvedge/replica'
import { hold, type Input, type OpenTarget, type Outcome, type Target } from '../target.js'
import { openSpace } from './open-space.js'
import { many, utf8 } from './sample-values.js'

/** More than any answer to one request: what goes on beyond it is no answer. */
const answerBytesMax = 1024 * 1024
const keptBytesMax = 4_096

interface Answer {
  /** How it begins. */
  readonly head: string
  readonly bytes: number
  readonly bytesMax: number
}

/** Sends messages over one connection, then ends it; gives what came back once the server has closed. */
function exchange(to: NetConnectOpts, input: Input): Promise<Answer> {
  const bytesMax = answerBytesMax * (1 + requestsIn(input))
  return new Promise(resolve => {
    let head = ''
    let received = 0
    const socket = connect({ ...to, allowHalfOpen: true })
    socket.on('data', (bytes: Buffer) => {
      if (head.length < keptBytesMax) head += bytes.toString('latin1')
      received += bytes.length
      if (received > bytesMax) socket.destroy()
    })
    // A server may cut a connection that makes no sense to it.
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve({ head, bytes: received, bytesMax }))
    socket.on('end', () => socket.end())
    socket.on('connect', () => {
      for (const bytes of input) socket.write(bytes)
      socket.end()
    })
  })
}

/** Those that a client may send without waiting for an answer, at most. */
function requestsIn(input: Input): number {
  return Buffer.concat(input).toString('latin1').split('HTTP/').length - 1
}

function judged({ head, bytes, bytesMax }: Answer): Outcome {
  hold(bytes <= bytesMax, 'an answer does not end')
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]
  hold(status !== '500', `it answered ${head.slice(0, 600)}`)
  return status?.startsWith('2') || status === '101' ? 'decoded' : 'refused'
}

function request(method: string, path: string, body?: string): Uint8Array {
  const length = body === undefined ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
  return utf8(`${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${length}\r\n${body ?? ''}`)
}

const httpTokens = [
  '\r\n',
  'content-length: 5\r\n',
  'transfer-encoding: chunked\r\n',
  'expect: 100-continue\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  '%00',
  '%ff',
  '/../',
  '?a=b&',
  'HTTP/1.0',
  '\u0000',
  'upgrade: websocket\r\n',
  '5\r\nhello\r\n0\r\n\r\n'
].map(utf8)

const control: Target = {
  name: 'control-http',
  from: 'the control socket, as bytes',
  reaches: ['serveControl'],
  open: async (): Promise<OpenTarget> => {
    const directory = mkdtempSync(join(tmpdir(), 'selvedge-fuzz-http-'))
    const space = await openSpace()
    const ticking = setInterval(() => space.clock.advance(1), 1)
    const server = await serveControl({ directory, routes: space.routes, log: silentLogger })
    return {
      corpus: [
        [request('GET', '/')],
        [request('GET', '/points/list?pattern=**')],
        [request('GET', '/counters/get?path=meter/1/kwh')],
        [request('PUT', '/points', '{"path":"ahu/1/supply-temp","value":20}')],
        [request('GET', '/documents')]
      ],
      messagesMax: 3,
      tokens: httpTokens,
      take: async input => judged(await exchange({ path: server.address }, input)),
      async close() {
        clearInterval(ticking)
        await server.close()
        await space.close()
        rmSync(directory, { recursive: true, force: true })
      }
    }
  }
}

const handshakeHead =
  'GET /trunk HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

/** A masked WebSocket message, as clients send them. */
function webSocketFrame(opcode: number, payload: Uint8Array): Uint8Array {
  const mask = [1, 2, 3, 4]
  return Uint8Array.of(0x80 | opcode, 0x80 | payload.length, ...mask, ...payload.map((byte, i) => byte ^ mask[i % 4]!))
}

const door: Target = {
  name: 'relay-http',
  from: "a relay's port: pages, upgrades, WebSocket messages",
  reaches: ['listen', 'acceptTrunks'],
  open: async (random: Random): Promise<OpenTarget> => {
    const key = nodeKeyFromSeed(new Uint8Array(32).fill(2))
    const roster = new Roster(siteId('hq'), [{ name: 'a', node: nodeKeyFromSeed(new Uint8Array(32).fill(1)).node }])
    const listener = await decoders.listen({
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      answer: path =>
        Promise.resolve(path === '/healthz' ? { status: 200, contentType: 'text/plain', body: 'alive\n' } : undefined),
      trunks: { key, rosters: of => (of === 'hq' ? roster : undefined), onConnection: connection => connection.close() }
    })
    const upgrade = utf8(handshakeHead)
    return {
      corpus: [
        [request('GET', '/healthz')],
        [request('HEAD', '/healthz?x=1')],
        ...many(4, () => [upgrade, webSocketFrame(2, random.bytes(40)), webSocketFrame(8, Uint8Array.of(0x03, 0xe8))])
      ],
      generate: source => [
        upgrade,
        ...many(1 + below(source, 3), () => webSocketFrame(below(source, 16), source.bytes(below(source, 120))))
      ],
      messagesMax: 4,
      tokens: httpTokens,
      take: async input => judged(await exchange({ host: '127.0.0.1', port: listener.port }, input)),
      close: () => listener.close()
    }
  }
}

export const httpTargets: readonly Target[] = [control, door]
