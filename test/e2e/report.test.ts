/** `bringup report` of real runs, opened in a browser. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { reportJson } from '../../src/cli/shapes.ts'
import { Chromium } from '../support/chromium.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-report-'))
let browser: Chromium

function bringup(...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return { status, stdout, stderr }
}

const guestFolder = () => bringup('runs', 'path', '--guest', 'default').stdout.trim()

beforeAll(async () => {
  browser = await Chromium.start()
  expect(bringup('run', '--numa', '2', '--nvdimm', '16M,node=1').status).toBe(0)
})
afterAll(async () => {
  await browser[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

/** Targets of links that the page does not have, pictures without a text, tables without heads, controls without names. */
const FAULTS = `[
  ...[...document.querySelectorAll('a[href^="#"]')].filter((a) => !document.getElementById(a.hash.slice(1))).map((a) => 'link ' + a.hash),
  ...[...document.querySelectorAll('a:not([href^="#"])')].map((a) => 'link out ' + a.href),
  ...[...document.querySelectorAll('img:not([alt]), svg[role=img]:not([aria-label])')].map((n) => 'no text ' + n.outerHTML.slice(0, 80)),
  ...[...document.querySelectorAll('table')].filter((t) => !t.querySelector('th[scope]')).map(() => 'table'),
  ...[...document.querySelectorAll('button')].filter((b) => b.textContent === '').map(() => 'button'),
  ...[...document.querySelectorAll('[id]')].map((n) => n.id).filter((id, i, all) => all.indexOf(id) !== i).map((id) => 'id twice ' + id),
  ...[...document.querySelectorAll('*')].filter((n) => [...n.attributes].some((a) => /^on|^style$/.test(a.name))).map((n) => 'handler ' + n.outerHTML.slice(0, 80)),
  ...(document.documentElement.scrollWidth > innerWidth ? ['wider than the window'] : []),
]`

it.each(['light', 'dark'] as const)('shows a run in a %s browser', async (scheme) => {
  const file = join(folder, `${scheme}.html`)
  const said = reportJson.parse(JSON.parse(bringup('report', '--output', file, '--json').stdout))
  expect(said).toMatchObject({ file, bytes: statSync(file).size })
  browser.log.length = 0
  await browser.open(file, scheme)
  const text = await browser.evaluate<string>('document.body.innerText')
  expect(text).toMatch(/✓ passed/)
  for (const heading of [
    'Machine',
    'Description and guest compared',
    'Console',
    'Time line',
    'Repeat this run',
  ])
    expect(text).toContain(heading)
  expect(text).toMatch(/nvdimm nvdimm0\s+size\s+16M\s+16M\s+probe kernel/)
  expect(text).toMatch(/debugExit\s+port\s+not compared: only a run that ends through it proves it/)
  expect(text).toMatch(/\d\.\d{3}\s*\{"t":"stage","name":"real"\}/)
  expect(text).toContain('bringup run --numa 2 --nvdimm 16M,node=1')
  expect(await browser.evaluate(FAULTS)).toEqual([])
  expect(browser.log).toEqual([])
  const background = await browser.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  expect(background).toBe(scheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(18, 22, 28)')
})

it('is complete without JavaScript, and on a narrow screen', async () => {
  const file = join(folder, 'plain.html')
  bringup('report', '--output', file)
  const metrics = { width: 400, height: 800, deviceScaleFactor: 1, mobile: false }
  await browser.send('Emulation.setDeviceMetricsOverride', metrics)
  await browser.open(file, 'light', false)
  const text = await browser.evaluate<string>('document.body.innerText')
  expect(await browser.evaluate('document.querySelectorAll("button").length')).toBe(0)
  expect(text).toContain('Repeat this run')
  await browser.open(file)
  expect(await browser.evaluate(FAULTS)).toEqual([])
  await browser.send('Emulation.clearDeviceMetricsOverride')
})

it('is worked by keyboard: links, consoles and details', async () => {
  await browser.open(join(folder, 'light.html'))
  const names: string[] = []
  for (let i = 0; i < 12; i++) {
    await browser.press('Tab')
    names.push(
      await browser.evaluate(
        'document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent.trim()',
      ),
    )
  }
  expect(names).toEqual(
    expect.arrayContaining([
      'Skip to the content',
      'Console',
      'Show all lines',
      'Console of default',
      'Copy the command',
    ]),
  )
})

it('escapes all that a guest prints, and shows the start and the end of 100 MB', async () => {
  const guest = guestFolder()
  const hostile = [
    '<script>document.title = "taken over"</script>',
    '</pre></main><img src="x" onerror="document.title = 1">',
    '<style>body { display: none }</style><meta http-equiv="refresh" content="0;url=https://example.com">',
    '\x1b[6n\x1b]0;title\x07 \x00 \u202e reversed \u2028 &lt; &amp; "quoted" \'single\'',
    'javascript:alert(1) `1` <!-- --> ]]> <svg onload=alert(1)>',
  ].join('\r\n')
  const line = `${'<b>'.repeat(25)}\n`
  const filler = Buffer.from(line.repeat(Math.ceil((100 * 1024 * 1024) / line.length)))
  const broken = Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0xf0, 0x28, 0x8c, 0x0a])
  const log = Buffer.concat([
    Buffer.from(`${hostile}\n`),
    broken,
    filler,
    Buffer.from(`${hostile}\nthe end\n`),
  ])
  writeFileSync(join(guest, 'console.log'), log)
  writeFileSync(join(guest, 'console.timing'), `1.5 ${log.length - 8}\n2.25 8\n`)
  writeFileSync(join(guest, 'screen.txt'), hostile)
  const file = join(folder, 'hostile.html')
  expect(bringup('report', '--output', file).status).toBe(0)
  expect(statSync(file).size).toBeLessThan(5 * 1024 * 1024)
  browser.log.length = 0
  await browser.open(file)
  expect(await browser.evaluate('document.title')).toBe('passed: default')
  const text = await browser.evaluate<string>('document.querySelector("pre.log").textContent')
  expect(text).toContain('1.500<script>document.title = "taken over"</script>\n')
  expect(text).toContain('\\x1b[6n')
  expect(text).toContain('\\u202e reversed \\u2028 &lt; &amp;')
  expect(text).toContain('\ufffd\ufffd\ufffd(\ufffd(\ufffd\n')
  expect(text).toMatch(/M not shown: see guests\/default\/console\.log/)
  expect(text).toMatch(/3\.750the end\n$/)
  expect(await browser.evaluate(FAULTS)).toEqual([])
  expect(browser.log).toEqual([])
  expect(await browser.evaluate('document.querySelectorAll("script").length')).toBe(1)
})

