/**
 * js-libp2p's Yamux answers every message with a window update: a message back for each one received. The window is there to hold a
 * sender back, and half of it is room enough: an update is sent once half is used, as other Yamux implementations do.
 */
import type { Stream } from '@libp2p/interface'

/** What a Yamux stream keeps of its receiving window. */
interface ReceiveWindow {
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate(): void
}

/** Makes a Yamux stream that was negotiated send window updates seldom; leaves any other stream as it is. */
export function sparseWindowUpdates(stream: Stream): void {
  if (!hasWindow(stream)) return
  const send = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    if (stream.recvWindowCapacity < stream.recvWindow / 2) send()
  }
}

function hasWindow(stream: Stream): stream is Stream & ReceiveWindow {
  const window: Partial<ReceiveWindow> = stream as never
  return (
    typeof window.recvWindow === 'number' &&
    typeof window.recvWindowCapacity === 'number' &&
    typeof window.sendWindowUpdate === 'function'
  )
}
