import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestKernelEnd, testKernel } from '../../test/support/test-kernel.ts'
import type { QemuCapabilities } from '../machine/facts.ts'
import { type AcceleratorRequest, proveAccelerators } from './accelerators.ts'
import { readCapabilities } from './capabilities.ts'
import { findQemu } from './find.ts'
import { judgeTrial } from './trial.ts'

const folder = mkdtempSync(join(tmpdir(), 'accelerators-'))
afterAll(() => rmSync(folder, { recursive: true }))
let qemu: QemuCapabilities
beforeAll(async () => {
  qemu = await readCapabilities(findQemu('x86_64'), 'x86_64', join(folder, 'qemu'))
})

const line = (t: string, more: object = {}) => `${JSON.stringify({ t, ...more })}\n`
const stages = (...names: readonly string[]) => names.map((name) => line('stage', { name })).join('')
const GOOD =
  stages('rep-stosb', 'cpu2') +
  line('selftest', { longMode: true, timer: true, cpus: 2 }) +
  line('end', { exit: 16 })

let count = 0
function request(
  text: string,
  end: TestKernelEnd,
  more: Partial<AcceleratorRequest> = {},
): AcceleratorRequest {
  count += 1
  const cacheFolder = join(folder, `cache${count}`)
  const probeKernel = join(folder, `kernel${count}.elf`)
  writeFileSync(probeKernel, testKernel(text, end))
  return { qemu, names: ['tcg'], probeKernel, cacheFolder, ...more }
}
async function one(asked: AcceleratorRequest) {
  const [fact] = await proveAccelerators(asked)
  if (!fact) throw new Error('no fact')
  return fact
}

describe('a trial guest', () => {
  test('that ran and said so proves its accelerator', async () => {
    const fact = await one(request(GOOD, { exit: 0x10 }))
    expect(fact).toMatchObject({ name: 'tcg', works: true, stage: 'cpu2' })
    expect(fact.reason).toBe('a trial guest ran: long mode, rep stosb, exceptions, a timer interrupt, 2 CPUs')
  })

  test('that hangs is ended by the deadline, and where it hung is said', async () => {
    const fact = await one(request(stages('rep-stosb'), 'hang', { deadlineMs: 500 }))
    expect(fact).toMatchObject({
      works: false,
      stage: 'rep-stosb',
      reason: 'the guest hung at rep stosb (no end within 0.5 s)',
    })
  })

  test('that never spoke', async () => {
    expect(await one(request('', 'hang', { deadlineMs: 300 }))).toMatchObject({
      works: false,
      reason: 'the guest hung before it said anything (no end within 0.3 s)',
    })
  })

  test('that triple-faults', async () => {
    expect(await one(request(stages('rep-stosb', 'exception'), 'triple-fault'))).toMatchObject({
      works: false,
      reason: 'the guest reset itself or triple-faulted at taking an exception',
    })
  })

  test('that ends well without having tested anything proves nothing', async () => {
    expect(await one(request('', { exit: 0x10 }))).toMatchObject({ works: false })
    expect(await one(request(GOOD, { exit: 0x11 }))).toMatchObject({ works: false })
  })

  test('that found a fault itself', async () => {
    const text = stages('cpu2') + line('selftest', { timer: false, cpus: 1 }) + line('end')
    expect((await one(request(text, { exit: 0x10 }))).reason).toBe(
      'the guest found that timer did not work, only 1 of 2 CPUs started',
    )
  })

  test('that QEMU refuses is told in QEMU’s words', async () => {
    expect((await one(request(GOOD, { exit: 0x10 }, { cpuModel: 'no-such-cpu' }))).reason).toMatch(
      /^QEMU ended with status 1 before it said anything: unable to find CPU model 'no-such-cpu'/,
    )
  })

  test('is ended by the signal, and nothing is kept', async () => {
    const abort = new AbortController()
    const asked = request('', 'hang', { signal: abort.signal })
    const fact = one(asked)
    abort.abort(new Error('enough'))
    await expect(fact).rejects.toThrow('enough')
    expect(kept(asked)).toBe(0)
  })
})

function kept({ cacheFolder }: AcceleratorRequest): number {
  try {
    return readdirSync(join(cacheFolder, 'accelerators')).length
  } catch {
    return 0
  }
}

