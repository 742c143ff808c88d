/**
 * Text that bringup did not write: a guest's console, QEMU's and other programs' output, file and process names.
 * A terminal obeys control characters in it (`ESC[6n` makes it type an answer into the shell), so none of them reaches
 * one: `visible` shows them as `\x1b`, `screenLines` first does what a screen would do within a line.
 * Sources: ECMA-48, ctlseqs of xterm, Unicode TR36 (bidirectional and invisible characters).
 */

// C0 but tab and newline, DEL, C1; characters that take no room or change the direction; lone surrogates; tags.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu

/** Longest line that a screen shows of text from elsewhere. */
export const LONGEST_LINE = 1000
/** Rightmost column of the screen on which a line is drawn. */
const COLUMNS = 4 * LONGEST_LINE

/**
 * The text with every character visible that a terminal would obey or not show: `\x1b`, `\u202e`. Newlines and tabs stay.
 *
 * @example
 * visible('a\x1b[6nb') // 'a\\x1b[6nb'
 */
export function visible(text: string): string {
  return text.search(UNSAFE) === -1 ? text : text.replace(UNSAFE, escaped)
}

/** The same on one line: newlines and tabs are visible too. */
export function oneLine(text: string): string {
  return visible(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0
  if (character === '\r') return '\\r'
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`
  return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** The first `limit` characters, and how many are missing. */
export function cut(text: string, limit: number = LONGEST_LINE): string {
  return text.length <= limit ? text : `${text.slice(0, limit)} … (${text.length - limit} more characters)`
}

/**
 * The lines as a screen shows them: carriage returns, backspaces and movements within the line are done, colours and
 * modes left out, movements to other lines begin a new one. Whatever else is not text is made visible.
 *
 * @example
 * screenLines('10%\r20%\nok\b\bno\x1b[6n') // ['20%', 'no\\x1b[6n']
 */
export function screenLines(text: string): readonly string[] {
  if (text.search(UNSAFE) === -1) return text.split('\n').map((line) => cut(line))
  return text.split('\n').flatMap((line) => drawn(line).map((shown) => cut(shown)))
}

/** A line of a log as a screen shows it, however long; several where the cursor leaves it. */
export function logLine(line: string): string {
  return line.search(UNSAFE) === -1 ? line : drawn(line).join('\n')
}

/** Without the carriage returns at its end. No regular expression: `/\r+$/` takes quadratic time on a million of them. */
export function withoutReturns(line: string): string {
  let end = line.length
  while (line.charCodeAt(end - 1) === 13) end--
  return end === line.length ? line : line.slice(0, end)
}

/** As `screenLines`, on one line. */
export function screenLine(text: string): string {
  return screenLines(text).join(' ')
}

const TOKEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
  /(?:\x1b\[|\x9b)(?<params>[0-?]{0,64})[ -/]{0,4}(?<final>[@-~])|(?<plain>\x1b(?:[()*+][0-9A-Za-z]|[78=>]))|(?<one>.)/gsu

/** One line on a screen; several where the cursor leaves it. */
function drawn(line: string): readonly string[] {
  const text = drawable(withoutReturns(line))
  if (text.search(UNSAFE) === -1) return [text]
  const lines: string[] = []
  let screen = new ScreenLine()
  for (const { 0: sequence, groups = {} } of text.matchAll(TOKEN)) {
    const { params = '', final, one, plain } = groups
    if (plain !== undefined) continue
    if (final === undefined) screen.put(one ?? '')
    else if ('ABEFHJSTdef'.includes(final)) {
      lines.push(screen.text)
      screen = new ScreenLine()
    } else if (!screen.obey(final, params)) screen.write(visible(sequence))
  }
  lines.push(screen.text)
  const shown = lines.filter((each, index) => each !== '' || (index === 0 && lines.length === 1))
  return shown.length > 0 ? shown : ['']
}

/** A line of many megabytes is not drawn to be cut afterwards. Of one that is written over, what stands at last is its end. */
function drawable(line: string): string {
  const most = 16 * COLUMNS
  const end = line.slice(-most)
  return line.length > most && end.includes('\r') ? end : line.slice(0, most)
}

/** Sequences that change how text looks or how keys are sent, and answer nothing. */
const WITHOUT_EFFECT = 'mhlrsu'

class ScreenLine {
  #cells: string[] = []
  #at = 0

  get text(): string {
    return Array.from(this.#cells, (cell) => cell ?? ' ')
      .join('')
      .trimEnd()
  }

  put(character: string): void {
    if (character === '\r') this.#at = 0
    else if (character === '\b') this.#move(-1)
    else if (character === '\t') this.#move(8 - (this.#at % 8))
    else this.write(visible(character))
  }

  write(text: string): void {
    // What is made visible takes several columns, or it would be overwritten in part.
    for (const character of text) {
      if (this.#at > COLUMNS) return
      this.#cells[this.#at++] = character
    }
  }

  /** False for a sequence that has another purpose than to draw. */
  obey(final: string, params: string): boolean {
    const count = Math.max(1, Number.parseInt(params, 10) || 1)
    if (WITHOUT_EFFECT.includes(final)) return true
    if (final === 'C') this.#move(count)
    else if (final === 'D') this.#move(-count)
    else if (final === 'G' || final === '`') this.#at = Math.min(COLUMNS, count - 1)
    else if (final === 'K') this.#erase(params)
    else if (final === 'P') this.#cells.splice(this.#at, count)
    else if (final === 'X') this.#blank(this.#at, this.#at + count)
    else if (final === '@') this.#cells.splice(this.#at, 0, ...Array(Math.min(count, COLUMNS)).fill(' '))
    else return false
    return true
  }

  #move(by: number): void {
    this.#at = Math.max(0, Math.min(COLUMNS, this.#at + by))
  }

  #erase(params: string): void {
    if (params === '2') this.#cells = []
    else if (params === '1') this.#blank(0, this.#at + 1)
    else this.#cells.length = Math.min(this.#cells.length, this.#at)
  }

  #blank(from: number, to: number): void {
    for (let at = from; at < Math.min(to, this.#cells.length); at++) this.#cells[at] = ' '
  }
}

