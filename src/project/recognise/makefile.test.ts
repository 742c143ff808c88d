import { expect, it } from 'vitest'
import { readMakefile } from './makefile.ts'

it('expands variables, and leaves to make what only make can work out', () => {
  const { expand } = readMakefile(
    'BUILD = build\nISO := $(BUILD)/os.iso # the image\nNAME ?= os\nFLAGS = -m 64\nFLAGS += -smp 2\nSOURCES = $(wildcard *.c)\nLOOP = $(LOOP)x\n',
  )
  expect(expand(['$(ISO) $', '{NAME}'].join(''))).toBe('build/os.iso os')
  expect(expand('$(FLAGS)')).toBe('-m 64 -smp 2')
  expect(expand('$(SOURCES)')).toBe('$(wildcard *.c)')
  expect(expand('$(UNKNOWN)')).toBe('$(UNKNOWN)')
  expect(expand('$(LOOP)')).toBe('$(LOOP)x')
})

it('reads rules with their commands', () => {
  const { rules } = readMakefile(
    'IMG = os.img\nall: $(IMG)\n$(IMG): boot.bin \\\n  kernel.bin\n\t@cat $^ > $@\nrun: $(IMG); qemu $<\nX := a:b\n%.o: %.c\n\tcc $<\n',
  )
  expect(rules.slice(0, 3)).toEqual([
    { targets: ['all'], needs: ['os.img'], commands: [] },
    {
      targets: ['os.img'],
      needs: ['boot.bin', 'kernel.bin'],
      commands: ['cat boot.bin kernel.bin > os.img'],
    },
    { targets: ['run'], needs: ['os.img'], commands: ['qemu os.img'] },
  ])
})

it('does not grow without end', () => {
  const names = Array.from({ length: 30 }, (_, i) => `V${i} = ${`$(V${i + 1})`.repeat(500)}`)
  const { expand } = readMakefile([...names, `V30 = ${'x'.repeat(500)}`].join('\n'))
  expect(expand('$(V0)').length).toBeLessThan(1_000_000)
})

it('takes the branches of conditions that hold here', () => {
  const { expand, rules } = readMakefile(
    'ifeq ($(OS),Windows_NT)\nQEMU = win\nelse ifeq ($(shell uname -s), Darwin)\nQEMU = mac\nelse\nQEMU = here\nendif\nifdef DEBUG\nFLAGS = -s\nelse\nFLAGS = -m 64\nendif\nifneq ($(UEFI),)\nFLAGS += -bios x\nendif\nifndef QEMU\nQEMU = no\nendif\nrun:\nifeq ("$(FLAGS)", "-m 64")\n\tyes\nelse\n\tno\nendif\n',
  )
  expect(expand('$(QEMU) $(FLAGS)')).toBe('here -m 64')
  expect(rules).toEqual([{ targets: ['run'], needs: [], commands: ['yes'] }])
})
