/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of shells and CMake are in the trees */
import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { byBuildSystem } from './build-systems.ts'
import type { SourceTree } from './tree.ts'

function treeOf(files: Readonly<Record<string, string>>): SourceTree {
  const names = Object.keys(files)
  return {
    folder: '/tree',
    has: (path) =>
      names.some((name) => name === posix.normalize(path) || name.startsWith(`${posix.normalize(path)}/`)),
    read: (path) => files[posix.normalize(path)],
    list: (path = '.') => {
      const prefix = posix.normalize(path) === '.' ? '' : `${posix.normalize(path)}/`
      const inside = names
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length).split('/')[0] ?? '')
      return [...new Set(inside)].toSorted()
    },
  }
}

const read = (files: Readonly<Record<string, string>>) => {
  const sketch = byBuildSystem(treeOf(files))
  const value = (key: string) =>
    sketch?.entries.find((entry) => entry.key === key)?.value as Record<string, unknown>
  const machines = value('machines') as { default?: unknown } | undefined
  return {
    kernel: value('kernel'),
    machine: machines?.default,
    remarks: sketch?.remarks,
    notes: sketch?.notes,
  }
}

describe('a guess is said to be one', () => {
  it.each<[string, Readonly<Record<string, string>>]>([
    [
      'a line that installs QEMU',
      {
        Makefile: 'all:\n\ttrue\n',
        '.github/workflows/test.yaml': 'run: sudo apt install make qemu qemu-kvm qemu-system-x86 wget\n',
      },
    ],
    [
      'a script that wants to be told the image',
      {
        Makefile: 'all:\n\ttrue\n',
        'run.sh': '#!/bin/sh\nA="-m 32"\nA="$A -fda $1"\nqemu-system-i386 $A -hda $2\n',
      },
    ],
    [
      'a function behind the words of QEMU',
      {
        Makefile: 'all:\n\ttrue\n',
        'run.sh': '#!/bin/bash\nCMD=(qemu-system-x86_64 -m 64)\nCMD+=(-hda a.img)\n"${CMD[@]}" prepare {\n',
      },
    ],
    [
      'a program that takes the kernel from its command line',
      {
        Makefile: 'all:\n\ttrue\n',
        'tools/run.py':
          '#!/usr/bin/env python3\nARCHS = {"x64": {"bin": "qemu-system-x86_64", "args": COMMON + ["-m", "1024"]}}\n',
      },
    ],
    ['a library', { 'Cargo.toml': '[package]\nname = "hermit"\n', 'src/lib.rs': '#![no_std]\n' }],
    [
      'a package for this computer’s own target',
      { 'Cargo.toml': '[package]\nname = "kernel"\n', 'src/main.rs': 'fn main() {}\n' },
    ],
    ['SCons', { SConstruct: 'Import("env")\n' }],
    ['Zig', { 'build.zig': 'pub fn build(b: *std.Build) void {}\n' }],
  ])('%s', (_, files) => {
    const { remarks, machine } = read(files)
    expect(remarks?.join('\n')).toMatch(/is a guess: correct kernel\.image/)
    expect(machine).toBeUndefined()
  })
})

it('says that it does not know what makes an image that no makefile names', () => {
  const { kernel, remarks } = read({
    Makefile: 'all:\n\tld -o kernel.bin a.o\n',
    'run.sh': 'qemu-system-i386 -cdrom os.iso\n',
    'cd.sh': 'mkisofs -o os.iso root\n',
  })
  expect(kernel).toMatchObject({ build: ['make'], iso: 'os.iso' })
  expect(remarks).toEqual(['how os.iso is built is a guess: correct kernel.build (cd.sh names it)'])
})

it.each([
  [
    'add_custom_target(image COMMAND x BYPRODUCTS ${CMAKE_BINARY_DIR}/os.img USES_TERMINAL)',
    ['--target', 'image'],
    0,
  ],
  ['add_custom_target(image ALL COMMAND x BYPRODUCTS os.img)', [], 0],
  [
    'set(I "os.img")\nadd_custom_command(OUTPUT ${I} COMMAND x)\nadd_custom_target(disk DEPENDS ${I})',
    ['--target', 'disk'],
    0,
  ],
  ['add_custom_command(OUTPUT os.img COMMAND x)', [], 1],
])('names the target of CMake that makes the image: %s', (text, target, guesses) => {
  const { kernel, remarks } = read({ 'CMakeLists.txt': `project(os)\n${text}\n` })
  expect(kernel).toMatchObject({
    build: [expect.anything(), ['cmake', '--build', 'build', ...target]],
    disk: 'build/os.img',
  })
  expect(remarks).toHaveLength(guesses)
})

