/**
 * What was typed comes back: the echo is no answer. The first place after the typing where a typed line stands is its
 * echo, and a match there does not count. Only patterns that match the typed text itself can be met by an echo. Pure.
 */
import { literalPattern } from '../pattern.ts'

/** What came without the echo of a line, in characters: such a guest does not echo. */
const MOST_WITHOUT = 256 * 1024

/** Line editors move the cursor, and put colours between the letters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what may be between letters
const CONTROL_SEQUENCE = /\x1b(?:\[[0-?]*[ -/]*[@-~]|O[A-Z])/g
const BETWEEN = '(?:\\x1b\\[[0-?]*[ -/]*[@-~]|\\r)*'

/** The pieces of a typed text that an echo shows as they are. */
export function typedPieces(text: string): readonly string[] {
  return (
    text
      .replaceAll(CONTROL_SEQUENCE, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal shows these as something else
      .split(/[\x00-\x1f\x7f]+/)
      .filter((piece) => piece.trim() !== '')
  )
}

/** Those of keys: `<enter>` is no text. */
export function keyPieces(keys: string | readonly string[]): readonly string[] {
  return typeof keys === 'string' ? typedPieces(keys.replaceAll(/<[^<>\s]+>/g, '\n')) : []
}

interface Piece {
  readonly text: string
  readonly echo: RegExp
  /** Where the console was when it was typed. */
  readonly from: number
}

/** What a wait on the console found. */
interface Match {
  readonly before: string
  readonly text: string
}

/** `unsure`: it may be the beginning of an echo, the rest of which has not come yet. */
export type Kind = 'answer' | 'echo' | 'unsure'

/** Echoes on a console, whose text is used up match by match. Positions count its characters. */
export class ConsoleEcho {
  #pieces: readonly Piece[] = []
  /** What was used up since the first piece was typed. */
  #used = ''
  #begin = 0

  /** @param unread what the console has shown since the last match */
  type(text: string, unread: string): void {
    const from = this.#begin + this.#used.length + unread.length
    const more = typedPieces(text).map((piece) => ({ text: piece, echo: echoOf(piece), from }))
    this.#pieces = [...this.#pieces, ...more]
  }

  /** @param unread what came after the match */
  judge({ before, text }: Match, unread: string, pattern: RegExp): Kind {
    const all = this.#used + before + text + unread
    const end = this.#used.length + before.length + text.length
    const start = end - text.length
    const kinds = this.#pieces
      .filter((piece) => pattern.test(piece.text))
      .map((piece): Kind => {
        const found = this.#find(piece, all)
        if (found) return start < found.end && end > found.start ? 'echo' : 'answer'
        const begun = begunAt(all, piece.text, Math.max(0, piece.from - this.#begin))
        return begun !== undefined && end > begun ? 'unsure' : 'answer'
      })
    return kinds.find((kind) => kind === 'echo') ?? kinds.find((kind) => kind === 'unsure') ?? 'answer'
  }

  /** That text is used up, as an answer or not. Echoes in it, or beginning in it, are over. */
  use({ before, text }: Match, unread: string): void {
    const end = this.#used.length + before.length + text.length
    const all = this.#used + before + text + unread
    const length = all.length - unread.length
    this.#pieces = this.#pieces.filter((piece) => {
      const found = this.#find(piece, all)
      return found ? found.end > end : this.#begin + length - piece.from < MOST_WITHOUT
    })
    this.#used = all.slice(0, length)
    if (this.#pieces.length > 0) return
    this.#begin += length
    this.#used = ''
  }

  #find({ echo, from }: Piece, all: string): { readonly start: number; readonly end: number } | undefined {
    const begin = Math.max(0, from - this.#begin)
    const found = echo.exec(all.slice(begin))
    if (!found) return undefined
    const start = begin + found.index
    return { start, end: start + found[0].length }
  }
}

const echoOf = (piece: string) => new RegExp([...piece].map(literalPattern).join(BETWEEN))

/** Where a text ends with the beginning of a piece. */
function begunAt(all: string, piece: string, from: number): number | undefined {
  for (let length = Math.min(piece.length - 1, all.length - from); length > 0; length--)
    if (all.endsWith(piece.slice(0, length))) return all.length - length
  return undefined
}

/** Lines of a screen without the first place of each piece that the pattern matches; the last line may end within it. */
export function withoutEcho(
  lines: readonly string[],
  pieces: readonly string[],
  pattern: RegExp,
): readonly string[] {
  return pieces
    .filter((piece) => pattern.test(piece))
    .reduce((all, piece) => {
      const at = all.findIndex((line) => line.includes(piece))
      const last = all.findLastIndex((line) => line.trim() !== '')
      const begun = at < 0 ? begunAt(all[last] ?? '', piece, 0) : undefined
      return all.map((line, i) => {
        if (i === at) return line.replace(piece, () => '')
        return i === last && begun !== undefined ? line.slice(0, begun) : line
      })
    }, lines)
}
