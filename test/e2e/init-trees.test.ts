/** Source trees of common kinds: `init`, then `run`, and the kernel's words are read. Each boots as its config was written. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildDrawingKernel } from '../support/drawing-kernel.ts'
import { bootImage, TEXT } from '../support/media.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'bringup-trees-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
beforeAll(() => buildDrawingKernel(join(home, 'draw.elf')))

interface Tree {
  readonly files: Readonly<Record<string, string | Buffer>>
  /** What `init` finds that is booted. */
  readonly boots: RegExp
  readonly shows: string
}

const KERNEL = 'all: build/kernel.elf\nbuild/kernel.elf: draw.elf\n\tmkdir -p build; cp draw.elf $@\n'
const GRUB = 'set timeout=0\nmenuentry "k" { multiboot /boot/kernel.elf kernel.elf text }\n'
const STRANGER = 'Kernel of a stranger'

const TREES: Readonly<Record<string, Tree>> = {
  'multiboot with -kernel': {
    files: { Makefile: `${KERNEL}run: build/kernel.elf\n\tqemu-system-i386 -m 64 -kernel $< -append text\n` },
    boots: /image: 'build\/kernel.elf'/,
    shows: STRANGER,
  },
  'ISO with GRUB, in variables': {
    files: {
      Makefile: `BUILD := build\nISO = $(BUILD)/os.iso\n${KERNEL}$(ISO): build/kernel.elf grub.cfg\n\tmkdir -p $(BUILD)/iso/boot/grub; cp build/kernel.elf $(BUILD)/iso/boot; cp grub.cfg $(BUILD)/iso/boot/grub\n\tgrub-mkrescue -o $@ $(BUILD)/iso 2>/dev/null\n.PHONY: run\nrun: $(ISO)\n\tqemu-system-x86_64 -cdrom $(ISO) -m 128M\n`,
      'grub.cfg': GRUB,
    },
    boots: /iso: 'build\/os.iso'/,
    shows: STRANGER,
  },
  'boot sector on a floppy': {
    files: {
      Makefile:
        'floppy.img: boot.bin\n\tdd if=/dev/zero of=$@ bs=512 count=2880 2>/dev/null\n\tdd if=boot.bin of=$@ conv=notrunc 2>/dev/null\nrun: floppy.img\n\tqemu-system-i386 -fda floppy.img\n',
      'boot.bin': bootImage(512),
    },
    boots: /floppy: 'floppy.img'/,
    shows: TEXT,
  },
  'boot sector on a disk, no command': {
    files: {
      Makefile: 'all: out/os.img\nout/os.img: boot.bin\n\tmkdir -p out; cp boot.bin $@\n',
      'boot.bin': bootImage(65536),
    },
    boots: /disk: 'out\/os.img'/,
    shows: TEXT,
  },
  'two disks, as xv6 has them': {
    files: {
      Makefile:
        'QEMU = qemu-system-i386\nQEMUOPTS = -drive file=fs.img,index=1,media=disk,format=raw -drive file=xv6.img,index=0,media=disk,format=raw -smp 2 -m 128\nall: xv6.img fs.img\nxv6.img: boot.bin\n\tcp boot.bin $@\nfs.img:\n\tdd if=/dev/zero of=$@ bs=1024 count=64 2>/dev/null\nqemu: fs.img xv6.img\n\t$(QEMU) -serial mon:stdio $(QEMUOPTS)\n',
      'boot.bin': bootImage(65536),
    },
    boots: /disk: \['xv6.img', 'fs.img'\]/,
    shows: TEXT,
  },
  'a script that boots': {
    files: {
      Makefile: 'all:\n\tcp boot.bin disk.bin\n',
      'run.sh': '#!/bin/sh\nmake\nqemu-system-x86_64 \\\n  -drive format=raw,file=disk.bin\n',
      'boot.bin': bootImage(65536),
    },
    boots: /disk: 'disk.bin'/,
    shows: TEXT,
  },
}

test.each(Object.entries(TREES))('%s', (name, { files, boots, shows }) => {
  const folder = join(home, name.replaceAll(/\W+/g, '-'))
  mkdirSync(folder)
  const all = { 'draw.elf': readFileSync(join(home, 'draw.elf')), ...files }
  for (const [path, content] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  const call = (...words: readonly string[]) =>
    spawnSync(process.execPath, [BIN, ...words], { cwd: folder, encoding: 'utf8' })
  const init = call('init')
  expect(init.status, init.stderr).toBe(0)
  const config = readFileSync(join(folder, 'bringup.config.ts'), 'utf8')
  expect(config).toMatch(boots)
  expect(config).not.toContain('To decide')
  const run = call('run', '--until', shows, '--timeout', '10m')
  expect(run.stderr).toContain(`showed "${shows}" in line`)
  expect(run.status).toBe(0)
})
