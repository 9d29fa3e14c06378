/** libp2p alone: TCP, Noise, Yamux, as small as it can be made. */
import './promise-with-resolvers.js'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p } from 'libp2p'
import { answering } from '../child.js'
import { processMemory } from './process-memory.js'

let node: Libp2p | undefined

answering({
  /** Gives the multiaddrs that it listens on. */
  open: async () => {
    node = await createLibp2p({
      addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
      transports: [tcp()],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()]
    })
    return node.getMultiaddrs().map(String)
  },
  dial: async (address: string) => {
    // Made from its own, so that no package need be named for it.
    const host = node!.getMultiaddrs()[0]!.decapsulate('/tcp')
    await node!.dial(host.encapsulate(address.replace(host.toString(), '')))
  },
  memory: () => processMemory()
})
