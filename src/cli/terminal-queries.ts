/** Questions of a guest to a terminal that cannot answer it, because the guest's input comes from a pipe. */

const ESC = String.fromCharCode(27)
const PARAMETERS = '\\[[>=?]?[0-9;]{0,16}'
/** Where is the cursor, how are you, what are you: `ESC[6n`, `ESC[5n`, `ESC[c`, `ESC[>c`. */
const QUERY = new RegExp(`${ESC}${PARAMETERS}[nc]`, 'g')
const UNFINISHED = new RegExp(`${ESC}(?:${PARAMETERS})?$`)

/**
 * Removes the queries from a stream of chunks. The host's terminal would echo its answers (`^[[24;10R`) between the
 * lines of the guest. The start of a query at the end of a chunk waits for the next one.
 */
export function withoutQueries(): (chunk: Uint8Array) => Uint8Array {
  let held = ''
  return (chunk) => {
    const text = (held + Buffer.from(chunk).toString('latin1')).replaceAll(QUERY, '')
    held = UNFINISHED.exec(text)?.[0] ?? ''
    return Buffer.from(text.slice(0, text.length - held.length), 'latin1')
  }
}
