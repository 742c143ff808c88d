import { describe, expect, test } from 'vitest'
import type { Command } from './command.ts'
import { COMMANDS } from './commands.ts'
import { helpItem } from './help.ts'
import { main } from './main.ts'
import { widthOf } from './width.ts'

describe('an item of the help', () => {
  test('has its description beside the term where there is room', () => {
    expect(helpItem('--json', 10, 'print JSON', 80)).toBe('  --json      print JSON')
  })
  test('has it below on a narrow page', () => {
    expect(helpItem('--json', 10, 'print JSON', 40)).toBe('  --json\n      print JSON')
  })
})

function pagesOf(name: string, { subcommands = {} }: Command): readonly (readonly string[])[] {
  return [
    [name],
    ...Object.entries(subcommands).flatMap(([below, c]) => pagesOf(below, c).map((p) => [name, ...p])),
  ]
}

async function help(words: readonly string[], columns: number): Promise<readonly string[]> {
  const out: string[] = []
  const sink = { write: (text: string) => out.push(text), isTTY: true, columns }
  const { signal } = new AbortController()
  const environment = { stdout: sink, stderr: sink, env: { NO_COLOR: '1' }, cwd: '/', signal, version: '1' }
  expect(await main([...words, '--help'], environment)).toBe(0)
  return out.join('').split('\n')
}

describe.each([40, 80])('on %i columns', (columns) => {
  test.each(COMMANDS.map((entry) => [entry.name, entry] as const))('%s --help fits', async (name, entry) => {
    const { command } = await entry.load()
    for (const page of pagesOf(name, command)) {
      const long = (await help(page, columns)).filter(
        (line) => widthOf(line) > columns && line.trim().replace(/ \\$/, '').includes(' '),
      )
      expect(long).toEqual([])
    }
  })

  test('a subcommand lists its own options, those that it has in common with the command above included', async () => {
    const text = (await help(['sweep', 'show'], columns)).join('\n')
    for (const option of ['--cells', '--junit <file>', '--csv <file>', '--tap', '--ktap', '--github'])
      expect(text).toContain(`  ${option}`)
    // Options of the command above that the subcommand does not take.
    for (const option of ['--only', '--dry-run', '--resume']) expect(text).not.toContain(option)
    expect((await help(['sweep', 'report'], columns)).join('\n')).toContain('-o, --output <file>')
  })

  test('the first page names the guide', async () => {
    expect((await help([], columns)).join('\n')).toMatch(/Documentation:\n {2}\/.*getting-started\.md/)
  })
})
