/** `Promise.withResolvers` for Node 20: libp2p 3 calls it. Must be imported before libp2p. */
if (!('withResolvers' in Promise))
  Object.defineProperty(Promise, 'withResolvers', {
    value: <T>() => {
      let resolve!: (value: T | PromiseLike<T>) => void
      let reject!: (reason: unknown) => void
      const promise = new Promise<T>((onResolve, onReject) => {
        resolve = onResolve
        reject = onReject
      })
      return { promise, resolve, reject }
    }
  })

export {}
