import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import {
  connect as connectSocket,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket
} from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { seededRandom, silentLogger, systemClock, type Connection } from '@selvedge/core'
import { connectionLimits } from '../connection-limits.js'
import { certificates } from '../testing/certificates.js'
import { recordingLogger, testKey, testRoster } from '../testing/fixtures.js'
import { numberedFrame, Recorder } from '../testing/recorder.js'
import { transportConformance } from '../testing/transport-conformance.js'
import { dialTrunk, type TrunkDialOptions } from './trunk-client.js'
import { acceptTrunks, type TrunkServer, type TrunkServerOptions } from './trunk-server.js'

const [node, relay, stranger] = [testKey(1), testKey(2), testKey(3)]
const roster = testRoster('hq', [node], relay)
const environment = { clock: systemClock, random: seededRandom(7), log: silentLogger }
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function listening(server: Server | TcpServer): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

interface Relay {
  trunks: TrunkServer
  server: Server
  port: number
  url: string
  next(): Promise<Connection>
}

async function openRelay(options: Partial<TrunkServerOptions> = {}, server: Server = createHttpServer()): Promise<Relay> {
  const accepted: Connection[] = []
  const waiting: ((connection: Connection) => void)[] = []
  const trunks = acceptTrunks({
    ...environment,
    server,
    key: relay,
    rosters: site => (site === 'hq' ? roster : undefined),
    onConnection: connection => {
      const take = waiting.shift()
      if (take) take(connection)
      else accepted.push(connection)
    },
    ...options
  })
  const port = await listening(server)
  cleanups.push(() => trunks.close())
  const next = () => {
    const connection = accepted.shift()
    return connection ? Promise.resolve(connection) : new Promise<Connection>(resolve => waiting.push(resolve))
  }
  return { trunks, server, port, url: `ws://127.0.0.1:${port}/trunk`, next }
}

function dial(url: string, options: Partial<TrunkDialOptions> = {}): Promise<Connection> {
  return dialTrunk({ ...environment, url, key: node, roster, ...options })
}

async function talks(left: Connection, right: Connection): Promise<void> {
  const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)]
  left.send(numberedFrame(1, 100_000))
  right.send(numberedFrame(2, 100))
  await atRight.until(() => atRight.frames.length === 1)
  await atLeft.until(() => atLeft.frames.length === 1)
  left.close()
  await Promise.all([atLeft.close(), atRight.close()])
}

transportConformance('trunk', async () => {
  const opened = await openRelay()
  const left = await dial(opened.url)
  return {
    left,
    right: await opened.next(),
    close: async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
    }
  }
})

