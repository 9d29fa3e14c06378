/**
 * Opens a mesh. libp2p is loaded by this call and not before: a relay that imports this package does not pay for it (84 MB of
 * memory).
 *
 * @example
 * const mesh = await openMesh({ key, roster, clock, random, log, listen: ['/ip4/0.0.0.0/tcp/4001'], mdns: true,
 *   onConnection: connection => startSession(connection) })
 */
import type { Mesh, MeshOptions } from './mesh.js'

/** @throws SelvedgeError `MESH_LISTEN_FAILED` (with `details.addresses`), `MESH_ADDRESS_INVALID` */
export async function openMesh(options: MeshOptions): Promise<Mesh> {
  const { openLibp2pMesh } = await import('./system/libp2p-mesh.js')
  return openLibp2pMesh(options)
}
