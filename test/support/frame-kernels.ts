/** For tests: compiles what draws in a linear framebuffer with a font of its own, for GRUB and for UEFI. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type FontForm, ownFont } from './own-font.ts'

const SOURCES = fileURLToPath(new URL('../fixtures/screens/', import.meta.url))
const EIGHT_BY_SIXTEEN: FontForm = { width: 8, height: 16, bytes: 1 }
const PLAIN = `-O1 -ffreestanding -fno-stack-protector -nostdlib -Wall -Wextra -Werror -Wl,--build-id=none
  -Wl,-z,noexecstack`

function writeFont(folder: string, form: FontForm): void {
  const glyphs = ownFont(form)
  const defines = Object.entries({
    WIDTH: form.width,
    HEIGHT: form.height,
    BYTES: form.bytes,
    IS_NUMBER: form.isNumber ? 1 : 0,
  }).map(([name, value]) => `#define FONT_${name} ${value}\n`)
  writeFileSync(
    join(folder, 'font.h'),
    `${defines.join('')}static const unsigned char font[] = { ${glyphs.join(', ')} };\n`,
  )
}

function compile(folder: string, words: string, to: string, sources: readonly string[]): void {
  const files = sources.map((name) => join(SOURCES, name))
  execFileSync('gcc', [...`${PLAIN} ${words}`.split(/\s+/), `-I${folder}`, '-o', join(folder, to), ...files])
}

/** An ISO on which GRUB boots a kernel that asks it for a framebuffer: `frame.iso` in the folder. */
export function buildFrameIso(folder: string, form: FontForm = EIGHT_BY_SIXTEEN): void {
  writeFont(folder, form)
  const grub = join(folder, 'tree/boot/grub')
  mkdirSync(grub, { recursive: true })
  compile(
    folder,
    '-m32 -fno-pie -no-pie -static -Wl,-Ttext=0x100000 -Wl,-N -Wl,--no-warn-rwx-segments',
    'tree/boot/frame.elf',
    ['multiboot-frame.S', 'multiboot-frame.c'],
  )
  writeFileSync(
    join(grub, 'grub.cfg'),
    'set timeout=0\ninsmod all_video\nmenuentry "frame" { multiboot /boot/frame.elf }\n',
  )
  execFileSync('grub-mkrescue', ['-o', join(folder, 'frame.iso'), join(folder, 'tree')], { stdio: 'pipe' })
}

/** An application for UEFI, as a folder: `esp` in the folder. */
export function buildUefiApplication(folder: string, form: FontForm = EIGHT_BY_SIXTEEN): void {
  writeFont(folder, form)
  const place = join(folder, 'esp/EFI/BOOT')
  mkdirSync(place, { recursive: true })
  compile(
    folder,
    '-m64 -fpic -shared -mno-red-zone -Wl,-Bsymbolic -Wl,-Ttext=0x1000 -Wl,--section-start=.reloc=0x20000',
    'application.so',
    ['uefi.c'],
  )
  const sections = ['.text', '.rodata', '.data', '.bss', '.reloc'].flatMap((name) => ['-j', name])
  execFileSync('objcopy', [
    ...sections,
    '--target=efi-app-x86_64',
    join(folder, 'application.so'),
    join(place, 'BOOTX64.EFI'),
  ])
}

/** The application on a FAT file system for a stick, and on an ISO: `stick.img` and `uefi.iso` in the folder. */
export function buildUefiMedia(folder: string): void {
  const run = (program: string, ...words: readonly string[]) =>
    execFileSync(program, words, { cwd: folder, stdio: 'pipe' })
  run('mformat', '-C', '-i', 'stick.img', '-T', '5760', '-h', '2', '-s', '36', '::')
  run('mcopy', '-s', '-i', 'stick.img', 'esp/EFI', '::/')
  mkdirSync(join(folder, 'cd'), { recursive: true })
  copyFileSync(join(folder, 'stick.img'), join(folder, 'cd/efi.img'))
  run(
    'xorriso',
    ...'-as mkisofs -quiet -o uefi.iso --efi-boot efi.img -efi-boot-part --efi-boot-image cd'.split(' '),
  )
}