describe('the handshake', () => {
  test('tells each end who the other is', async () => {
    const opened = await openRelay()
    const [left, right] = [await dial(opened.url), await opened.next()]
    expect(left.remote).toEqual({ node: relay.node, role: 'relay', name: 'relay', address: `127.0.0.1:${opened.port}` })
    expect(right.remote).toMatchObject({ node: node.node, site: 'hq', role: 'node', name: 'hq-1' })
    expect(opened.trunks.connections).toEqual([right])
    await talks(left, right)
    expect(opened.trunks.connections).toEqual([])
    expect(opened.trunks.handshakes).toBe(0)
  })

  test.each([
    ['TRUNK_REFUSED_SITE', { roster: testRoster('elsewhere', [node], relay) }],
    ['TRUNK_REFUSED_NODE', { key: stranger }],
    ['TRUNK_REFUSED_RELAY', { roster: testRoster('hq', [node], stranger) }],
    // It claims a node of the roster, and signs with a key of its own.
    ['TRUNK_REFUSED_PROOF', { key: { ...stranger, node: node.node } }]
  ])('refuses with %s', async (code, options) => {
    let admitted = 0
    const opened = await openRelay({ onConnection: () => admitted++ })
    await expect(dial(opened.url, options)).rejects.toMatchObject({ code })
    // The listed node gets through, so that what the refused one left behind would have shown by then.
    await dial(opened.url)
    expect([admitted, opened.trunks.handshakes]).toEqual([1, 0])
  })

  test('a relay that claims the right id with another key is refused by the node', async () => {
    const opened = await openRelay({ key: { ...stranger, node: relay.node } })
    await expect(dial(opened.url)).rejects.toMatchObject({ code: 'TRUNK_REFUSED_RELAY' })
  })

  test('a roster without a relay and a URL with a secret are refused before anything is dialled', async () => {
    await expect(dial('ws://127.0.0.1:1/trunk', { roster: testRoster('hq', [node]) })).rejects.toMatchObject({
      code: 'TRUNK_NO_RELAY'
    })
    for (const url of ['ws://user:secret@127.0.0.1:1/', 'http://127.0.0.1:1/', 'nonsense'])
      await expect(dial(url)).rejects.toMatchObject({ code: 'TRUNK_URL_INVALID', message: expect.not.stringContaining('secret') })
  })

  test('beyond the admission ramp a node is sent away with a time to come back', async () => {
    const opened = await openRelay({ admission: { perSecond: 0.1, burst: 1 } })
    const first = await dial(opened.url)
    await expect(dial(opened.url)).rejects.toMatchObject({ code: 'TRUNK_REFUSED_BUSY', details: { retryAfterMs: 10_000 } })
    first.close()
  })

  test('strangers do not use the ramp up', async () => {
    const opened = await openRelay({ admission: { perSecond: 0.1, burst: 1 } })
    for (let i = 0; i < 5; i++)
      await expect(dial(opened.url, { key: { ...stranger, node: node.node } })).rejects.toMatchObject({
        code: 'TRUNK_REFUSED_PROOF'
      })
    expect((await dial(opened.url)).kind).toBe('trunk')
  })

  test('callers who say nothing time out, and more of them than allowed are sent away', async () => {
    const log = recordingLogger()
    const opened = await openRelay({ handshakeTimeoutMs: 150, handshakesMax: 2, log })
    const closes = Array.from({ length: 3 }, () => {
      const socket = new WebSocket(opened.url)
      return new Promise<string>(resolve => socket.on('close', (_, text) => resolve(text.toString().split(';')[0]!)))
    })
    expect((await Promise.all(closes)).sort()).toEqual(['TRUNK_REFUSED_BUSY', 'TRUNK_TIMEOUT', 'TRUNK_TIMEOUT'])
    expect(opened.trunks.handshakes).toBe(0)
    await talks(await dial(opened.url), await opened.next())
  })

  test.each([
    ['text', 'hello'],
    ['garbage', Buffer.from([1, 2, 3])],
    ['too much', Buffer.alloc(2_000)],
    ['a proof out of turn', Buffer.concat([Buffer.from([3]), Buffer.alloc(64)])]
  ])('%s instead of a hello ends with TRUNK_PROTOCOL and nothing else', async (_, message) => {
    const opened = await openRelay()
    const socket = new WebSocket(opened.url)
    socket.on('open', () => socket.send(message))
    const text = await new Promise<string>(resolve => socket.on('close', (__, reason) => resolve(reason.toString())))
    expect(text).toContain('TRUNK_PROTOCOL;')
    await talks(await dial(opened.url), await opened.next())
  })

  test('other paths of the server are left alone', async () => {
    const server = createHttpServer()
    const others: string[] = []
    server.on('upgrade', (request, socket) => {
      if (request.url === '/other') {
        others.push(request.url)
        socket.destroy()
      }
    })
    const opened = await openRelay({}, server)
    await expect(dial(opened.url.replace('/trunk', '/other'))).rejects.toMatchObject({ code: 'TRUNK_UNREACHABLE' })
    expect(others).toEqual(['/other'])
  })
})

