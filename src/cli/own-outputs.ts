/** How a file that an earlier command wrote is known by its content: only such a file is replaced. */

type Recognises = (existing: Buffer) => boolean

/** A page of a run or a sweep, or its summary as Markdown, which begins with the sign of the verdict. */
export const isReport: Recognises = (existing) => {
  const text = existing.toString()
  return text.startsWith('<!doctype html>')
    ? text.includes('Report of bringup on ')
    : /^### [\u2713\u2717\u25f7\u2013\u2026!?] /.test(text)
}

/** Results of a sweep or a test as XML: their suites have a line each, and no word before them. */
export const isJunit: Recognises = (existing) =>
  /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites>\n(?: {2}<testsuite name="|<\/testsuites>)/.test(
    existing.toString(),
  )

/** Results of a sweep as CSV: the heads of the columns that every sweep has. */
export const isCsv: Recognises = (existing) => {
  const [heads = ''] = existing.toString().split('\r\n', 1)
  return /(?:^|,)repeat,attempt,verdict,ms,(?:.*,)?run,host$/.test(heads)
}

/** Any PNG: a picture says nothing about who wrote it. */
export const isPicture: Recognises = (existing) =>
  existing.subarray(0, 8).equals(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'))
