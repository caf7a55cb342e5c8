// How a setting is called in the environment. The rule is one line, and everything that names a variable uses it.

export const VARIABLE_PREFIX = 'TIDEMARK_';

/** `['hot', 'redis', 'keyPrefix']` → `TIDEMARK_HOT_REDIS_KEY_PREFIX`. */
export function variableName(path: readonly string[]): string {
  return (
    VARIABLE_PREFIX +
    path
      .map((part) =>
        part
          .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
          .replaceAll(/[^A-Za-z0-9]+/g, '_')
          .toUpperCase(),
      )
      .join('_')
  );
}
