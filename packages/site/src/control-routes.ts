export function siteRoutes(): Record<string, never> { return {} }
