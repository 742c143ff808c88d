import { expect, it } from 'vitest'
import type { Argument, MachineView } from './device.ts'
import { checkIdePorts } from './ide-ports.ts'

const codes = (type: string, described: readonly Argument[], ...qemuArgs: readonly string[]) =>
  checkIdePorts({ type, qemuArgs } as unknown as MachineView, described).map((d) => d.code)
const at = (bus: string): Argument => ['-device', `ide-hd,id=d-${bus},bus=${bus}`]

it.each([
  ['q35', [], ['-cdrom', 'x'], []],
  ['q35', [at('ide.2')], ['-cdrom', 'x'], ['IDE_PORT_TAKEN']],
  ['q35', [at('ide.0')], ['-cdrom', 'x'], []],
  ['q35', [at('ide.0')], ['-drive', 'file=x'], ['IDE_PORT_TAKEN']],
  ['q35', [at('ide.0')], ['-drive', 'if=virtio,file=x'], []],
  ['q35', [at('ide.0')], ['-device', 'ide-cd,drive=b'], []],
  ['q35', [], ['-device', 'ide-cd', '-device', 'ide-cd'], ['IDE_PORT_TAKEN']],
  ['q35', [], ['-drive', 'file=x,index=6'], ['IDE_PORT_MISSING']],
  ['q35', [], ['-device', 'ide-cd,bus=ide.7'], ['IDE_PORT_MISSING']],
  ['q35', [], ['-device', 'ahci,id=own', '-device', 'ide-cd,bus=own.0', '-device', 'ide-cd,bus=own.0'], []],
  ['pc', [['-device', 'ide-hd,bus=ide.1,unit=0']], ['-cdrom', 'x'], ['IDE_PORT_TAKEN']],
  ['pc', [], ['-hda', 'x', '-hdb', 'x', '-hdc', 'x', '-hdd', 'x', '-device', 'ide-cd'], ['IDE_PORT_MISSING']],
  ['pc', [], ['-drive', 'file=x,index=4'], ['IDE_PORT_MISSING']],
  ['pc', [], ['-drive', 'file=x,bus=1,unit=0', '-cdrom', 'x'], ['IDE_PORT_TAKEN']],
] as const)('%s %j %j: %j', (type, described, own, expected) => {
  expect(codes(type, described as readonly Argument[], ...own)).toEqual(expected)
})
