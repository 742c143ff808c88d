/** The first hour of a Linux developer: `bringup run --profile linux` in a terminal of 80x24 (tmux). */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openTerminal, type Terminal } from '../support/tmux.ts'

const minutes = { timeout: 1_200_000 }

let terminal: Terminal
beforeEach(async () => {
  terminal = await openTerminal()
})
afterEach(() => terminal[Symbol.asyncDispose]())

const tmux: Terminal['tmux'] = (...words) => terminal.tmux(...words)
const bringup: Terminal['bringup'] = (words) => terminal.bringup(words)
const type: Terminal['type'] = (line) => terminal.type(line)
const shows: Terminal['shows'] = (pattern) => terminal.shows(pattern)

/** The QEMU that works in this folder. */
function qemuOf(cwd: string): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  const found = pids.find((pid) => {
    try {
      return (
        readlinkSync(`/proc/${pid}/cwd`) === cwd &&
        readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu')
      )
    } catch {
      return false
    }
  })
  if (found === undefined) throw new Error(`no QEMU in ${cwd}`)
  return Number(found)
}

describe('a shell in a Linux guest', () => {
  test('has the terminal of its user, and its exit code', minutes, async () => {
    await bringup('run --profile linux')
    await shows(/preparing the machine|booting/)
    expect(await shows(/guest:\/#$/)).toMatch(/^booting Linux \d\S+ · Ctrl-A X ends · Ctrl-A H help$/m)
    await type('stty size; tty; echo $TERM')
    await shows(/^24 80\n\/dev\/pts\/0\n(screen|tmux)\S*\n+guest:\/#$/m)
    await tmux('resize-window', '-x', '100', '-y', '30')
    await shows(/guest:\/#$/)
    await type('stty size')
    await shows(/^30 100\n+guest:\/#$/m)
    // Ctrl-C reaches the command once it has printed, and keys reach the shell once it has its prompt: ash and the kernel
    // lose what is typed while they change the modes of the terminal.
    await type(`sh -c 'clear; echo be""gun; exec sleep 1000'`)
    await shows(/^begun$/m)
    await tmux('send-keys', 'C-c')
    await shows(/\^C\n+guest:\/#$/)
    await type('echo code $?')
    await shows(/^code 130\n+guest:\/#$/m)
    await type('vi /etc/passwd')
    await shows(/\n~\n[\s\S]*- \/etc\/passwd/)
    await type(':q')
    await shows(/guest:\/#$/)
    await type('exit 7')
    expect(await shows(/command returned 7[\s\S]*host>$/)).toMatch(/^failed the command returned 7 · /m)
    await type('echo host code $?; stty -a | grep -o " -*icanon"')
    await shows(/^host code 7\n icanon/m)
  })

  test('ends by Ctrl-A X, poweroff and the death of QEMU, with the terminal as it was', minutes, async () => {
    await bringup('run --profile linux -- cat')
    await shows(/^(?:booting|restoring) Linux[^\n]*$(?!\n+(?:booting|restoring))/m)
    await tmux('send-keys', 'C-a', 'x')
    await shows(/^interrupted ended by you/m)
    await type('clear; stty -a | grep -o " -*icanon"')
    await shows(/^ icanon/m)
    await bringup('run --profile linux')
    await shows(/guest:\/#$/)
    await type('poweroff')
    await shows(/^passed the guest powered off/m)
    await type('clear')
    await bringup('run --profile linux')
    await shows(/guest:\/#$/)
    await type('printf "\\033[?1049h"; echo on the other screen')
    await shows(/^on the other screen$/m)
    process.kill(qemuOf(terminal.folder), 'SIGKILL')
    await shows(/^machine-failed /m)
    await type('clear; stty -a | grep -o " -*icanon"')
    await shows(/^ icanon/m)
  })
})
