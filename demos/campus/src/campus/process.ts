/**
 * One process of the campus: a node of a building with its drivers, or the relay with a cloud service. It does what its environment
 * says, answers requests over IPC, and tells how it is twice a second.
 */
import type { FromChild, NodeConfig, RelayConfig, ToChild } from './protocol.js'
import { runNode } from './node-process.js'
import { runRelay } from './relay-process.js'

const reportEveryMs = 250

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message)
}

async function main(): Promise<void> {
  const config = JSON.parse(process.env['SELVEDGE_CAMPUS'] ?? '{}') as NodeConfig | RelayConfig
  const service = await (config.kind === 'node' ? runNode(config, tell) : runRelay(config, tell))
  const reports = setInterval(() => {
    const report = service.report()
    if (report) tell(report)
  }, reportEveryMs)
  const stop = async (): Promise<void> => {
    clearInterval(reports)
    await service.close()
    process.disconnect?.()
  }
  process.on('message', (message: ToChild) => {
    const { id, request } = message
    if (request.op === 'stop') {
      void stop().then(() => tell({ type: 'answer', id }))
      return
    }
    service.answer(request).then(
      value => tell({ type: 'answer', id, value }),
      (error: unknown) => tell({ type: 'answer', id, error: described(error) })
    )
  })
  // The campus is gone: nobody will ever ask again.
  process.once('disconnect', () => void service.close().finally(() => process.exit(0)))
  process.on('SIGINT', () => undefined) // the campus decides when its processes end
}

function described(error: unknown): { code: string; message: string } {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'ERROR'
  return { code, message: error instanceof Error ? error.message : String(error) }
}

main().catch((error: unknown) => {
  const { code, message } = described(error)
  process.stderr.write(`${process.env['SELVEDGE_CAMPUS'] ?? ''}: ${message} (${code})\n`)
  process.exit(1)
})
