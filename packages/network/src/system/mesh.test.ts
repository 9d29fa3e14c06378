import { createSocket } from 'node:dgram'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { multiaddr } from '@multiformats/multiaddr'
import type { Libp2p } from 'libp2p'
import { afterEach, describe, expect, test } from 'vitest'
import { isSelvedgeError, seededRandom, silentLogger, systemClock, type Connection, type NodeId } from '@selvedge/core'
import { connectionLimits } from '../connection-limits.js'
import type { Mesh, MeshOptions } from '../mesh.js'
import { openMesh } from '../open-mesh.js'
import { framePrefix } from '../mesh-frames.js'
import { recordingLogger, testKey, testRoster } from '../testing/fixtures.js'
import { numberedFrame, Recorder } from '../testing/recorder.js'
import { createNode } from './libp2p-node.js'
import type { NodeKey } from './node-key.js'

const keys = Array.from({ length: 12 }, (_, i) => testKey(i + 1))
const [one, two, three] = keys as [NodeKey, NodeKey, NodeKey]
const stranger = testKey(99)
const loopback = '/ip4/127.0.0.1/tcp/0'
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map(cleanup => cleanup()))
})

/** A mesh that keeps every connection it was given, and tells of changes. */
class Member {
  readonly met: Connection[] = []
  readonly recorders: Recorder[] = []
  mesh!: Mesh
  private waiters: { met: () => boolean; resolve: () => void }[] = []

  static async open(key: NodeKey, options: Partial<MeshOptions> = {}): Promise<Member> {
    const member = new Member()
    member.mesh = await openMesh({
      key,
      roster: testRoster('hq', [one, two, three]),
      clock: systemClock,
      random: seededRandom(key.publicKey[0]!),
      log: silentLogger,
      listen: [loopback],
      onConnection: connection => member.meets(connection),
      ...options
    })
    cleanups.push(() => member.mesh.close())
    return member
  }

  get address(): string {
    return this.mesh.addresses[0]!
  }

  get peers(): NodeId[] {
    return this.mesh.connections.map(connection => connection.remote.node).sort()
  }

  until(met: () => boolean): Promise<void> {
    return new Promise(resolve => {
      this.waiters.push({ met, resolve })
      this.check()
    })
  }

  private meets(connection: Connection): void {
    this.met.push(connection)
    const recorder = new Recorder()
    this.recorders.push(recorder)
    connection.attach({
      frame: frame => recorder.frame(frame),
      drain: () => recorder.drain(),
      closed: reason => {
        recorder.closed(reason)
        this.check()
      }
    })
    // The mesh lists the connection before it hands it on.
    this.check()
  }

