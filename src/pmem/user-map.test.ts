/** What is read from a command line is what a kernel made of it: the maps were logged by guests with Linux 6.1. */
import { expect, test } from 'vitest'
import { RECORDED } from '../../test/pmem/memmap-forms.ts'
import { formatSpan, type MemoryRange } from './memory-map.ts'
import { parseFirmwareLog, parseUserLog } from './parse-map.ts'
import { parseParameters } from './parse-parameters.ts'
import { userMap } from './user-map.ts'

const { firmware, forms } = RECORDED
const map = parseFirmwareLog(firmware.map((line) => `BIOS-e820: ${line}`).join('\n'))
const lines = (ranges: readonly MemoryRange[] | undefined) =>
  ranges?.map((r) => `${formatSpan(r)} ${r.kind}`) ?? 'panic'

test.each(forms.map((form) => [form.words, form] as const))('%s', (words, form) => {
  const seen =
    form.map === 'firmware'
      ? lines(map)
      : form.map === 'panic'
        ? 'panic'
        : lines(parseUserLog(form.map.map((line) => `user: ${line}`).join('\n')))
  expect(lines(userMap(map, parseParameters(words).memmaps))).toEqual(seen)
})
