/** Typed events: listeners run in the order they were added; one that throws does not stop the others nor the emitter. */
type Listener = (...args: unknown[]) => void

export class EventEmitter<Events extends { [Name in keyof Events]: unknown[] }> {
  private readonly listeners = new Map<keyof Events, Set<Listener>>()

  /** Adds a listener; returns what removes it. */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    const set = this.listeners.get(name) ?? new Set()
    this.listeners.set(name, set)
    const added = listener as unknown as Listener
    set.add(added)
    return () => void set.delete(added)
  }

  /** Adds a listener for the next such event only. */
  once<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): () => void {
    const off = this.on(name, (...args) => {
      off()
      listener(...args)
    })
    return off
  }

  protected emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.listeners.get(name) ?? [])]) {
      try {
        listener(...args)
      } catch (error) {
        // A listener's mistake surfaces as an unhandled rejection, with its stack, and not in the middle of a merge.
        void Promise.reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
  }
}
