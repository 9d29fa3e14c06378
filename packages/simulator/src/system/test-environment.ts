/** What whoever starts a test run asks for: a plan or a seed to replay. */
export function environment(): { readonly plan: string | undefined; readonly seed: number | undefined } {
  const { SELVEDGE_PLAN: plan, SELVEDGE_SEED: seed } = process.env
  return { plan: plan === '' ? undefined : plan, seed: seed === undefined || seed === '' ? undefined : Number(seed) }
}