it('allows no script that was not there when it was written', async () => {
  const file = join(folder, 'edited.html')
  const text = readFileSync(join(folder, 'light.html'), 'utf8')
  writeFileSync(file, text.replace('</main>', '<script>document.title = "taken over"</script></main>'))
  browser.log.length = 0
  await browser.open(file)
  expect(await browser.evaluate('document.title')).toBe('passed: default')
  expect(browser.log.join('\n')).toMatch(/Content Security Policy/)
})

it('summarizes a failed run as Markdown that a guest cannot break', () => {
  const { status } = bringup('run', '--numa', '2', '--timeout', '1ms')
  expect(status).not.toBe(0)
  writeFileSync(join(guestFolder(), 'console.log'), '```\n# not a title <script>\n````\n')
  const { stdout } = bringup('report', '--markdown')
  expect(stdout).toMatch(/^### (?:◷|!|✗) default: [a-z-]+\n/)
  expect(stdout).toContain('`````text\n```\n# not a title <script>\n````\n\n`````'.replace('\n\n', '\n'))
  expect(stdout).toContain('Repeat: `bringup run --numa 2 --timeout 1ms`')
})

it('says what is wrong with what it was asked for', () => {
  expect(bringup('report', 'nothing').stderr).toContain('RUN_NOT_FOUND')
  expect(bringup('report', '--output', '/nowhere/at/all.html').stderr).toContain('OPTION_FILE_NOT_WRITTEN')
  expect(bringup('report', '--output', '-', '--json').stdout).toContain('--json prints where the report is')
})

it('replaces an earlier report, and no other file', () => {
  const file = join(folder, 'bringup.config.ts')
  writeFileSync(file, 'export default {}\n')
  for (const more of [[], ['--markdown']]) {
    const { status, stderr } = bringup('report', '-o', file, ...more)
    expect([status, stderr]).toEqual([2, expect.stringContaining('error OPTION_FILE_TAKEN')])
  }
  expect(readFileSync(file, 'utf8')).toBe('export default {}\n')
  rmSync(file)
  const report = join(folder, 'kept.report')
  for (const more of [[], [], ['--markdown'], ['--markdown'], []])
    expect(bringup('report', '-o', report, ...more)).toMatchObject({ status: 0 })
})