describe('what the QEMU command of a tree says', () => {
  it.each<[string, Readonly<Record<string, string>>, object]>([
    [
      'two names in variables, a phony rule',
      {
        Makefile:
          'arch ?= x86_64\niso := build/os-$(arch).iso\nall: build/kernel.bin\nrun: $(iso)\n\t@qemu-system-x86_64 -cdrom $(iso)\niso: $(iso)\n$(iso):\n\tgrub-mkrescue -o $@ build/isofiles\n',
      },
      {
        kernel: {
          build: ['make', 'build/os-x86_64.iso'],
          iso: 'build/os-x86_64.iso',
          tools: ['grub-mkrescue'],
        },
        machine: { type: 'pc' },
      },
    ],
    [
      'a rule behind another, UEFI from an ISO',
      {
        GNUmakefile:
          'override IMAGE := template\nQEMUFLAGS := -m 2G\nall: $(IMAGE).iso\nrun: run-uefi\nrun-bios: $(IMAGE).iso\n\tqemu-system-x86_64 -M q35 -cdrom $(IMAGE).iso -boot d $(QEMUFLAGS)\nrun-uefi: ovmf $(IMAGE).iso\n\tqemu-system-x86_64 -M q35 -drive if=pflash,unit=0,format=raw,file=/usr/share/OVMF/OVMF_CODE.fd,readonly=on -cdrom $(IMAGE).iso $(QEMUFLAGS)\n$(IMAGE).iso:\n\txorriso\n',
      },
      {
        kernel: { build: ['make', 'template.iso'], iso: 'template.iso' },
        machine: { type: 'q35', memory: '2G', boot: { firmware: 'uefi' } },
        notes: [expect.stringContaining('rule run-bios')],
      },
    ],
    [
      'rules for other architectures beside it, variables with a default by a call',
      {
        GNUmakefile:
          'override DEFAULT = $(if $(filter $(origin $(1)),default undefined),$(eval override $(1) := $(2)))\n$(call DEFAULT,ARCH,x86_64)\noverride NAME := os-$(ARCH)\nall: $(NAME).iso\nrun: run-$(ARCH)\nrun-aarch64: $(NAME).iso\n\tqemu-system-$(ARCH) -M virt -cdrom $(NAME).iso\nrun-x86_64: $(NAME).iso\n\tqemu-system-$(ARCH) -M q35 -cdrom $(NAME).iso\n$(NAME).iso:\n\txorriso\n',
      },
      {
        kernel: { build: ['make', 'os-x86_64.iso'], iso: 'os-x86_64.iso' },
        machine: { type: 'q35' },
        notes: [],
      },
    ],
    [
      'a makefile of the architecture',
      {
        Makefile: 'include cfg/config.mk\nARCH ?= $(shell ./arch.sh)\ninclude build/${ARCH}.mk\n',
        'cfg/config.mk': 'ROOT := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))/..)\n',
        'build/x86_64.mk':
          'ISO := $(ROOT)/image.iso\nrun: $(ISO)\n\tqemu-system-${ARCH} -cdrom $(ISO)\nimage.iso:\n\txorriso\n',
      },
      { kernel: { build: ['make', 'image.iso'], iso: 'image.iso' } },
    ],
    [
      'the program as it was called before 2011',
      {
        Makefile: 'run: os.bin\n\tsudo qemu -m 32 -kernel os.bin\nqemu: os.bin\nos.bin:\n\tmake qemu -C x\n',
      },
      { kernel: { image: 'os.bin' }, machine: { type: 'pc', memory: '32M' } },
    ],
    [
      'options that only a shell finds out',
      {
        GNUmakefile:
          "OBJDIR := obj\nQEMU := qemu-system-i386\nGDBPORT := $(shell expr `id -u` % 5000 + 25000)\nQEMUOPTS = -drive file=$(OBJDIR)/kern/kernel.img,index=0,media=disk,format=raw -serial mon:stdio -gdb tcp::$(GDBPORT)\nQEMUOPTS += $(shell if $(QEMU) -nographic -help | grep -q '^-D '; then echo '-D qemu.log'; fi)\nIMAGES = $(OBJDIR)/kern/kernel.img\nQEMUOPTS += $(QEMUEXTRA)\nqemu: $(IMAGES) pre-qemu\n\t$(QEMU) $(QEMUOPTS)\npre-qemu:\n\t:\n",
      },
      {
        kernel: { build: ['make', 'obj/kern/kernel.img', 'pre-qemu'], disk: 'obj/kern/kernel.img' },
        remarks: [],
      },
    ],
    [
      'conditions that do not hold here',
      {
        Makefile:
          'QEMU_FLAGS = -m 64\nifeq ($(DEBUG),1)\nQEMU_FLAGS += -s -S\nendif\nifeq ($(UEFI),1)\nQEMU_FLAGS += -bios OVMF.fd\nendif\nrun: k.elf\n\tqemu-system-x86_64 $(QEMU_FLAGS) -kernel k.elf\nk.elf:\n\ttrue\n',
      },
      { kernel: { image: 'k.elf' }, machine: { type: 'pc', memory: '64M' } },
    ],
    [
      'a script that the rule gives the image to',
      {
        Makefile: 'ISO = out/os.iso\nall: $(ISO)\n$(ISO):\n\ttrue\nrun: $(ISO)\n\t./scripts/qemu.sh $(ISO)\n',
        'scripts/qemu.sh': '#!/bin/sh\nexec qemu-system-x86_64 -m ${2:-256} -cdrom "$1"\n',
      },
      {
        kernel: { build: ['make', 'out/os.iso'], iso: 'out/os.iso' },
        machine: { type: 'pc', memory: '256M' },
      },
    ],
    [
      'a file named alone, and a rule that needs nothing',
      {
        Makefile:
          'boot.bin: boot.asm\n\tnasm -f bin boot.asm -o boot.bin\nrun:\n\tqemu-system-x86_64 boot.bin\n',
      },
      { kernel: { build: ['make', 'boot.bin'], tools: ['nasm'], disk: 'boot.bin' } },
    ],
    [
      'disks on other buses, cards, CPUs',
      {
        'run.sh':
          '#!/bin/bash\nmake -C kernel\nqemu-system-x86_64 -M q35 -cpu EPYC -smp 4 -kernel kernel/k.elf -drive file=d.img,if=none,id=d -device nvme,drive=d,serial=x -device e1000e,netdev=n -netdev user,id=n -vga none\n',
        'kernel/Makefile': 'k.elf:\n\ttrue\n',
      },
      {
        kernel: { build: ['make', '-C', 'kernel'], image: 'kernel/k.elf' },
        machine: {
          type: 'q35',
          cpu: { model: 'EPYC', count: 4 },
          display: 'none',
          devices: [
            { kind: 'disk', file: 'd.img', bus: 'nvme', serial: 'x' },
            { kind: 'nic', model: 'e1000e' },
          ],
        },
      },
    ],
    [
      'a build in Zig',
      {
        'build.zig':
          'const run = b.addSystemCommand(&[_][]const u8{ "qemu-system-x86_64", "-kernel", "zig-out/bin/os.elf", "-m", "64M", "-serial", "stdio" });\n',
      },
      { kernel: { build: ['zig', 'build'], image: 'zig-out/bin/os.elf' }, machine: { memory: '64M' } },
    ],
    [
      'a build with xmake, and one in JavaScript',
      {
        'xmake.lua':
          'on_run(function () os.execv("qemu-system-i386", {"-cdrom", "build/os.iso", "-m", "32"}) end)\n',
        'tools/run.mjs': 'spawn("qemu-system-x86_64", ["-kernel", "other.elf"])\n',
      },
      {
        kernel: { build: ['xmake'], iso: 'build/os.iso' },
        notes: [expect.stringContaining('tools/run.mjs')],
      },
    ],
    [
      'bootimage with a target of its own',
      {
        'Cargo.toml':
          '[package]\nname = "os"\n[package.metadata.bootimage]\ndefault-target = "os.json"\n[[bin]]\nname = "kernel"\npath = "src/main.rs"\n',
        'src/main.rs': '#![no_std]\n#![no_main]\n',
      },
      { kernel: { build: ['cargo', 'bootimage'], disk: 'target/os/debug/bootimage-kernel.bin' } },
    ],
    [
      'bootimage, with its exit codes',
      {
        'Cargo.toml':
          '[package]\nname = "blog_os"\n[package.metadata.bootimage]\nrun-args = ["-m", "96"]\ntest-args = ["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", "-serial", "stdio"]\ntest-success-exit-code = 33\n',
        '.cargo/config.toml':
          '[unstable]\nbuild-std = ["core"]\n[build]\ntarget = "x86_64-blog_os.json"\n[target.\'cfg(target_os = "none")\']\nrunner = "bootimage runner"\n',
        'src/main.rs': '#![no_std]\n#![no_main]\n',
      },
      {
        kernel: {
          build: ['cargo', 'bootimage'],
          tools: ['cargo-bootimage', 'rustup component llvm-tools-preview', 'rustup component rust-src'],
          disk: 'target/x86_64-blog_os/debug/bootimage-blog_os.bin',
          exitCodes: { 16: 'passed' },
        },
        machine: { memory: '96M' },
      },
    ],
    [
      'a Perl runner whose disks are arguments: a guess',
      {
        Makefile: 'all:\n\tcd src && make\n',
        'utils/pintos':
          "#! /usr/bin/perl -w\nmy (@cmd) = ('qemu-system-i386');\npush (@cmd, '-hda', $disks[0]) if defined $disks[0];\npush (@cmd, '-m', $mem);\nexec (@cmd);\n",
      },
      {
        remarks: [
          expect.stringContaining('is a guess'),
          expect.stringContaining('QEMU command of utils/pintos'),
        ],
      },
    ],
    [
      'meson with a format',
      {
        'meson.build':
          "project('os', 'c')\nk = executable('os.elf', 'main.c')\nimg = custom_target('img', input: k, output: 'os.img', command: ['mk.sh'])\nrun_target('qemu', command: ['qemu-system-x86_64', '-drive', 'format=raw,file=os.img'], depends: [img])\n",
      },
      {
        kernel: {
          build: [
            ['meson', 'setup', 'build'],
            ['meson', 'compile', '-C', 'build', 'img'],
          ],
          disk: 'build/os.img',
          tools: ['gcc', 'ninja'],
        },
      },
    ],
    [
      'lines that only make can expand: a guess, and the others go to a shell, which is said',
      {
        Makefile:
          'run: boot.o\n\tdd if=$(shell ls *.o) of=disk.img\n\tmkdir -p out && cp boot.o out/$$USER.o\n\ttouch out/made\n\tqemu-system-i386 -drive file=out/os.img,format=raw\nboot.o:\n\ttrue\n',
      },
      {
        kernel: {
          build: [
            ['make', 'boot.o'],
            ['sh', '-c', 'mkdir -p out && cp boot.o out/$USER.o'],
            ['touch', 'out/made'],
          ],
          disk: 'out/os.img',
        },
        remarks: [expect.stringContaining('how out/os.img is built is a guess')],
        notes: ['kernel.build runs lines of Makefile, rule run with sh'],
      },
    ],
    [
      'a script that names QEMU before it builds, and starts it in a function',
      {
        'run.sh':
          '#!/usr/bin/env bash\nQEMU=${QEMU:-qemu-system-x86_64}\ncommand -v "$QEMU" >/dev/null || exit 1\n# Build.\nfor f in a b; do\n  cp $f.bin out/\ndone\nstart() {\n  $QEMU -drive format=raw,file=out/a.bin\n}\nstart\n',
      },
      {
        kernel: {
          build: [
            'bash',
            '-ec',
            'QEMU=${QEMU:-qemu-system-x86_64}\ncommand -v "$QEMU" >/dev/null || exit 1\nfor f in a b; do\n  cp $f.bin out/\ndone',
            'run.sh',
          ],
          disk: 'out/a.bin',
        },
        notes: ['kernel.build runs lines of run.sh with bash'],
      },
    ],
    [
      'a script whose lines are plain commands behind an assignment of QEMU',
      { 'run.sh': '#!/bin/sh\nQEMU=qemu-system-i386\nmake -C src\nARCH=i386 $QEMU -fda src/floppy.img\n' },
      { kernel: { build: ['make', '-C', 'src'], floppy: 'src/floppy.img' }, remarks: [], notes: [] },
    ],
    [
      'CMake with a script for the ISO',
      {
        'CMakeLists.txt':
          'project(os C ASM_NASM)\nadd_executable(kernel.elf main.c)\nadd_custom_target(iso COMMAND ${CMAKE_SOURCE_DIR}/mk.sh DEPENDS kernel.elf)\nadd_custom_target(run\n COMMAND qemu-system-i386 -cdrom ${CMAKE_BINARY_DIR}/os.iso\n DEPENDS iso)\n',
      },
      {
        kernel: {
          build: [
            ['cmake', '-S', '.', '-B', 'build'],
            ['cmake', '--build', 'build', '--target', 'iso'],
          ],
          iso: 'build/os.iso',
          tools: ['gcc', 'make', 'nasm'],
        },
      },
    ],
  ])('%s', (_, files, wanted) => {
    expect(read(files)).toMatchObject(wanted)
  })

  it('ends with hostile trees', () => {
    const hostile = ['qemu-system-i386 ', '$(', '\\\n', '"', 'run:\n\t', 'ifeq (', 'A=$(A)\n', '{', "'"]
    for (const name of [
      'Makefile',
      'CMakeLists.txt',
      'meson.build',
      'Cargo.toml',
      'justfile',
      'run.sh',
      'run.py',
      '.github/workflows/a.yml',
    ])
      for (const text of hostile) {
        const files = { [name]: text.repeat(3000), Makefile: 'all:\n\ttrue\n' }
        expect(byBuildSystem(treeOf(files))?.what).toBeDefined()
      }
  })
})
