/** libp2p as the mesh sets it up, without the mesh: see `packages/network/src/system/libp2p-node.ts` for the reasons. */
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import type { Libp2p } from 'libp2p'

export async function createBareNode(): Promise<Libp2p> {
  polyfill()
  const { createLibp2p } = await import('libp2p')
  return createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: 16,
        maxOutboundStreams: 16,
        // The write buffer keeps its default, no bound: the floor knows no backpressure, and what it can't send waits.
        streamOptions: { maxStreamWindowSize: 1024 * 1024 }
      })
    ],
    // The mesh pings; the floor need not.
    connectionMonitor: { enabled: false }
  })
}

// libp2p 3 calls it, and Node 20 has none.
function polyfill(): void {
  if ('withResolvers' in Promise) return
  Object.defineProperty(Promise, 'withResolvers', {
    value: <T>() => {
      let resolve!: (value: T | PromiseLike<T>) => void
      let reject!: (reason?: unknown) => void
      const promise = new Promise<T>((onResolve, onReject) => {
        resolve = onResolve
        reject = onReject
      })
      return { promise, resolve, reject }
    },
    configurable: true,
    writable: true
  })
}
