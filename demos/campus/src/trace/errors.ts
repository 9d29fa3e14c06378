/** Codes that reading a trend export throws; each stands under its own heading in this folder's README. */
export const traceErrors = {
  unreadable: 'TRACE_UNREADABLE',
  empty: 'TRACE_EMPTY',
  noDate: 'TRACE_NO_DATE'
} as const
