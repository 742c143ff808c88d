import { describe, expect, it } from 'vitest'
import { showBootProgress } from './boot-progress.ts'
import { createOutput } from './output.ts'

const open = () => {
  const written: string[] = []
  const sink = { isTTY: true, columns: 60, write: (text: string) => written.push(text) }
  const output = createOutput({ isJson: false, stdout: sink, stderr: sink, env: { NO_COLOR: '1' } })
  const time = { ms: 0 }
  return { written, time, progress: showBootProgress(output, { sink, now: () => time.ms }) }
}

describe('the progress of a boot', () => {
  it('says at once that the machine is prepared, then what boots and how to leave', () => {
    const { written, progress } = open()
    expect(written).toEqual(['\r\x1b[Kpreparing the machine …'])
    progress.boots('Linux 6.1.0')
    expect(written.slice(1)).toEqual([
      '\r\x1b[K',
      'booting Linux 6.1.0 · Ctrl-A X ends · Ctrl-A H help\n',
      '\r\x1b[Kbooting …',
    ])
    progress.clear()
  })

  it('shows seconds and the last line of the console, and nothing after its end', () => {
    const { written, time, progress } = open()
    progress.boots('Linux')
    time.ms = 4260
    progress.saw(Buffer.from('one\ntwo\x1b[2J\n\n'))
    expect(written.at(-1)).toMatch(/booting: 4\.3 s · two/)
    expect(written.at(-1)?.slice(4)).not.toContain('\x1b')
    progress.clear()
    const count = written.length
    progress.saw(Buffer.from('late'))
    progress.preparing('late')
    progress.clear()
    expect(written.length).toBe(count)
  })
})
