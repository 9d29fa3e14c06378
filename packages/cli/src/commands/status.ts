/** `status`: how a node or a relay is, at a glance. */
import type { Command } from 'commander'
import type { RelaySiteStatus, RelayStatus } from '@selvedge/relay'
import type { PeerStatus, SiteStatus } from '@selvedge/site'
import { ask, type Asking } from '../asking.js'
import type { Io } from '../io.js'
import { asking, examples, type AskOptions } from '../options.js'
import { printable, shownAge, shownBytes, shownDuration, shownValue } from '../output/text.js'

export function statusCommand(program: Command, io: Io): void {
  const status = asking(program.command('status').description('how a node or a relay is: health, peers, spaces')).action(
    async (options: AskOptions) => {
      const asked = await ask(io, options)
      const answer = await asked.client.request<SiteStatus | RelayStatus>('GET', '/status')
      await asked.print(answer, shown => ('sites' in shown ? relayText(asked, shown) : nodeText(asked, shown)))
    }
  )
  examples(status, 'selvedge status', 'selvedge status --json | jq .health', 'selvedge status --data /var/lib/selvedge-relay')
}

function nodeText(asked: Asking, status: SiteStatus): string {
  const { style } = asked
  const { trunk } = status
  const facts: [string, string][] = [
    ['node', `${style.bold(printable(status.name))} of ${status.site} (${status.node})`],
    ['health', healthText(asked, status.health.state)],
    ['readiness', status.readiness],
    ['up', shownDuration(status.uptimeMs)],
    ['store', status.store.state === 'ok' ? 'ok' : style.bad(`degraded (${status.store.code ?? 'unknown'})`)],
    ['clock', clockText(status.clock)],
    ['trunk', trunk ? trunkText(asked, trunk) : 'none'],
    ['mesh', status.mesh ? status.mesh.addresses.join(' ') : 'none'],
    ['receipts', status.receiptsPending > 0 ? `${status.receiptsPending} waiting` : '']
  ]
  return [asked.list(facts), alarms(asked, status.health.alarms), peers(asked, status.peers), spaces(asked, status.spaces)]
    .filter(part => part !== '')
    .join('\n')
}

function trunkText({ style }: Asking, trunk: NonNullable<SiteStatus['trunk']>): string {
  const { url, held, holder, enabled } = trunk
  if (!enabled) return style.warning(`switched off here (${url})`)
  if (held) return `held by this node (${url})`
  return holder === undefined ? style.warning(`nobody holds it (${url})`) : `held by ${printable(holder)} (${url})`
}

function peers(asked: Asking, rows: readonly PeerStatus[]): string {
  const nowMs = asked.io.nowMs()
  return asked.table<PeerStatus>(
    rows,
    [
      { title: 'PEER', value: ({ name }) => shownValue(name, 24), style: () => 'bold' },
      { title: 'ROLE', value: ({ role }) => role },
      { title: 'SINCE', value: ({ sinceMs }) => shownAge(nowMs - sinceMs) },
      { title: 'ROUND TRIP', right: true, value: ({ roundTripMs }) => (roundTripMs === undefined ? '–' : `${roundTripMs} ms`) },
      { title: 'BACKLOG', right: true, value: ({ backlog }) => String(backlog) },
      {
        title: 'CAUGHT UP',
        value: ({ caughtUp }) => (caughtUp ? 'yes' : 'no'),
        style: ({ caughtUp }) => (caughtUp ? 'good' : 'warning')
      },
      {
        title: 'CLOCK',
        right: true,
        value: ({ clockOffsetMs }) => (clockOffsetMs === undefined ? '–' : shownDuration(clockOffsetMs))
      },
      { title: 'IN', right: true, value: ({ bytesIn }) => shownBytes(bytesIn) },
      { title: 'OUT', right: true, value: ({ bytesOut }) => shownBytes(bytesOut) },
      { title: 'ADDRESS', value: ({ address }) => shownValue(address) }
    ],
    'no peers'
  )
}

