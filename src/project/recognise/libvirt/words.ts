/** Words of a QEMU command. Pure. */

export const pair = (flag: string, value: string | undefined): readonly string[] =>
  value === undefined ? [] : [flag, value]

/** `a=b,c=d` with commas doubled; undefined values are omitted. */
export const keys = (head: string, values: Readonly<Record<string, string | undefined>>): string =>
  [
    ...(head === '' ? [] : [head]),
    ...Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${value.replaceAll(',', ',,')}`],
    ),
  ].join(',')
