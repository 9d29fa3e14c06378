import { describe, expect, it } from 'vitest'
import type { Io } from './io.js'
import { runCommand } from './program.js'

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', '']
  const io: Io = {
    write: text => {
      out += text
      return Promise.resolve()
    },
    warn: text => void (err += text),
    env: {},
    colours: false,
    nowMs: () => 0,
    ranToTheEnd: false,
    onSignals: () => () => {}
  }
  return { code: await runCommand(args, io), out, err }
}

describe('help', () => {
  const commands = [
    'node',
    'relay',
    'key',
    'roster',
    'status',
    'get',
    'set',
    'delete',
    'watch',
    'counter',
    'elements',
    'priority',
    'doc'
  ]
  const more = ['config', 'conflicts', 'heal', 'held-back', 'trunk', 'isolate', 'sim']

  it('names every command, and how the command ends', async () => {
    const { code, out } = await run('--help')
    expect(code).toBe(0)
    for (const name of [...commands, ...more]) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(out).toContain('Exit codes')
  })

  it.each([...commands, ...more])('of %s has examples', async name => {
    const { code, out } = await run(name, '--help')
    expect(code).toBe(0)
    expect(out).toContain(`Usage: selvedge ${name}`)
    expect(out).toMatch(new RegExp(`Examples:\\n  \\$ selvedge ${name}`))
  })

  it('is shown for a group that is called without a command', async () => {
    const { code, out, err } = await run('config')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('Usage: selvedge config')
  })

  it('says durations with their units', async () => {
    expect((await run('set', '--help')).out).toContain('(default: 10s)')
  })

  it('tells the version', async () => {
    expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('an error', () => {
  it('tells its code and what to do next', async () => {
    expect(await run('get', '--data', '/nonexistent/selvedge')).toEqual({
      code: 3,
      out: '',
      err:
        'selvedge: nothing runs on /nonexistent/selvedge (CONTROL_NOT_RUNNING)\n' +
        '  start a node with "selvedge node --data /nonexistent/selvedge …", or name another directory with --data or SELVEDGE_DATA\n'
    })
  })
})
