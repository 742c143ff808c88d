import { expect, test } from 'vitest'
import { Collector } from './collector.ts'
import { createOutput } from './output.ts'
import { createStatusLine } from './status-line.ts'

function statusOf(options: { readonly isTTY: boolean; readonly isJson?: boolean }) {
  const stderr = Object.assign(new Collector(), { isTTY: options.isTTY, columns: 20 })
  const output = createOutput({
    isJson: options.isJson === true,
    stdout: new Collector(),
    stderr,
    env: { NO_COLOR: '1' },
  })
  let now = 0
  return {
    stderr,
    status: createStatusLine(output, { sink: stderr, env: {}, now: () => now }),
    at: (ms: number) => {
      now = ms
    },
  }
}

test('a terminal has one line, cut to its width, not redrawn faster than a person reads, and removed', () => {
  const { stderr, status, at } = statusOf({ isTTY: true })
  status.phase('fetching')
  status.detail('10%')
  at(100)
  status.detail('a very long detail of it')
  status.clear()
  expect(stderr.text).toBe('\r\x1b[Kfetching …\r\x1b[Kfetching: a very lo\r\x1b[K')
})

test('a log has a line for each phase, and --json none', () => {
  const log = statusOf({ isTTY: false })
  for (const phase of ['fetching', 'fetching', 'writing']) log.status.phase(phase)
  log.status.detail('10%')
  log.status.clear()
  expect(log.stderr.text).toBe('fetching …\nwriting …\n')
  const json = statusOf({ isTTY: true, isJson: true })
  json.status.phase('fetching')
  json.status.clear()
  expect(json.stderr.text).toBe('')
})