/** Colours as bringup itself uses them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
const OWN_COLOR = /\x1b\[(?:0|1|2|22|3[0-79]|9[0-7])m/

/**
 * What may go to a terminal or a log: `visible`, but for the colours that bringup itself uses, where there are any.
 * The last door: texts of others are made visible before they are painted.
 */
export function printable(text: string, hasColors: boolean): string {
  if (text.search(UNSAFE) === -1) return text
  if (!hasColors) return visible(text)
  return text
    .split(new RegExp(`(${OWN_COLOR.source})`))
    .map((part, index) => (index % 2 === 1 ? part : visible(part)))
    .join('')
}

/** A line of a tool's output with its colours, in the words of bringup's own; without them where it moves the cursor. */
export function coloredLine(line: string): string {
  if (line.search(UNSAFE) === -1) return line
  let isColored = false
  const text = withoutReturns(line)
    .slice(0, 16 * COLUMNS)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
    .replace(/\x1b\[([0-9;]{0,64})([mK])/g, (_, codes: string, final: string) => {
      if (final === 'K') return ''
      isColored = true
      return colorCodes(codes)
    })
  return isColored ? `${text}\x1b[0m` : printable(text, false)
}

/** `01;38;5;9` as `1` and `91`, each a sequence of its own. */
function colorCodes(text: string): string {
  const codes = text.split(';').map(Number)
  const out: number[] = []
  for (let code = codes.shift(); code !== undefined; code = codes.shift()) {
    if (code !== 38 && code !== 48) {
      if (OWN_COLOR.test(`\x1b[${code}m`)) out.push(code)
      continue
    }
    const [kind = 0, color = 16] = codes.splice(0, codes[0] === 5 ? 2 : 4)
    if (code === 38 && kind === 5 && color < 16) out.push(color < 8 ? 30 + color : 82 + color)
  }
  return out.map((code) => `\x1b[${code}m`).join('')
}

/** JSON that says the same, without a character that a terminal would obey. JSON itself escapes C0 only. */
export function printableJson(json: string): string {
  return json.search(UNSAFE) === -1
    ? json
    : json.replace(UNSAFE, (character) =>
        [...Array(character.length).keys()]
          .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
          .join(''),
      )
}