describe('what is kept', () => {
  test('costs nothing the second time, and is asked again when the kernel changes or on request', async () => {
    const asked = request(GOOD, { exit: 0x10 })
    const first = await one(asked)
    const answer = () => {
      const folder = join(asked.cacheFolder, 'accelerators')
      return readdirSync(folder).map((name) => statSync(join(folder, name)).ino)
    }
    const before = answer()
    expect(await one(asked)).toEqual(first)
    // A trial would have kept a new file.
    expect(answer()).toEqual(before)
    expect(kept(asked)).toBe(1)
    writeFileSync(asked.probeKernel ?? '', testKernel('', { exit: 1 }))
    expect((await one(asked)).works).toBe(false)
    writeFileSync(asked.probeKernel ?? '', testKernel(GOOD, { exit: 0x10 }))
    expect((await one({ ...asked, refresh: true })).works).toBe(true)
  })

  test('broken files are made anew', async () => {
    const asked = request(GOOD, { exit: 0x10 })
    await one(asked)
    const store = join(asked.cacheFolder, 'accelerators')
    for (const broken of ['', '{"name":', 'null', '{"name":"kvm"}']) {
      for (const name of readdirSync(store)) writeFileSync(join(store, name), broken)
      expect((await one(asked)).works).toBe(true)
    }
  })

  test('a failure of TCG is not kept, nor one of KVM whose QEMU was killed from outside', async () => {
    const tcg = request('', { exit: 1 })
    expect((await one(tcg)).works).toBe(false)
    expect(kept(tcg)).toBe(0)
    const killed = { status: null, signal: 'SIGKILL', stderr: '', diagnostics: [] } as const
    const end = { text: '', hung: undefined, deadlineMs: 1 }
    expect(judgeTrial({ ...end, exit: killed }).isCertain).toBe(false)
    expect(judgeTrial({ ...end, exit: { ...killed, signal: 'SIGABRT' } }).isCertain).toBe(true)
    expect(judgeTrial({ ...end, hung: 'deadline', exit: killed }).isCertain).toBe(true)
    const starved = judgeTrial({ ...end, hung: 'starved', deadlineMs: 2500, exit: killed })
    expect(starved).toMatchObject({ works: false, isCertain: false })
    expect(starved.reason).toContain('had not ended after 20 s (before it said anything), of which it ran')
    for (const words of ['Cannot allocate memory', 'Too many open files', 'No space left on device'])
      expect(
        judgeTrial({ ...end, exit: { ...killed, signal: null, status: 1, stderr: words } }),
      ).toMatchObject({
        works: false,
        isCertain: false,
      })
  })

  test('trials in parallel run one after another, and only the first does any work', async () => {
    const asked = request(GOOD, { exit: 0x10 })
    const facts = await Promise.all(Array.from({ length: 4 }, () => one(asked)))
    expect(new Set(facts.map((fact) => fact.tookMs)).size).toBe(1)
  })

  test('a slow TCG is not remembered as broken', async () => {
    const asked = request('', 'hang', { deadlineMs: 100 })
    await one(asked)
    expect(kept(asked)).toBe(0)
  })
})

describe('without a trial', () => {
  test('an accelerator that is not compiled in', async () => {
    const asked = request(GOOD, { exit: 0x10 })
    expect((await one({ ...asked, qemu: { ...qemu, accelerators: [] } })).reason).toMatch(
      /was built without TCG$/,
    )
  })

  test('KVM without its device, or without a kernel to try it, does not count', async () => {
    const asked = request(GOOD, { exit: 0x10 }, { names: ['kvm'], kvmPath: join(folder, 'no-kvm') })
    const both = { ...qemu, accelerators: ['kvm', 'tcg'] }
    expect(await one({ ...asked, qemu: both })).toMatchObject({
      works: false,
      reason: expect.stringMatching(/no-kvm does not exist; /),
    })
    const device = join(folder, 'kvm')
    mkdirSync(folder, { recursive: true })
    writeFileSync(device, '')
    const unproven = {
      ...asked,
      qemu: both,
      kvmPath: device,
      probeKernel: undefined,
      kernelProblem: 'there is no "cc" in PATH',
    }
    expect(await one(unproven)).toMatchObject({
      works: false,
      reason: expect.stringMatching(/^unproven, so not used: there is no "cc"/),
    })
    expect(await one({ ...unproven, names: ['tcg'] })).toMatchObject({
      works: true,
      reason: expect.stringMatching(/^unproven, but/),
    })
  })
})

test('both are asked by default, KVM first', async () => {
  const facts = await proveAccelerators({ ...request(GOOD, { exit: 0x10 }), names: undefined })
  expect(facts.map((f) => f.name)).toEqual(['kvm', 'tcg'])
  expect(facts[1]?.works).toBe(true)
})
