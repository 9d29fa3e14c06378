/** Real time: what a search for a smaller plan, or a test, may take. */
export function wallMs(): number {
  return performance.now()
}
