import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TrunkWire } from './trunk-wire.js'

let server: Server
let wire: TrunkWire
const outside: Socket[] = []

beforeEach(async () => {
  server = createServer(socket => {
    outside.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', chunk => socket.write(`re: ${chunk.toString()}`))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  wire = await TrunkWire.lay((server.address() as { port: number }).port)
})

afterEach(() => {
  wire.close()
  server.close()
  for (const socket of outside.splice(0)) socket.destroy()
})

async function dial(): Promise<Socket> {
  const socket = connect(wire.port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** `once` would reject for the error that a reset is. */
function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.once('close', () => resolve()))
}

async function answer(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk.toString()
}

describe('the wire of a trunk', () => {
  it('forwards both ways, and counts', async () => {
    const socket = await dial()
    socket.write('hello')
    expect(await answer(socket)).toBe('re: hello')
    expect(wire.bytes).toBe('hello'.length + 're: hello'.length)
    socket.destroy()
  })

  it.each(['reset', 'close'] as const)(
    'cut by %s ends what is open and refuses what comes, until it is restored',
    async fault => {
      const socket = await dial()
      socket.write('hello')
      await answer(socket)
      const ended = closed(socket)
      const endedThere = closed(outside[0]!)
      wire.cut(fault)
      await ended
      await endedThere
      const refused = connect(wire.port, '127.0.0.1').on('error', () => undefined)
      await closed(refused)
      wire.restore()
      const again = await dial()
      again.write('hello')
      expect(await answer(again)).toBe('re: hello')
      again.destroy()
    }
  )

  it('stalled says nothing and forwards nothing; what was under way arrives when it is restored', async () => {
    const socket = await dial()
    socket.write('hello')
    await answer(socket)
    wire.cut('stall')
    const bytes = wire.bytes
    socket.write('anybody?')
    const late = await dial()
    late.write('new')
    // A whole exchange with the far end, beside the wire: what was written has had its time to come through.
    const beside = connect((server.address() as { port: number }).port, '127.0.0.1')
    beside.write('x')
    await answer(beside)
    expect(wire.bytes).toBe(bytes)
    const both = Promise.all([answer(socket), answer(late)])
    wire.restore()
    expect(await both).toEqual(['re: anybody?', 're: new'])
    for (const each of [socket, late, beside]) each.destroy()
  })
})