function spaces(asked: Asking, rows: SiteStatus['spaces']): string {
  return asked.table<SiteStatus['spaces'][number]>(
    rows,
    [
      { title: 'SPACE', value: ({ space }) => space, style: () => 'bold' },
      { title: 'RESIDENCY', value: ({ residency }) => residency },
      { title: 'REGISTERS', right: true, value: ({ registers }) => String(registers) },
      { title: 'DOCUMENTS', right: true, value: ({ documents }) => String(documents) },
      { title: 'UNSTORED', right: true, value: ({ unstored }) => String(unstored) },
      { title: 'CONFLICTS', right: true, value: ({ conflicts }) => String(conflicts) },
      {
        title: 'HELD BACK',
        right: true,
        optional: true,
        value: ({ heldBack }) => (heldBack > 0 ? String(heldBack) : ''),
        style: () => 'warning'
      },
      {
        title: 'DIVERGENCES',
        right: true,
        optional: true,
        value: ({ divergences }) => (divergences > 0 ? String(divergences) : ''),
        style: () => 'bad'
      },
      { title: 'ON DISK', right: true, value: ({ storedBytes }) => shownBytes(storedBytes) },
      { title: 'HASH', value: ({ hash }) => hash }
    ],
    'no spaces'
  )
}

function relayText(asked: Asking, status: RelayStatus): string {
  const { style } = asked
  const notReady = status.notReady.map(({ code, message }) => `${printable(message)} (${code})`).join('; ')
  const facts: [string, string][] = [
    ['relay', status.node],
    ['health', healthText(asked, status.health.state)],
    ['ready', notReady === '' ? 'yes' : style.warning(`no: ${notReady}`)],
    ['up', shownDuration(status.uptimeMs)],
    ['store', status.store.state === 'ok' ? 'ok' : style.bad(`degraded (${status.store.code ?? 'unknown'})`)],
    ['clock', clockText(status.clock)],
    ['trunks', `${status.sessions} at ${status.url ?? 'no address'}`],
    ['traffic', `${shownBytes(status.bytesIn)} in, ${shownBytes(status.bytesOut)} out`]
  ]
  return [asked.list(facts), alarms(asked, status.health.alarms), sites(asked, status.sites)]
    .filter(part => part !== '')
    .join('\n')
}

function sites(asked: Asking, rows: readonly RelaySiteStatus[]): string {
  const nowMs = asked.io.nowMs()
  return asked.table<RelaySiteStatus>(
    rows,
    [
      { title: 'SITE', value: ({ site }) => site, style: () => 'bold' },
      {
        title: 'CONNECTED',
        value: ({ connected }) => (connected ? 'yes' : 'no'),
        style: ({ connected }) => (connected ? 'good' : 'warning')
      },
      { title: 'HOLDER', value: ({ holder }) => shownValue(holder ?? '–', 24) },
      { title: 'SEEN', value: ({ lastSeenMs }) => (lastSeenMs === undefined ? '–' : shownAge(nowMs - lastSeenMs)) },
      { title: 'LAG', right: true, value: ({ lagMs }) => shownDuration(lagMs) },
      { title: 'BACKLOG', right: true, value: ({ backlog }) => String(backlog) },
      { title: 'ROUND TRIP', right: true, value: ({ roundTripMs }) => (roundTripMs === undefined ? '–' : `${roundTripMs} ms`) },
      { title: 'REGISTERS', right: true, value: site => String(site.spaces.reduce((sum, { registers }) => sum + registers, 0)) },
      { title: 'IN', right: true, value: ({ bytesIn }) => shownBytes(bytesIn) },
      { title: 'OUT', right: true, value: ({ bytesOut }) => shownBytes(bytesOut) }
    ],
    'no sites in the rosters'
  )
}

type Alarm = SiteStatus['health']['alarms'][number]

function alarms(asked: Asking, rows: readonly Alarm[]): string {
  if (rows.length === 0) return ''
  const nowMs = asked.io.nowMs()
  return asked.table<Alarm>(
    rows,
    [
      { title: 'ALARM', value: ({ code }) => code, style: ({ severity }) => (severity === 'critical' ? 'bad' : 'warning') },
      { title: 'SINCE', value: ({ sinceMs }) => shownAge(nowMs - sinceMs) },
      { title: 'MESSAGE', value: ({ message }) => printable(message) }
    ],
    ''
  )
}

function healthText({ style }: Asking, state: 'ok' | 'degraded'): string {
  return state === 'ok' ? style.good('ok') : style.bad('degraded')
}

function clockText({ offsetMs, peers: count }: { offsetMs: number; peers: number }): string {
  if (count === 0) return 'its own: no peers to compare with'
  return `${shownDuration(offsetMs)} from the trusted time of ${count} ${count === 1 ? 'peer' : 'peers'}`
}