describe('dialling', () => {
  test('nobody there, and somebody who is no relay, are unreachable', async () => {
    const silent = await listening(createTcpServer(socket => socket.end('garbage\r\n\r\n')))
    await expect(dial(`ws://127.0.0.1:${silent}/trunk`)).rejects.toMatchObject({ code: 'TRUNK_UNREACHABLE' })
    const web = await listening(createHttpServer((_, response) => response.end('hello')))
    await expect(dial(`ws://127.0.0.1:${web}/trunk`)).rejects.toMatchObject({ code: 'TRUNK_UNREACHABLE' })
  })

  test('a server that never answers is given up in time, and its socket is closed', async () => {
    let hungUp!: () => void
    const closed = new Promise<void>(resolve => (hungUp = resolve))
    const port = await listening(createTcpServer(socket => socket.resume().on('close', () => hungUp())))
    await expect(dial(`ws://127.0.0.1:${port}/trunk`, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TRUNK_TIMEOUT' })
    await closed
  })

  test('an upgrade without a handshake after it times out', async () => {
    const opened = await openRelay({ path: '/elsewhere' })
    const { WebSocketServer } = await import('ws')
    const mute = new WebSocketServer({ server: opened.server, path: '/trunk' })
    cleanups.push(() => mute.close())
    await expect(dial(opened.url, { timeoutMs: 100 })).rejects.toMatchObject({ code: 'TRUNK_TIMEOUT' })
  })

  test('a signal gives up, before and during', async () => {
    const port = await listening(createTcpServer(socket => socket.resume()))
    await expect(dial(`ws://127.0.0.1:${port}/`, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'TRUNK_ABORTED'
    })
    const abort = new AbortController()
    const dialled = dial(`ws://127.0.0.1:${port}/`, { signal: abort.signal })
    abort.abort()
    await expect(dialled).rejects.toMatchObject({ code: 'TRUNK_ABORTED' })
  })

  test('wss trusts the given authority, and no other', async () => {
    const { ca, key, cert } = certificates()
    const opened = await openRelay({}, createHttpsServer({ key, cert }))
    const url = `wss://localhost:${opened.port}/trunk`
    await expect(dial(url)).rejects.toMatchObject({ code: 'TRUNK_UNREACHABLE' })
    await talks(await dial(url, { ca }), await opened.next())
  })
})

describe('through a proxy', () => {
  /** A CONNECT proxy that wants a password, or one that never answers. */
  async function openProxy(mute = false): Promise<{ url: (auth: string) => string; targets: string[]; hungUp: Promise<void> }> {
    const targets: string[] = []
    let hungUp!: () => void
    const ended = new Promise<void>(resolve => (hungUp = resolve))
    const server = createHttpServer((_, response) => response.writeHead(405).end())
    server.on('connect', (request, client: Socket, head: Buffer) => {
      // The sockets of an HTTP server stay half open: the end is what tells that the other side is gone.
      client.on('error', () => {}).on('end', () => hungUp())
      if (mute) return void client.resume()
      if (request.headers['proxy-authorization'] !== `Basic ${Buffer.from('anna:p@ss').toString('base64')}`)
        return void client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      targets.push(request.url!)
      const [host, port] = request.url!.split(':')
      const upstream = connectSocket(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        upstream.write(head)
        upstream.pipe(client).pipe(upstream)
      })
      upstream.on('error', () => client.destroy())
      client.on('close', () => upstream.destroy())
    })
    const port = await listening(server)
    return { url: auth => `http://${auth}127.0.0.1:${port}`, targets, hungUp: ended }
  }

  test('ws and wss go through CONNECT, with a password', async () => {
    const proxy = await openProxy()
    const plain = await openRelay()
    await talks(await dial(plain.url, { proxy: proxy.url('anna:p%40ss@') }), await plain.next())
    const { ca, key, cert } = certificates()
    const secure = await openRelay({}, createHttpsServer({ key, cert }))
    const url = `wss://localhost:${secure.port}/trunk`
    await talks(await dial(url, { proxy: proxy.url('anna:p%40ss@'), ca }), await secure.next())
    expect(proxy.targets).toEqual([`127.0.0.1:${plain.port}`, `localhost:${secure.port}`])
    await expect(dial(url, { proxy: proxy.url('anna:p%40ss@') })).rejects.toMatchObject({ code: 'TRUNK_UNREACHABLE' })
  })

  test('a refused password is unreachable, and no error tells a secret', async () => {
    const proxy = await openProxy()
    const opened = await openRelay()
    const error: unknown = await dial(opened.url, { proxy: proxy.url('anna:geheim@') }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'TRUNK_UNREACHABLE', message: expect.stringContaining('407') })
    expect(JSON.stringify(error)).not.toContain('geheim')
    await expect(dial(opened.url, { proxy: 'socks://anna:geheim@127.0.0.1' })).rejects.toMatchObject({
      code: 'TRUNK_URL_INVALID',
      message: expect.not.stringContaining('geheim')
    })
  })

  test('a proxy that never answers is given up, and its socket is closed', async () => {
    const proxy = await openProxy(true)
    await expect(dial('ws://127.0.0.1:1/', { proxy: proxy.url(''), timeoutMs: 100 })).rejects.toMatchObject({
      code: 'TRUNK_TIMEOUT'
    })
    await proxy.hungUp
  })
})

describe('an open trunk', () => {
  async function rawTrunk(): Promise<{ raw: WebSocket; right: Connection }> {
    // The socket below a connection is private, as it should be: a handshake by hand gives one to misbehave with.
    const { NodeHandshake } = await import('../trunk-handshake.js')
    const { verify } = await import('./node-key.js')
    const opened = await openRelay()
    const handshake = new NodeHandshake(node, roster.site, relay.node, verify, length => new Uint8Array(length))
    const raw = new WebSocket(opened.url)
    raw.once('open', () => raw.send(handshake.hello()))
    raw.once('message', (challenge: Buffer) => raw.send(handshake.challenged(new Uint8Array(challenge))))
    return { raw, right: await opened.next() }
  }

  test('an oversized frame closes it at both ends', async () => {
    const { raw, right } = await rawTrunk()
    const atRight = Recorder.on(right)
    const status = new Promise<number>(resolve => raw.on('close', resolve))
    raw.send(new Uint8Array(connectionLimits.frameBytesMax + 1))
    expect((await atRight.close()).code).toBe('FRAME_TOO_LARGE')
    expect(await status).toBe(1009)
  })

  test('a text message closes it', async () => {
    const { raw, right } = await rawTrunk()
    const atRight = Recorder.on(right)
    raw.send('text')
    expect((await atRight.close()).code).toBe('FRAME_INVALID')
  })

  test('a socket that dies without a word is lost', async () => {
    const { raw, right } = await rawTrunk()
    const atRight = Recorder.on(right)
    raw.terminate()
    expect((await atRight.close()).code).toBe('CONNECTION_LOST')
  })

  test('closing the server closes its trunks with a reason and takes no more', async () => {
    const opened = await openRelay()
    const atLeft = Recorder.on(await dial(opened.url))
    opened.trunks.close()
    opened.trunks.close()
    expect((await atLeft.close()).code).toBe('TRUNK_SERVER_CLOSED')
    await expect(dial(opened.url, { timeoutMs: 200 })).rejects.toMatchObject({
      code: expect.stringMatching(/^TRUNK_(TIMEOUT|UNREACHABLE)$/)
    })
  })
})
