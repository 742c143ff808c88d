/**
 * What a guest's console turned on in this terminal, and what turns it off again: the console is shown as it is, and a
 * guest that ends in `less` or with a hidden cursor must not leave the user's shell like that. Source: ctlseqs of xterm.
 */

/** Mouse, focus, bracketed paste, cursor keys and keypad; cursor shown, lines wrapped; keyboard protocols off. */
const RESET =
  '\x1b[?1l\x1b>\x1b[?9;1000;1002;1003;1004;1005;1006;1015;1016;2004;2026l\x1b[>4m\x1b[<9u\x1b[?7;25h' +
  // Soft reset; scroll region, which moves the cursor, and colours, character set and cursor shape.
  '\x1b[!p\x1b7\x1b[r\x1b8\x1b[0m\x1b(B\x0f\x1b[0 q'
const LEAVE_ALTERNATE = '\x1b[?1049l'
const ESCAPE = 0x1b
/** C1 in UTF-8 begins with this byte. */
const C1_LEAD = 0xc2

export interface TerminalModes {
  /** Takes what the terminal is shown. */
  take(chunk: Uint8Array): void
  /** What puts the terminal back; empty when no mode was changed. */
  reset(): string
}

export function watchModes(): TerminalModes {
  let hasAsked = false
  let isAlternate = false
  let rest = ''
  return {
    take(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      if (rest === '' && !bytes.includes(ESCAPE) && !bytes.includes(C1_LEAD)) return
      hasAsked = true
      const text = rest + bytes.toString('latin1')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
      for (const [, codes = '', final] of text.matchAll(/(?:\x1b\[|\xc2\x9b)\?([0-9;]{1,64})([hl])/g))
        if (/(?:^|;)(?:47|1047|1049)(?:;|$)/.test(codes)) isAlternate = final === 'h'
      // A sequence may be cut in two.
      const last = text.lastIndexOf('\x1b')
      rest = last !== -1 && text.length - last < 70 ? text.slice(last) : ''
    },
    reset: () => (hasAsked ? `${isAlternate ? LEAVE_ALTERNATE : ''}${RESET}` : ''),
  }
}

/**
 * Watches what goes to a terminal, and puts it back when the process ends, whatever ends it.
 *
 * @returns What takes each chunk; undefined where there is no terminal.
 */
export function guardTerminal(stream: NodeJS.WriteStream): ((chunk: Uint8Array) => void) | undefined {
  if (stream.isTTY !== true) return undefined
  const modes = watchModes()
  process.once('exit', () => stream.write(modes.reset()))
  return (chunk) => modes.take(chunk)
}
