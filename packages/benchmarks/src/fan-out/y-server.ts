/** y-websocket's own server, in memory: it stores nothing. */
import { createServer } from 'node:http'
import { setupWSConnection } from '@y/websocket-server/utils'
import { WebSocketServer } from 'ws'
import { takePart } from './part.js'

takePart({
  open: async () => {
    const server = createServer()
    const sockets = new WebSocketServer({ server, perMessageDeflate: false })
    sockets.on('connection', setupWSConnection)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('the server has no port')
    return address.port
  }
})