  private check(): void {
    for (const waiter of this.waiters.filter(({ met }) => met())) {
      this.waiters = this.waiters.filter(other => other !== waiter)
      waiter.resolve()
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

/** A bare libp2p node with the key of a member, which takes the stream of a mesh and says nothing. */
async function rawNode(key: NodeKey): Promise<Libp2p> {
  const node = await createNode({ key, listen: [], mdns: false, admits: () => true, discovered: () => {} })
  await node.handle('/selvedge/1', () => {})
  await node.start()
  cleanups.push(() => node.stop())
  return node
}

/** A way to a port that can drop what goes over its connections, silently, and takes new ones. */
async function openProxy(target: number): Promise<{ port: number; drop(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer(inner => {
    const outer = connect(target, '127.0.0.1')
    for (const socket of [inner, outer]) sockets.add(socket.on('error', () => {}))
    inner.pipe(outer).pipe(inner)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise(resolve => server.close(resolve))
  })
  return {
    port: (server.address() as AddressInfo).port,
    drop: () => {
      for (const socket of sockets) socket.unpipe().resume()
    }
  }
}

/** Without a route for multicast mDNS finds nothing. */
function canMulticast(): Promise<boolean> {
  const socket = createSocket('udp4')
  return new Promise<boolean>(resolve => socket.send('', 5353, '224.0.0.251', error => resolve(!error))).finally(() =>
    socket.close()
  )
}

const multicasts = await canMulticast()

describe('admission', () => {
  test('both ends know each other by roster', async () => {
    const [a, b] = [await Member.open(one), await Member.open(two)]
    const connection = await b.mesh.dial(a.address)
    await a.until(() => a.met.length === 1)
    expect(connection.remote).toMatchObject({ node: one.node, site: 'hq', role: 'node', name: 'hq-1' })
    expect(a.met[0]!.remote).toMatchObject({ node: two.node, name: 'hq-2' })
    expect(a.address).toContain(`/p2p/${one.node}`)
    expect(await b.mesh.dial(a.address)).toBe(connection)
  })

  test('a node that the listener does not list is not admitted, though its dial gets through', async () => {
    const a = await Member.open(one)
    const b = await Member.open(stranger)
    await expect(b.mesh.dial(a.address)).rejects.toMatchObject({ code: 'MESH_DIAL_FAILED' })
    expect([a.met.length, b.met.length]).toEqual([0, 0])
  })

  test('a node that the dialler does not list is not admitted', async () => {
    const a = await Member.open(stranger, { roster: testRoster('hq', [one, stranger]) })
    const b = await Member.open(one)
    await expect(b.mesh.dial(a.address)).rejects.toMatchObject({ code: 'MESH_DIAL_FAILED' })
    await expect(b.mesh.dial(a.address.replace(/\/p2p\/.*/, ''))).rejects.toMatchObject({ code: 'MESH_DIAL_FAILED' })
    expect([a.met.length, b.met.length]).toEqual([0, 0])
  })

  test('an address that promises another node is not believed', async () => {
    const [a, b] = [await Member.open(one), await Member.open(two)]
    await expect(b.mesh.dial(a.address.replace(one.node, three.node))).rejects.toMatchObject({ code: 'MESH_DIAL_FAILED' })
    expect(a.met.length).toBe(0)
  })
})

describe('settling', () => {
  test('two that list each other and start at once settle on one connection', async () => {
    for (let round = 0; round < 5; round++) {
      const ports = [await freePort(), await freePort()]
      const addresses = ports.map(port => `/ip4/127.0.0.1/tcp/${port}`)
      const [a, b] = await Promise.all(
        [one, two].map((key, i) => Member.open(key, { listen: [addresses[i]!], peers: addresses }))
      )
      await Promise.all([a!, b!].map(member => member.until(() => member.met.length > 0)))
      // A frame each way over what stands shows that it is one and the same connection.
      a!.mesh.connections[0]!.send(numberedFrame(1, 10))
      b!.mesh.connections[0]!.send(numberedFrame(2, 10))
      await Promise.all([a!, b!].map(member => member.recorders[0]!.until(() => member.recorders[0]!.frames.length === 1)))
      expect([a!.met.length, b!.met.length]).toEqual([1, 1])
      expect([...a!.recorders, ...b!.recorders].flatMap(recorder => recorder.closes)).toEqual([])
      await Promise.all([a!.mesh.close(), b!.mesh.close()])
    }
  })

  test('dials from both ends at the same instant settle on one connection', async () => {
    const [a, b] = [await Member.open(one), await Member.open(two)]
    const dials = await Promise.all([a.mesh.dial(b.address), b.mesh.dial(a.address)])
    dials[0].send(numberedFrame(1, 10))
    await b.recorders[0]!.until(() => b.recorders[0]!.frames.length === 1)
    expect([a.met, b.met]).toEqual([[dials[0]], [dials[1]]])
    expect([...a.recorders, ...b.recorders].flatMap(recorder => recorder.closes)).toEqual([])
  })

  // 132 handshakes in one process: on a busy machine that is most of a minute.
  test('twelve nodes on one host all connect', async () => {
    const roster = testRoster('hq', keys)
    const peers = await Promise.all(keys.map(async () => `/ip4/127.0.0.1/tcp/${await freePort()}`))
    const members = await Promise.all(keys.map((key, i) => Member.open(key, { roster, peers, listen: [peers[i]!] })))
    // At one time: on a busy machine libp2p may take a connection for dead, and make it anew.
    const whole = () => members.every(({ mesh }) => mesh.connections.length === 11)
    await Promise.race(members.map(member => member.until(whole)))
    for (const [i, member] of members.entries())
      expect(member.peers).toEqual(
        keys
          .map(key => key.node)
          .filter(node => node !== keys[i]!.node)
          .sort()
      )
  })
})

describe('staying connected', () => {
  test('a listed peer that starts later is found, and found again after a loss', async () => {
    const port = await freePort()
    const address = `/ip4/127.0.0.1/tcp/${port}`
    const a = await Member.open(one, { peers: [address] })
    const b = await Member.open(two, { listen: [address] })
    await Promise.all([a, b].map(member => member.until(() => member.met.length === 1)))
    await b.mesh.close()
    await a.until(() => a.recorders[0]!.closes.length === 1)
    expect(a.recorders[0]!.closes[0]!.code).toBe('MESH_CLOSED')
    await Member.open(two, { listen: [address] })
    await a.until(() => a.met.length === 2)
    expect(a.peers).toEqual([two.node])
  })

  test('disconnect closes with a reason, and a listed peer comes back', async () => {
    const a = await Member.open(one)
    const b = await Member.open(two, { peers: [a.address] })
    await Promise.all([a, b].map(member => member.until(() => member.met.length === 1)))
    a.mesh.disconnect(two.node)
    a.mesh.disconnect(three.node)
    await Promise.all([a, b].map(member => member.until(() => member.met.length === 2)))
    expect(b.recorders[0]!.closes[0]!.code).toBe('MESH_DISCONNECTED')
  })

  test('a blocked node is cut at once and kept out until it is unblocked; others are not touched', async () => {
    const a = await Member.open(one)
    const b = await Member.open(two, { peers: [a.address] })
    const c = await Member.open(three, { peers: [a.address] })
    await a.until(() => a.met.length === 2)
    await b.until(() => b.met.length === 1)
    a.mesh.setBlocked(node => node === two.node)
    await b.until(() => b.recorders[0]!.closes.length === 1)
    expect(a.peers).toEqual([three.node])
    await expect(b.mesh.dial(a.address)).rejects.toMatchObject({ code: 'MESH_DIAL_FAILED' })
    await expect(a.mesh.dial(b.address)).rejects.toMatchObject({ code: 'MESH_DIAL_FAILED' })
    expect(b.met.length).toBe(1)
    a.mesh.setBlocked(() => false)
    await b.until(() => b.met.length === 2)
    expect(c.recorders.flatMap(recorder => recorder.closes)).toEqual([])
    expect(a.recorders.flatMap(recorder => recorder.closes).map(reason => reason.code)).toEqual(['MESH_BLOCKED'])
  })

  test('a link that silently drops everything is noticed at both ends, and replaced over another way', async () => {
    const a = await Member.open(one)
    const proxy = await openProxy(Number(/tcp\/(\d+)/.exec(a.address)![1]))
    const b = await Member.open(two, { listen: [], peers: [`/ip4/127.0.0.1/tcp/${proxy.port}`] })
    await Promise.all([a, b].map(member => member.until(() => member.met.length === 1)))
    proxy.drop()
    await Promise.all([a, b].map(member => member.until(() => member.met.length === 2)))
    for (const { recorders } of [a, b]) expect(recorders.map(recorder => recorder.closes.length)).toEqual([1, 0])
  })

  test('a peer that comes back while its old connection seems to stand takes its place, if that was silent', async () => {
    let aheadMs = 0
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs }
    const [low, high] = one.node < two.node ? [one, two] : [two, one]
    const a = await Member.open(low, { clock })
    const address = multiaddr(a.address)
    const first = await rawNode(high)
    await first.dial(address)
    await a.until(() => a.met.length === 1)
    // The old connection was heard of just now: it stays, and the new one is closed.
    const hasty = await rawNode(high)
    const refused = new Promise(resolve => hasty.addEventListener('connection:close', resolve))
    await hasty.dial(address)
    await refused
    expect(a.recorders[0]!.closes).toEqual([])
    aheadMs = 4_000
    const second = await rawNode(high)
    await second.dial(address)
    await a.until(() => a.met.length === 2)
    await a.recorders[0]!.close()
    expect(a.recorders.map(recorder => recorder.closes.map(reason => reason.code))).toEqual([['MESH_REPLACED'], []])
    expect(a.mesh.connections).toEqual([a.met[1]])
  })

  test.runIf(multicasts)('nodes of the roster find each other by mDNS (needs a route for multicast)', async () => {
    const members = await Promise.all(
      [one, two, stranger].map(key => Member.open(key, { mdns: true, listen: ['/ip4/0.0.0.0/tcp/0'] }))
    )
    await Promise.all(members.slice(0, 2).map(member => member.until(() => member.met.length === 1)))
    expect(members.map(member => member.peers)).toEqual([[two.node], [one.node], []])
  })
})

describe('what goes wrong', () => {
  test('a port in use is told with its address', async () => {
    const a = await Member.open(one)
    const taken = a.address.replace(/\/p2p\/.*/, '')
    const error: unknown = await Member.open(two, { listen: [loopback, taken] }).catch((caught: unknown) => caught)
    expect(isSelvedgeError(error, 'MESH_LISTEN_FAILED') && error.details.addresses).toEqual([taken])
    expect((error as Error).message).toMatch(/: another process listens there: stop it, or choose another port$/)
  })

  test.each(['nonsense', '/ip4/127.0.0.1/udp/1', '127.0.0.1:80'])('%s is no address of a mesh', async address => {
    await expect(Member.open(one, { listen: [address] })).rejects.toMatchObject({ code: 'MESH_ADDRESS_INVALID' })
    await expect(Member.open(one, { peers: [address] })).rejects.toMatchObject({ code: 'MESH_ADDRESS_INVALID' })
    const a = await Member.open(one)
    await expect(a.mesh.dial(address)).rejects.toMatchObject({ code: 'MESH_ADDRESS_INVALID' })
  })

  test('garbage on the port changes nothing', async () => {
    const a = await Member.open(one)
    const port = Number(/tcp\/(\d+)/.exec(a.address)![1])
    for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\u0013/multistream/1.0.0\n\u0007/nope\n', 'x'.repeat(100_000)]) {
      const socket = connect(port, '127.0.0.1')
        .on('error', () => {})
        .resume()
      const closed = new Promise(resolve => socket.on('close', resolve))
      socket.end(garbage)
      await closed
    }
    const b = await Member.open(two)
    expect((await b.mesh.dial(a.address)).remote.node).toBe(one.node)
  })

  test('a port that accepts and says nothing is a failed dial, in bounded time', async () => {
    const sockets: Socket[] = []
    const server: Server = createServer(socket => sockets.push(socket.on('error', () => {})))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => {
      for (const socket of sockets) socket.destroy()
      return new Promise(resolve => server.close(resolve))
    })
    const a = await Member.open(one)
    const address = `/ip4/127.0.0.1/tcp/${(server.address() as AddressInfo).port}`
    await expect(a.mesh.dial(address)).rejects.toMatchObject({ code: 'MESH_DIAL_FAILED', details: { address } })
  })

  test('an oversized frame closes the connection with a reason at both ends', async () => {
    const [low, high] = one.node < two.node ? [one, two] : [two, one]
    const b = await Member.open(high)
    // The lower id opens the stream: here a bare libp2p node plays it, to misbehave with.
    const stream = await (await rawNode(low)).dialProtocol(multiaddr(b.address), '/selvedge/1')
    const said: Uint8Array[] = []
    stream.addEventListener('message', event => said.push(event.data.subarray()))
    const closed = new Promise(resolve => stream.addEventListener('end', resolve))
    stream.send(framePrefix(connectionLimits.frameBytesMax + 1))
    await b.until(() => b.recorders[0]?.closes.length === 1)
    expect(b.recorders[0]!.closes[0]!.code).toBe('FRAME_TOO_LARGE')
    await closed
    expect(Buffer.concat(said).toString()).toContain('FRAME_TOO_LARGE')
  })

  test('a closed mesh refuses to dial, closes twice, and leaves the loop of events alone', async () => {
    const log = recordingLogger()
    const a = await Member.open(one)
    const b = await Member.open(two, { log, peers: [a.address] })
    await b.until(() => b.met.length === 1)
    await Promise.all([b.mesh.close(), b.mesh.close()])
    expect(b.recorders[0]!.closes.map(reason => reason.code)).toEqual(['MESH_CLOSED'])
    expect(b.mesh.connections).toEqual([])
    await expect(b.mesh.dial(a.address)).rejects.toMatchObject({ code: 'MESH_CLOSED' })
    expect(log.lines.at(-1)!.message).toBe('the mesh is closed')
  })
})
