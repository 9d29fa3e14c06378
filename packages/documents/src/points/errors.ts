/** Codes that point schemas and path patterns throw; each stands under its own heading in this folder's README. */
export const pointErrors = {
  pointsInvalid: 'POINTS_INVALID',
  pointRefused: 'POINT_REFUSED',
  pointUnknown: 'POINT_UNKNOWN',
  pointSchemaAsync: 'POINT_SCHEMA_ASYNC',
  patternInvalid: 'PATTERN_INVALID'
} as const
