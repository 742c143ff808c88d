import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { doctorJson, errorJson, machinesJson, planJson, runJson, runsJson } from '../../src/cli/shapes.ts'

/** What the built command really prints, against the shapes that programs may rely on. */
const bin = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-shapes-'))
afterAll(() => rmSync(folder, { recursive: true }))

function json(...argv: readonly string[]): unknown {
  const { stdout, stderr } = spawnSync(process.execPath, [bin, ...argv, '--json'], {
    cwd: folder,
    encoding: 'utf8',
  })
  // What takes long is named on standard error, and nothing else is there.
  expect(stderr).toMatch(/^(?:.* …\n)*$/)
  return JSON.parse(stdout)
}

test('run, then runs', () => {
  const result = runJson.parse(json('run', '--numa', '2', '--nvdimm', '16M,node=1'))
  expect(result).toMatchObject({ verdict: 'passed', exitCode: 0 })
  expect(runsJson.parse(json('runs'))).toMatchObject({ runs: [{ verdict: 'passed', folder: result.folder }] })
  expect(runsJson.parse(json('runs', 'show'))).toMatchObject({ result: { verdict: 'passed' } })
  expect(runsJson.parse(json('runs', 'path'))).toMatchObject({ folder: result.folder })
  const own = result.guests[0]?.result?.folder
  expect(runsJson.parse(json('runs', 'path', '--guest', 'default'))).toMatchObject({ folder: own })
  expect(runsJson.parse(json('runs', 'show', '--console'))).toHaveProperty('console')
  expect(runsJson.parse(json('runs', 'prune', '--keep', '0'))).toMatchObject({
    deleted: [expect.any(String)],
  })
})

test('a run that is refused', () => {
  const { diagnostics } = errorJson.parse(json('run', '--numa', '2', '--nvdimm', '16M,node=7,label=4K'))
  expect(diagnostics.map((d) => d.code)).toEqual(
    expect.arrayContaining(['NVDIMM_NODE_MISSING', 'NVDIMM_LABEL_TOO_SMALL']),
  )
})

test('plan, of a good machine and of a bad one', () => {
  expect(planJson.parse(json('plan')).diagnostics.filter((d) => d.severity === 'error')).toEqual([])
  const { diagnostics } = planJson.parse(json('plan', '--numa', '2', '--nvdimm', '16M,node=7'))
  expect(diagnostics.filter((d) => d.severity === 'error').map((d) => d.code)).toEqual([
    'NVDIMM_NODE_MISSING',
  ])
})

test('machines', () => {
  expect(machinesJson.parse(json('machines'))).toMatchObject({
    configFile: null,
    machines: [{ isDefault: true }],
  })
  expect(machinesJson.parse(json('machines', 'default'))).toMatchObject({
    name: 'default',
    view: { ramBytes: 536870912 },
  })
})

test('doctor', () => {
  const found = doctorJson.parse(json('doctor'))
  expect(found.isReady).toBe(true)
  expect(found.qemu[0]?.accelerators.map((a) => a.name)).toEqual(['kvm', 'tcg'])
})

test('a reader that goes away is no error', () => {
  const script = `"${process.execPath}" "${bin}" machines --json | head -c 1; echo "\${PIPESTATUS[0]}"`
  expect(execFileSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' })).toBe('{0\n')
})
