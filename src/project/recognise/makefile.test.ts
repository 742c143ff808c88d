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

it('follows texts that set a variable when they are called', () => {
  const { expand } = readMakefile(
    [
      'override DEFAULT = $(if $(filter $(origin $(1)),default undefined),$(eval override $(1) := $(2)))',
      'define OTHER =',
      'ifeq ($(origin $1),default)',
      '    override $(1) := $(2)',
      'endif',
      'endef',
      '$(call DEFAULT,ARCH,x86_64)',
      '$(eval $(call OTHER,FLAGS,-m 2G))',
      '$(call DEFAULT,ARCH,riscv64)',
      '$(call unknown,NAME,os)',
    ].join('\n'),
  )
  expect(expand('qemu-system-$(ARCH) $(FLAGS) $(NAME)')).toBe('qemu-system-x86_64 -m 2G $(NAME)')
})

it('puts the text of a call in its place', () => {
  const { rules } = readMakefile(
    'define start\nqemu-system-x86_64 -cdrom $(1) \\\n  -m $2\nendef\nIMAGE = os\nrun:\n\t$(call start,$(IMAGE).iso, 64)\nloop = $(call loop)$(call loop)\nend:\n\t$(loop)\n',
  )
  expect(rules[0]?.commands).toEqual(['qemu-system-x86_64 -cdrom os.iso    -m 64\n'])
  expect(rules[1]?.commands).toEqual(['$(call loop)'.repeat(4)])
})

it('takes an architecture that only a shell finds out for that of this computer', () => {
  const { expand } = readMakefile('ARCH ?= $(shell tools/arch.sh)\nOTHER = $(shell tools/other.sh)\n')
  expect(expand('qemu-system-$(ARCH) $(OTHER)')).toBe('qemu-system-x86_64 $(shell tools/other.sh)')
})

it('takes a tab for a blank where no rule is open', () => {
  const { expand, rules } = readMakefile(
    'ifeq ($(UEFI),1)\n\tFORM = uefi\nelse\n\tFORM = bios\nendif\nrun: $(FORM).iso\n\n# how\n\tqemu $<\nX = 1\n\tY = 2\n',
  )
  expect(expand('$(FORM) $(Y)')).toBe('bios 2')
  expect(rules).toEqual([{ targets: ['run'], needs: ['bios.iso'], commands: ['qemu bios.iso'] }])
})
