import { expect, test } from 'vitest'
import { loaderTextOf } from './boot-loader-text.ts'
import { watchForPass } from './pass-watch.ts'

const loader = loaderTextOf({})

/** A console to which each text comes as a chunk. */
function watch(
  patterns: readonly string[],
  chunks: readonly string[],
  crashedAfter = Number.POSITIVE_INFINITY,
  replayed = 0,
) {
  const seen: unknown[] = []
  /** What is called once the guest has had time to go on. */
  const later = new Set<() => void>()
  let lines = 0
  let taken = 0
  let onLine: (line: string) => void = () => {}
  let onUnfinished: (rest: string) => void = () => {}
  watchForPass(
    {
      onLine: (listener) => {
        onLine = (line) => listener(line, 0)
      },
      onUnfinished: (listener) => {
        onUnfinished = listener
      },
      onDrawn: () => {},
      get isReplaying() {
        return taken < replayed
      },
    },
    {
      patterns,
      loader,
      hasCrashed: () => lines >= crashedAfter,
      onShown: (shown) => seen.push(shown),
      onceDrawn: (then) => {
        later.add(then)
        return { clear: () => later.delete(then) }
      },
      onSlow: (what) => seen.push(what),
    },
  )
  let partial = ''
  for (const chunk of chunks) {
    const parts = (partial + chunk).split('\n')
    partial = parts.pop() ?? ''
    for (const line of parts) {
      lines++
      onLine(line)
    }
    onUnfinished(partial)
    taken++
  }
  for (const then of later) then()
  return seen
}

test('the first line that matches is told once, with its number', () => {
  expect(watch(['ok', 'done'], ['boot\nall done\nok\n', 'ok\n'])).toEqual([{ text: 'done', line: 2 }])
  expect(watch(['ok'], ['1\n2\n', '3\nok'])).toEqual([{ text: 'ok', line: 4 }])
})

test('a prompt has no end, and may come in pieces', () => {
  expect(watch(['login: $'], ['x\nhost log', 'in: '])).toEqual([{ text: 'login: ', line: 2 }])
})

test('the end of a line counts once the line does not go on', () => {
  expect(watch(['^failures: 0$'], ['failures: 0', '7\n'])).toEqual([])
  expect(watch(['^failures: 0$'], ['failures: 0', '\nmore\n'])).toEqual([{ text: 'failures: 0', line: 1 }])
  expect(watch(['^failures: 0'], ['failures: 0', '7\n'])).toEqual([{ text: 'failures: 0', line: 1 }])
})

test('colours and control characters are not part of a line', () => {
  expect(watch(['^ALL PASSED$'], ['\x1b[32mALL\x1b[0m PASSED\x07\n'])).toEqual([
    { text: 'ALL PASSED', line: 1 },
  ])
})

test('what was printed before the guest was saved is counted as lines, but is no pass', () => {
  expect(watch(['done'], ['boot\ndone\n', 'on\ndone\n'], undefined, 1)).toEqual([{ text: 'done', line: 4 }])
  expect(watch(['done'], ['boot\ndone\n', 'on\n'], undefined, 1)).toEqual([])
})

test('nothing counts that comes after a crash', () => {
  expect(watch(['ok'], ['PANIC\nok\n'], 1)).toEqual([])
})

test('a search that would not end is given up', () => {
  expect(watch(['^(a+)+$'], [`${'a'.repeat(3000)}b\n`, 'aaa\n'])).toEqual([expect.stringContaining('500 ms')])
})

test('of a long line only the beginning is searched', () => {
  expect(watch(['end'], [`${'x'.repeat(5000)}end\n`])).toEqual([])
})

test('a menu that is drawn on the serial console is no word of the kernel', () => {
  const menu = '\x1b[2;24HGNU GRUB  version 2.06\n\x1b[4;2H+--\x1b[5;2H|\x1b[5;79H|'
  const entry = '\x1b[5;80H \x1b[7m\x1b[5;3H*Run: PASSED'
  expect(watch(['PASSED'], [menu, entry])).toEqual([])
  expect(watch(['PASSED'], [menu, entry, '\x1b[2J\x1b[1;1Hon\nPASSED\n'])).toMatchObject([{ text: 'PASSED' }])
})

test('menu and messages of GRUB are no words of the kernel', () => {
  expect(
    watch(
      ['GRUB', 'nosuch', 'key'],
      ["Welcome to GRUB!\nerror: file `/nosuch' not found.\nPress any key to continue..."],
    ),
  ).toEqual([])
  const seen: unknown[] = []
  let show: (lines: readonly string[]) => void = () => {}
  let isEarly = true
  let settle = () => {}
  const atEnd = watchForPass(
    { onLine: () => {}, onUnfinished: () => {}, onDrawn: () => {}, isReplaying: false },
    {
      patterns: ['PASSED'],
      loader,
      isEarly: () => isEarly,
      hasCrashed: () => false,
      onShown: (shown) => seen.push(shown),
      onceDrawn: (then) => {
        settle = then
        return {
          clear: () => {
            settle = () => {}
          },
        }
      },
      onSlow: () => {},
    },
    {
      onChange: (listener) => {
        show = listener
      },
    },
  )
  show(['of the boot: PASSED'])
  isEarly = false
  show(['of the boot: PASSED', ''])
  show([' GNU GRUB  version 2.06', '*Run: ALL PASSED'])
  // A menu whose title is drawn first.
  show(['Run: PASSED'])
  show(['Run: PASSED', 'Press [Tab] to edit options'])
  settle()
  show(['Run: PASSED', 'Loading /kernel... ok'])
  settle()
  expect(atEnd()).toBeUndefined()
  expect(seen).toEqual([])
  show(['of the boot: PASSED', 'ALL PASSED'])
  expect(seen).toEqual([])
  settle()
  expect(seen).toEqual([{ text: 'PASSED', line: 2, isOnScreen: true }])
})

test('a text that is drawn counts once the guest had time to draw on, or has ended', () => {
  const seen: unknown[] = []
  let print: (rest: string) => void = () => {}
  let draw: (lines: readonly string[]) => void = () => {}
  const atEnd = watchForPass(
    {
      onLine: () => {},
      onUnfinished: (listener) => {
        print = listener
      },
      onDrawn: (listener) => {
        draw = listener
      },
      isReplaying: false,
    },
    {
      patterns: ['PASSED'],
      loader,
      hasCrashed: () => false,
      onShown: (shown) => seen.push(shown),
      onceDrawn: () => ({ clear: () => {} }),
      onSlow: () => {},
    },
  )
  print('\x1b[15;33H ALL PASSED')
  expect(atEnd()).toEqual({ text: 'PASSED', line: 1 })
  draw(['ALL PASSED', 'Reboot Into Firmware Interface'])
  expect(atEnd()).toBeUndefined()
  draw(['tests: PASSED'])
  expect(atEnd()).toEqual({ text: 'PASSED', line: 1 })
  expect(seen).toEqual([])
})
