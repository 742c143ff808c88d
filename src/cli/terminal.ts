/**
 * Ties the guest's console to this terminal, with QEMU's own escapes: Ctrl-A X ends the guest, Ctrl-A R resets it,
 * Ctrl-A H helps, Ctrl-A Ctrl-A sends a Ctrl-A.
 */
const CTRL_A = 1

const HELP =
  '\r\nCtrl-A X  end the guest\r\nCtrl-A R  press its reset button\r\nCtrl-A H  this help\r\nCtrl-A Ctrl-A  send Ctrl-A\r\n'

/** Splits bytes from the keyboard into input for the guest and commands for bringup. Pure. */
export function createEscapes(): (input: Uint8Array) => {
  readonly forGuest: Uint8Array
  readonly commands: readonly ('end' | 'reset' | 'help')[]
} {
  let isEscaped = false
  return (input) => {
    const forGuest: number[] = []
    const commands: ('end' | 'reset' | 'help')[] = []
    for (const byte of input) {
      if (!isEscaped && byte === CTRL_A) {
        isEscaped = true
        continue
      }
      if (!isEscaped || byte === CTRL_A) forGuest.push(byte)
      else if (byte === 0x78 || byte === 0x58) commands.push('end')
      else if (byte === 0x72 || byte === 0x52) commands.push('reset')
      else if (byte === 0x68 || byte === 0x48) commands.push('help')
      isEscaped = false
    }
    return { forGuest: Uint8Array.from(forGuest), commands }
  }
}

/** What keys do. */
export interface KeyActions {
  readonly send: (bytes: Uint8Array) => void
  readonly end: () => void
  readonly reset: () => void
  readonly say: (text: string) => void
}

/** Puts the terminal in raw mode and connects it; returns a function that restores it. Does nothing without a terminal. */
export function attachTerminal(input: NodeJS.ReadStream, actions: KeyActions): () => void {
  if (!input.isTTY) return () => {}
  const escapes = createEscapes()
  const onData = (chunk: Buffer) => {
    const { forGuest, commands } = escapes(chunk)
    if (forGuest.length > 0) actions.send(forGuest)
    for (const command of commands) {
      if (command === 'help') actions.say(HELP)
      else actions[command]()
    }
  }
  input.setRawMode(true)
  input.on('data', onData)
  input.resume()
  return () => {
    input.off('data', onData)
    input.setRawMode(false)
    input.pause()
  }
}
