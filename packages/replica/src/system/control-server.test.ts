import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer as createNetServer, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { SelvedgeError, silentLogger, type Logger } from '@selvedge/core'
import type { Routes } from '../control/router.js'
import { controlClient } from './control-client.js'
import { serveControl, type ControlServer } from './control-server.js'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

function temporary(): string {
  const directory = mkdtempSync(join(tmpdir(), 'control-test-'))
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function serve(
  routes: Routes,
  directory = temporary(),
  log: Logger = silentLogger
): Promise<{ directory: string; server: ControlServer }> {
  const server = await serveControl({ directory, routes, log })
  cleanups.push(() => server.close())
  return { directory, server }
}

/** Sends bytes as they are and gives all that comes back. */
async function raw(address: string, text: string): Promise<string> {
  const socket = connect(address)
  let answer = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk))
  socket.write(text)
  await once(socket, 'close')
  return answer
}

async function take<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  for await (const item of items) if (taken.push(item) === count) break
  return taken
}

describe('requests', () => {
  it('reach their handler with parameters, query and body, and its value comes back', async () => {
    const { directory } = await serve({
      'PUT /documents/:id/map': ({ params, query, body }) => Promise.resolve({ params, query, body })
    })
    const answer = await controlClient(directory).request('PUT', '/documents/floor%2F1%20%C3%A9/map', {
      query: { a: 'x&y', b: 2, c: undefined },
      body: { bytes: new Uint8Array([1, 2, 255]) }
    })
    expect(answer).toEqual({ params: { id: 'floor/1 é' }, query: { a: 'x&y', b: '2' }, body: { bytes: { $bytes: 'AQL/' } } })
  })

  it('answer null for nothing', async () => {
    const { directory } = await serve({ 'GET /nothing': () => undefined })
    expect(await controlClient(directory).request('GET', '/nothing')).toBeNull()
  })

  it('prefer a literal segment to a parameter, and list their routes', async () => {
    const { directory } = await serve({ 'GET /a/:id': () => 'parameter', 'GET /a/b': () => 'literal', 'POST /a/b': () => 'post' })
    const client = controlClient(directory)
    expect(await client.request('GET', '/a/b')).toBe('literal')
    expect(await client.request('GET', '/a/c')).toBe('parameter')
    expect(await client.request('POST', '/a/b')).toBe('post')
    expect(await client.request('GET', '/')).toEqual({ routes: ['GET /', 'GET /a/:id', 'GET /a/b', 'POST /a/b'] })
  })

  it.each([
    ['GET', '/missing', 'CONTROL_ROUTE_UNKNOWN'],
    ['GET', '/a/', 'CONTROL_ROUTE_UNKNOWN'],
    ['DELETE', '/a/x', 'CONTROL_METHOD_UNKNOWN'],
    ['GET', '/a/%ff', 'CONTROL_REQUEST_INVALID']
  ] as const)('%s %s is refused as %s', async (method, path, code) => {
    const { directory } = await serve({ 'GET /a/:id': () => 1 })
    await expect(controlClient(directory).request(method, path)).rejects.toMatchObject({ code })
  })

  it.each([
    [400, new SelvedgeError('POINT_REFUSED', 'is above max 40', { details: { path: 'a', max: 40 } })],
    [404, new SelvedgeError('SPACE_UNKNOWN', 'no such space')],
    [503, new SelvedgeError('SITE_CLOSED', 'closed')],
    [504, new SelvedgeError('RECEIPT_ABORTED', 'gave up')],
    [500, new SelvedgeError('HLC_OVERFLOW', 'the clock')]
  ])('an error is answered with status %i and its own code, message and details', async (status, error) => {
    const { directory, server } = await serve({
      'GET /fails': () => {
        throw error
      }
    })
    const failure = await controlClient(directory)
      .request('GET', '/fails')
      .catch((caught: unknown) => caught)
    expect(failure).toBeInstanceOf(SelvedgeError)
    expect((failure as SelvedgeError).toJSON()).toEqual(error.toJSON())
    expect(await raw(server.address, 'GET /fails HTTP/1.0\r\n\r\n')).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it('a mistake of the node is CONTROL_INTERNAL, and logged', async () => {
    const logged: unknown[] = []
    const log = { ...silentLogger, error: (details: object) => void logged.push(details) }
    const routes: Routes = { 'GET /fails': () => Promise.reject(new TypeError('x is not a function')) }
    const { directory } = await serve(routes, temporary(), log)
    await expect(controlClient(directory).request('GET', '/fails')).rejects.toMatchObject({
      code: 'CONTROL_INTERNAL',
      message: expect.stringContaining('x is not a function')
    })
    expect(logged).toHaveLength(1)
  })

  it('details that are no JSON do not spoil the answer', async () => {
    const details: Record<string, unknown> = {}
    details['self'] = details
    const { directory } = await serve({ 'GET /fails': () => Promise.reject(new SelvedgeError('A_CODE', 'message', { details })) })
    await expect(controlClient(directory).request('GET', '/fails')).rejects.toMatchObject({ code: 'A_CODE', details: {} })
  })

  it('bodies are bounded, with and without a length told before', async () => {
    const { directory, server } = await serve({ 'POST /a': ({ body }) => typeof body })
    const client = controlClient(directory)
    expect(await client.request('POST', '/a', { body: 'x'.repeat(1024 * 1024 - 2) })).toBe('string')
    await expect(client.request('POST', '/a', { body: 'x'.repeat(1024 * 1024) })).rejects.toMatchObject({
      code: 'CONTROL_BODY_TOO_LARGE'
    })
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    expect(
      await raw(
        server.address,
        `POST /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`
      )
    ).toMatch(/^HTTP\/1.1 413 [^]*CONTROL_BODY_TOO_LARGE/)
  })

  it('a body that is not JSON, and bytes that are no HTTP, are refused', async () => {
    const { server } = await serve({ 'POST /a': () => 1 })
    expect(await raw(server.address, 'POST /a HTTP/1.0\r\ncontent-length: 1\r\n\r\n{')).toMatch(
      /^HTTP\/1.1 400 [^]*CONTROL_REQUEST_INVALID/
    )
    expect(await raw(server.address, 'hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 [^]*CONTROL_REQUEST_INVALID/)
  })

  it('give up after the time that a handler sets, and when the client goes', async () => {
    const reasons: unknown[] = []
    const untilAborted = (signal: AbortSignal): Promise<string> =>
      new Promise(resolve =>
        signal.addEventListener('abort', () => {
          reasons.push(signal.reason)
          resolve('gave up')
        })
      )
    let begun = (): void => {}
    const { directory } = await serve({
      'GET /short': ({ within }) => untilAborted(within(5)),
      'GET /long': ({ within }) => (begun(), untilAborted(within(3_600_000)))
    })
    const client = controlClient(directory)
    expect(await client.request('GET', '/short')).toBe('gave up')
    const aborter = new AbortController()
    begun = () => aborter.abort(new Error('enough'))
    await expect(client.request('GET', '/long', { signal: aborter.signal })).rejects.toThrow('enough')
    await expect.poll(() => reasons.length).toBe(2)
    expect(reasons[1]).toMatchObject({ message: 'the client has gone' })
  })
})

describe('streams', () => {
  it('give each item as it comes, and end their source when the reader stops', async () => {
    let ended = false
    const { directory } = await serve({
      'GET /watch': async function* ({ query }) {
        try {
          for (let i = 0; ; i++) yield await Promise.resolve({ i, from: query['from'] })
        } finally {
          ended = true
        }
      }
    })
    const items = await take(controlClient(directory).stream('/watch', { query: { from: 'é\n' } }), 3)
    expect(items).toEqual([0, 1, 2].map(i => ({ i, from: 'é\n' })))
    await expect.poll(() => ended).toBe(true)
  })

  it('end when their source ends', async () => {
    const { directory } = await serve({
      'GET /list': async function* () {
        yield* await Promise.resolve([1, 2])
      }
    })
    expect(await take(controlClient(directory).stream('/list'), 99)).toEqual([1, 2])
  })

  it('a slow reader makes the source wait', async () => {
    let made = 0
    const text = 'x'.repeat(65_536)
    const { directory, server } = await serve({
      'GET /flood': async function* () {
        for (; made < 10_000; made++) yield await Promise.resolve({ text })
      }
    })
    const socket = connect(server.address)
    socket.pause()
    socket.write('GET /flood HTTP/1.1\r\nhost: x\r\n\r\n')
    // Another request has its answer while the first one's reader sleeps.
    await expect.poll(() => made).toBeGreaterThan(0)
    let before = -1
    await expect.poll(() => [before, (before = made)], { interval: 100 }).toSatisfy(([a, b]: number[]) => a === b)
    expect(made).toBeLessThan(1_000)
    expect(await controlClient(directory).request('GET', '/')).toBeDefined()
    socket.resume()
    await expect.poll(() => made, { timeout: 60_000 }).toBeGreaterThan(before + 100)
    socket.destroy()
  })

  it('tell of an error before the first item as an answer, and of a later one in the stream', async () => {
    const { directory } = await serve({
      'GET /early': () => {
        throw new SelvedgeError('PATTERN_INVALID', 'a bad pattern')
      },
      'GET /late': async function* () {
        yield await Promise.resolve(1)
        throw new SelvedgeError('SITE_CLOSED', 'closed')
      }
    })
    const client = controlClient(directory)
    await expect(take(client.stream('/early'), 1)).rejects.toMatchObject({ code: 'PATTERN_INVALID' })
    const items: unknown[] = []
    const read = async (): Promise<void> => {
      for await (const item of client.stream('/late')) items.push(item)
    }
    await expect(read()).rejects.toMatchObject({ code: 'SITE_CLOSED' })
    expect(items).toEqual([1])
  })

  it('end with CONTROL_CLOSED when the server closes, whatever they wait for', async () => {
    const { directory, server } = await serve({
      'GET /wait': async function* () {
        yield 1
        await new Promise(() => {})
      }
    })
    const items = controlClient(directory).stream('/wait')
    expect(await items.next()).toEqual({ value: 1, done: false })
    const rest = items.next()
    await Promise.all([server.close(), expect(rest).rejects.toMatchObject({ code: 'CONTROL_CLOSED' })])
    expect(existsSync(server.address)).toBe(false)
    await server.close()
  })
})

describe('the socket', () => {
  it('can be used by its owner alone', async () => {
    const { server } = await serve({})
    expect(statSync(server.address).mode & 0o777).toBe(0o600)
  })

  it('is served by one process at a time', async () => {
    const { directory, server } = await serve({ 'GET /who': () => 'first' })
    await expect(serveControl({ directory, routes: {}, log: silentLogger })).rejects.toMatchObject({
      code: 'CONTROL_SOCKET_BUSY'
    })
    expect(await controlClient(directory).request('GET', '/who'), 'the first one keeps its socket').toBe('first')
    await server.close()
    await serve({ 'GET /who': () => 'second' }, directory)
    expect(await controlClient(directory).request('GET', '/who')).toBe('second')
  })

  it('of a process that was killed is taken over, by one of those who want it', async () => {
    const directory = temporary()
    await leaveStaleSocket(join(directory, 'control.sock'))
    await expect(controlClient(directory).request('GET', '/')).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING' })
    const attempts = await Promise.allSettled([1, 2, 3].map(who => serve({ 'GET /who': () => who }, directory)))
    const winners = attempts.flatMap((attempt, i) => (attempt.status === 'fulfilled' ? [i + 1] : []))
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toMatchObject({ code: 'CONTROL_SOCKET_BUSY' })
    expect(winners).toEqual([await controlClient(directory).request('GET', '/who')])
  })

  it('is never made in the place of another file', async () => {
    const directory = temporary()
    writeFileSync(join(directory, 'control.sock'), 'precious')
    await expect(serve({}, directory)).rejects.toMatchObject({ code: 'CONTROL_SOCKET_FAILED' })
    expect(readFileSync(join(directory, 'control.sock'), 'utf8')).toBe('precious')
  })

  it('of a directory with a long path is elsewhere, private, and found; its rest is cleared away', async () => {
    const directory = join(temporary(), 'long'.repeat(30))
    const { server } = await serve({ 'GET /who': () => 'here' }, directory)
    expect(server.address.startsWith(directory)).toBe(false)
    expect(statSync(dirname(server.address)).mode & 0o777).toBe(0o700)
    expect(await controlClient(directory).request('GET', '/who')).toBe('here')
    await expect(serve({}, directory)).rejects.toMatchObject({ code: 'CONTROL_SOCKET_BUSY' })
    expect(await controlClient(directory).request('GET', '/who')).toBe('here')
    await server.close()
    expect(existsSync(dirname(server.address))).toBe(false)
    expect(existsSync(join(directory, 'control.path'))).toBe(false)
    await expect(controlClient(directory).request('GET', '/who')).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING' })
  })

  it('elsewhere, of a process that was killed, is taken over too', async () => {
    const directory = join(temporary(), 'long'.repeat(30))
    const first = await serve({}, directory)
    const stale = first.server.address
    await first.server.close()
    const { server } = await serve({}, directory)
    const pointer = readFileSync(join(directory, 'control.path'), 'utf8')
    await server.close()
    // As a killed process leaves it: the pointer, and a socket that nobody serves.
    const left = mkdtempSync(join(tmpdir(), 'selvedge-'))
    cleanups.push(() => rmSync(left, { recursive: true, force: true }))
    await leaveStaleSocket(join(left, 'control.sock'))
    writeFileSync(join(directory, 'control.path'), `${join(left, 'control.sock')}\n`)
    await expect(controlClient(directory).request('GET', '/who')).rejects.toMatchObject({ code: 'CONTROL_NOT_RUNNING' })
    await serve({ 'GET /who': () => 'new' }, directory)
    expect(await controlClient(directory).request('GET', '/who')).toBe('new')
    expect(existsSync(left)).toBe(false)
    expect(pointer.trim()).not.toBe(stale)
  })

  it('that nobody serves is CONTROL_NOT_RUNNING, with the directory', async () => {
    const directory = temporary()
    await expect(controlClient(directory).request('GET', '/')).rejects.toMatchObject({
      code: 'CONTROL_NOT_RUNNING',
      details: { directory }
    })
  })
})

describe('a client', () => {
  it('tells of a server that goes away, or talks nonsense, in the middle', async () => {
    const directory = temporary()
    const sockets: Socket[] = []
    let answer = ''
    const server = createNetServer(socket => {
      sockets.push(socket)
      socket.once('data', () => socket.end(answer))
    })
    server.listen(join(directory, 'control.sock'))
    await once(server, 'listening')
    cleanups.push(() => server.close())
    const client = controlClient(directory)
    for (const [text, code] of [
      ['', 'CONTROL_LOST'],
      ['HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{', 'CONTROL_LOST'],
      ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{', 'CONTROL_ANSWER_INVALID'],
      ['HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\n{}', 'CONTROL_ANSWER_INVALID']
    ]) {
      answer = text!
      await expect(client.request('GET', '/'), text).rejects.toMatchObject({ code })
    }
    answer = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n1\n\r\n'
    const items = client.stream('/watch')
    expect((await items.next()).value).toBe(1)
    await expect(items.next()).rejects.toMatchObject({ code: 'CONTROL_LOST' })
  })
})

// A socket file outlives only a process that could not clean up.
async function leaveStaleSocket(path: string): Promise<void> {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
}
