import { describe, expect, it } from 'vitest'
import { type MachineReset, placeNow, ResetReader, ResetWatch } from './resets.ts'

/** QEMU 7.2, `-d cpu_reset`: a guest that SeaBIOS started, reset by QMP. SeaBIOS resets by port 0xcf9 and by a triple fault. */
const SEABIOS = `CPU Reset (CPU 0)
RAX=0000000000000000 RBX=0000000000000000
RIP=000000000010291a RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
CPU Reset (CPU 1)
RIP=00000000001053aa RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
Triple fault
CPU Reset (CPU 0)
EIP=000efaad EFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]
CPU Reset (CPU 1)
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1
CS =f000 ffff0000 0000ffff 00009b00
CPU Reset (CPU 0)
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =f000 ffff0000 0000ffff 00009b00`

function read(text: string): { readonly resets: readonly MachineReset[]; readonly isFaulted: boolean } {
  const reader = new ResetReader()
  for (const line of text.split('\n')) reader.line(line)
  const resets: MachineReset[] = []
  for (let reset = reader.take(); reset; reset = reader.take()) resets.push(reset)
  return { resets, isFaulted: reader.isFaulted }
}

describe('the log of resets', () => {
  it('says where CPU 0 was, and whether a triple fault came before', () => {
    expect(read(SEABIOS)).toEqual({
      resets: [
        { place: 'guest', tripleFault: false },
        { place: 'bios', tripleFault: true },
        { place: 'reset-vector', tripleFault: false },
      ],
      isFaulted: false,
    })
  })

  it('ends with a triple fault when no reset followed', () => {
    expect(read(`${SEABIOS}\nTriple fault`).isFaulted).toBe(true)
  })
})

describe('a reset', () => {
  const watch = (resets: readonly MachineReset[], reboot = false, tripleFault = false) => {
    const queue = [...resets]
    return new ResetWatch({ next: () => queue.shift() }, { reboot, tripleFault })
  }
  const byHost = { guest: false, hasSpoken: true }
  const byGuest = { guest: true, hasSpoken: true }
  const [asked, bios, echo] = read(SEABIOS).resets as [MachineReset, MachineReset, MachineReset]
  const fault: MachineReset = { place: 'guest', tripleFault: true }

  it('that was asked for, and what SeaBIOS does to complete it, is allowed', () => {
    const resets = watch([asked, bios, echo])
    expect([resets.reset(byHost), resets.reset(byGuest), resets.reset(byGuest)]).toEqual([
      'allowed',
      'allowed',
      'allowed',
    ])
    expect(resets.tripleFault).toBe(false)
  })

  it('that the firmware asks for again and again is allowed, and noticed', () => {
    const late: MachineReset = { place: 'bios', tripleFault: false }
    const rounds = Array.from({ length: 4 }, () => [bios, late]).flat()
    const resets = watch([asked, ...rounds])
    expect(resets.reset(byHost)).toBe('allowed')
    const seen = rounds.map(() => {
      expect(resets.reset(byGuest)).toBe('allowed')
      return resets.isInRhythm
    })
    expect(seen.indexOf(true)).toBe(rounds.length - 1)
  })

  it('by the guest that was not requested is a crash, also after one that was requested', () => {
    const resets = watch([asked, bios, asked])
    resets.reset(byHost)
    resets.reset(byGuest)
    expect(resets.reset(byGuest)).toBe('crash')
    expect(resets.tripleFault).toBe(false)
  })

  it('through the BIOS is the guest’s own when the firmware has completed the last one', () => {
    const resets = watch([asked, bios, bios])
    resets.reset(byHost)
    resets.reset(byGuest)
    expect(resets.reset(byGuest)).toBe('crash')
  })

  it('may come once more when the firmware or a silent kernel runs already', () => {
    const late: MachineReset = { place: 'bios', tripleFault: false }
    const again = watch([asked, bios, late, asked])
    for (const by of [byHost, byGuest, byGuest]) expect(again.reset(by)).toBe('allowed')
    expect(again.reset(byGuest)).toBe('crash')
    const kernel = watch([asked, bios, asked])
    for (const by of [byHost, byGuest, { guest: true, hasSpoken: false }])
      expect(kernel.reset(by)).toBe('allowed')
  })

  it('in order is allowed once', () => {
    const resets = watch([asked, bios, asked])
    resets.expect()
    expect(resets.reset(byGuest)).toBe('allowed')
    expect(resets.reset(byGuest)).toBe('allowed')
    expect(resets.reset(byGuest)).toBe('crash')
  })

  it('by a triple fault is a crash, also where the guest may reboot', () => {
    const resets = watch([asked, bios, fault], true)
    expect(resets.reset(byGuest)).toBe('allowed')
    expect(resets.reset(byGuest)).toBe('allowed')
    expect(resets.reset(byGuest)).toBe('crash')
    expect(resets.tripleFault).toBe(true)
  })

  it('by a triple fault is allowed where the user says so', () => {
    const resets = watch([asked, bios, fault], true, true)
    for (const _ of [asked, bios, fault]) expect(resets.reset(byGuest)).toBe('allowed')
    expect(resets.tripleFault).toBe(false)
  })

  it('of which the log says nothing ends no run', () => {
    expect(watch([]).reset(byGuest)).toBe('allowed')
  })
})

it('tells where CPU 0 stands by its registers', () => {
  const at = (cs: string, ip: string) =>
    placeNow(
      `\r\nCPU#0\r\nEAX=00000000 EBX=0\r\nEIP=${ip} EFL=00000002 [-------] CPL=0\r\nCS =f000 ${cs} 0000ffff 00009b00`,
    )
  expect(at('000f0000', '0000d1b0')).toBe('bios')
  expect(at('00000000', '00007c07')).toBe('guest')
  expect(at('ffff0000', '0000fff0')).toBe('reset-vector')
  expect(placeNow('unknown command')).toBeUndefined()
})
