/** What a guest's screen shows. */

export interface Screen {
  /**
   * `text`: a VGA text mode. `graphics`: pixels, in which text was looked for. `none`: the machine has no display;
   * the memory where a VGA card would have its text is read all the same.
   */
  readonly mode: 'text' | 'graphics' | 'none'
  /** Lines without blanks at their ends. Empty where nothing is shown, or nothing that can be read. */
  readonly text: string
  /** The same with colours, for a terminal (SGR escape sequences and nothing else). */
  readonly colored: string
  /** Size in characters. */
  readonly columns: number
  readonly rows: number
  /** Of pixels: shapes that could not be read as characters, `\ufffd` in the text. */
  readonly unread: number
  /** Nothing is drawn on it. Where it is false and the text is empty, there is a picture that could not be read. */
  readonly isBlank: boolean
  /** The picture; absent unless it was asked for, and where the machine has no display. */
  readonly png?: Buffer
}

/** Its lines, and what of it could not be read. */
export function wordsOn({
  text,
  unread,
  isBlank,
}: Pick<Screen, 'text' | 'unread' | 'isBlank'>): readonly string[] {
  if (isBlank) return []
  if (text === '') return ['a picture in which no text can be read']
  const shapes = unread === 1 ? '1 shape was' : `${unread} shapes were`
  return [...readable(text), ...(unread === 0 ? [] : [`(${shapes} not read: \ufffd)`])]
}

/** Lines without a picture beside the words, and without room that is empty. */
function readable(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => (/^[\s\ufffd]*$/.test(line) ? '' : line))
  const first = lines.findIndex((line) => line !== '')
  const last = lines.findLastIndex((line) => line !== '')
  return lines.slice(Math.max(first, 0), last + 1).filter((line, i, all) => line !== '' || all[i - 1] !== '')
}

/** Colours of a terminal by those of a VGA card, which counts blue as 1 and red as 4. */
const SGR = [0, 4, 2, 6, 1, 5, 3, 7] as const

/** A character with its colours: numbers of VGA's palette, or `0xrrggbb`. */
export interface ColoredCell {
  readonly char: string
  readonly ink: number
  readonly paper: number
}

/** Cells as lines with SGR sequences. `isTrueColor`: colours are `0xrrggbb`, not numbers of the palette. */
export function colored(cells: readonly (readonly ColoredCell[])[], isTrueColor: boolean): string {
  const lines = cells.map((row) => {
    const end = row.findLastIndex(({ char }) => char !== ' ') + 1
    let line = ''
    let last = ''
    for (const cell of row.slice(0, end)) {
      const style = isTrueColor ? trueColor(cell) : palette(cell)
      if (style !== last) line += `\x1b[0${style}m`
      last = style
      line += cell.char
    }
    return last === '' ? line : `${line}\x1b[0m`
  })
  while (lines.at(-1) === '') lines.pop()
  return lines.join('\n')
}

/** Light grey on black is what a terminal shows by itself. */
function palette({ ink, paper }: ColoredCell): string {
  const plain = (SGR[ink & 7] as number) + (ink & 8 ? 90 : 30)
  const behind = (SGR[paper & 7] as number) + (paper & 8 ? 100 : 40)
  return `${ink === 7 ? '' : `;${plain}`}${paper === 0 ? '' : `;${behind}`}`
}

const rgb = (color: number) => `${color >> 16};${(color >> 8) & 255};${color & 255}`

const BLACK = 0
const GREYS: readonly number[] = [0xaaaaaa, 0xa8a8a8, 0xffffff, 0xc0c0c0]

function trueColor({ ink, paper }: ColoredCell): string {
  return `${GREYS.includes(ink) ? '' : `;38;2;${rgb(ink)}`}${paper === BLACK ? '' : `;48;2;${rgb(paper)}`}`
}
