/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of shells and CMake are in the trees */
/** For tests: source trees of the common kinds, written by us, each with a kernel whose words only that tree has. */
import { bootImage } from './media.ts'

export interface Tree {
  readonly files: Readonly<Record<string, string | Buffer>>
  /** Words that the guest says, on a port or on the screen. */
  readonly says: string
  /** What `init` finds: a part of the config. */
  readonly boots: RegExp
  /** Programs without which the tree cannot be built. */
  readonly needs?: readonly string[]
}

/** A multiboot kernel in assembly: speaks on COM1, port 0xe9 and the screen, then halts, or ends QEMU by the exit device. */
const kernel = (message: string, { ports = 'serial screen', end = '' } = {}) => `
.text
.globl _start
.long 0x1BADB002, 0, -(0x1BADB002)
_start:
  cld
  mov $0xb8000, %edi
  mov $2000, %ecx
  mov $0x0720, %eax
  rep stosw
  mov $message, %esi
  mov $0xb8000, %edi
1: lodsb
  test %al, %al
  jz 3f
${ports.includes('serial') ? '  mov $0x3f8, %dx\n  out %al, %dx' : ''}
${ports.includes('debugcon') ? '  out %al, $0xe9' : ''}
${ports.includes('screen') ? '  cmp $10, %al\n  je 1b\n  mov $0x1f, %ah\n  stosw' : ''}
  jmp 1b
3: ${end}
2: cli
  hlt
  jmp 2b
message: .asciz "${message}\\n"
`

/** The same with the header of multiboot 2, which GRUB alone reads. */
const kernel2 = (message: string) =>
  kernel(message).replace(
    '.long 0x1BADB002, 0, -(0x1BADB002)',
    '.align 8\nheader: .long 0xE85250D6, 0, 24, -(0xE85250D6 + 24)\n.word 0, 0\n.long 8',
  )

/** A boot sector in assembly that writes to the text screen and COM1. */
const sector = (message: string) => `
.code16
.globl _start
_start:
  mov $3, %ax
  int $0x10
  xor %ax, %ax
  mov %ax, %ds
  mov $0xb800, %ax
  mov %ax, %es
  xor %di, %di
  mov $message, %si
  mov $0x1f, %ah
1: lodsb
  test %al, %al
  jz 2f
  stosw
  mov $0x3f8, %dx
  out %al, %dx
  jmp 1b
2: hlt
  jmp 2b
message: .asciz "${message}"
.org 510
.word 0xaa55
`

const SECTOR = 'as --32 boot.S -o boot.o && ld -m elf_i386 -Ttext=0x7c00 --oformat binary boot.o -o boot.bin'
const ELF = 'ld -m elf_i386 -Ttext=0x100000 -N -o $@ $^'
const GRUB_CFG = (command: string) => `set timeout=0\nmenuentry "os" { ${command} /boot/kernel.elf }\n`

/** The firmware's own output, by its table: a PE image by hand, as a flat file. */
const efi = (message: string) => `
.code64
.globl _start
_start:
mz: .ascii "MZ"
.org 60
.long pe - mz
pe: .ascii "PE\\0\\0"
.word 0x8664, 1
.long 0, 0, 0
.word optional_end - optional, 0x206
optional: .word 0x20b
.byte 0, 0
.long 0x1000, 0, 0, entry - mz, 0x1000
.quad 0
.long 0x1000, 0x200
.word 0, 0, 0, 0, 0, 0
.long 0, 0x2000, 0x1000, 0
.word 10, 0
.quad 0, 0, 0, 0
.long 0, 6
.fill 6, 8, 0
optional_end:
.ascii ".text\\0\\0\\0"
.long 0x1000, 0x1000, 0x1000, 0x1000, 0, 0
.word 0, 0
.long 0xe0000020
.org 0x1000
entry:
  sub $40, %rsp
  mov 64(%rdx), %rcx
  lea message(%rip), %rdx
  call *8(%rcx)
1: hlt
  jmp 1b
message:
${[...`${message}\r\n`].map((char) => `.word ${char.charCodeAt(0)}`).join('\n')}
.word 0
.org 0x2000
`

/** Real-mode setup of a Linux kernel (Documentation/arch/x86/boot.rst): says whether there is an initial RAM disk. */
const bzImage = (message: string) => `
.code16
.globl _start
_start:
.org 0x1f1
.byte 1
.word 0
.long 32
.word 0, 0, 0, 0xaa55
.byte 0xeb, setup - (. + 1)
.ascii "HdrS"
.word 0x20c
.long 0
.word 0x1000, 0
.byte 0, 1
.word 0x8000
.long 0x100000
ramdisk: .long 0
ramdisk_size: .long 0
.long 0
.word 0xe000
.byte 0, 0
.long 0, 0x7fffffff, 0x1000000
.byte 1, 12
.word 0
.long 255
.fill 40, 1, 0
setup:
  mov $message - _start, %si
  cmpl $0, ramdisk_size - _start
  jne 1f
  mov $nothing - _start, %si
1: lodsb
  test %al, %al
  jz 2f
  mov $0x3f8, %dx
  out %al, %dx
  jmp 1b
2: hlt
  jmp 2b
message: .asciz "${message}\\n"
nothing: .asciz "no initial RAM disk\\n"
.org 1024
.fill 512, 1, 0x90
`

const says = (name: string) => `hello from ${name}`

/** Each kind of tree once. */
export const TREES: Readonly<Record<string, Tree>> = {
  'multiboot with -kernel': {
    files: {
      Makefile: `all: kernel.elf\n%.o: %.S\n\tas --32 $< -o $@\nkernel.elf: boot.o\n\t${ELF}\nrun: kernel.elf\n\tqemu-system-i386 -m 64 -kernel $< -append "quiet"\n`,
      'boot.S': kernel(says('multiboot')),
    },
    says: says('multiboot'),
    boots: /image: 'kernel.elf'[\s\S]*memory: '64M', boot: \{ append: 'quiet' \}/,
  },
  'ISO with GRUB, in variables': {
    files: {
      Makefile: `BUILD := build\nISO = $(BUILD)/os.iso\nall: $(ISO)\n$(BUILD)/kernel.elf: boot.S\n\tmkdir -p $(BUILD)\n\tas --32 $< -o $(BUILD)/boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ $(BUILD)/boot.o\n$(ISO): $(BUILD)/kernel.elf grub.cfg\n\tmkdir -p $(BUILD)/iso/boot/grub; cp $(BUILD)/kernel.elf $(BUILD)/iso/boot; cp grub.cfg $(BUILD)/iso/boot/grub\n\tgrub-mkrescue -o $@ $(BUILD)/iso 2>/dev/null\n.PHONY: run debug\ndebug: $(ISO)\n\tqemu-system-x86_64 -s -S -cdrom $(ISO)\nrun: $(ISO)\n\tqemu-system-x86_64 -cdrom $(ISO) -m 128M -serial stdio\n`,
      'grub.cfg': GRUB_CFG('multiboot'),
      'boot.S': kernel(says('grub')),
    },
    says: says('grub'),
    boots: /Other QEMU commands of this tree: Makefile, rule debug[\s\S]*iso: 'build\/os.iso'/,
    needs: ['grub-mkrescue', 'xorriso', 'mformat'],
  },
  'multiboot 2, an ISO by a phony rule': {
    files: {
      Makefile: `.PHONY: iso run\nkernel.elf: boot.S\n\tas --32 $< -o boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ boot.o\niso: kernel.elf\n\tmkdir -p isofiles/boot/grub\n\tcp kernel.elf isofiles/boot/; cp grub.cfg isofiles/boot/grub/\n\tgrub-mkrescue -o os.iso isofiles 2>/dev/null\nrun: iso\n\tqemu-system-x86_64 -boot d -cdrom os.iso\n`,
      'grub.cfg': GRUB_CFG('multiboot2'),
      'boot.S': kernel2(says('multiboot2')),
    },
    says: says('multiboot2'),
    boots: /build: \['make', 'iso'\][\s\S]*iso: 'os.iso'/,
    needs: ['grub-mkrescue', 'xorriso', 'mformat'],
  },
  'boot sector on a floppy': {
    files: {
      Makefile: `floppy.img: boot.S\n\t${SECTOR}\n\tdd if=/dev/zero of=$@ bs=512 count=2880 2>/dev/null\n\tdd if=boot.bin of=$@ conv=notrunc 2>/dev/null\nrun: floppy.img\n\tqemu-system-i386 -fda floppy.img -boot a\n`,
      'boot.S': sector(says('floppy')),
    },
    says: says('floppy'),
    boots: /floppy: 'floppy.img'/,
  },
  'boot sector as -hda': {
    files: {
      Makefile: `QEMU ?= qemu-system-x86_64\nall: os.bin\nos.bin: boot.S\n\t${SECTOR}\n\tcp boot.bin $@\nqemu: os.bin\n\t$(QEMU) -hda os.bin $(QEMUFLAGS)\n`,
      'boot.S': sector(says('hda')),
    },
    says: says('hda'),
    boots: /disk: 'os.bin'/,
  },
  'two disks, as xv6 has them': {
    files: {
      Makefile: `ifndef QEMU\nQEMU = $(shell if which qemu > /dev/null; \\\n\tthen echo qemu; exit; \\\n\telse echo qemu-system-i386; fi)\nendif\nifndef CPUS\nCPUS := 2\nendif\nQEMUOPTS = -drive file=fs.img,index=1,media=disk,format=raw -drive file=xv6.img,index=0,media=disk,format=raw -smp $(CPUS) -m 128 $(QEMUEXTRA)\nall: xv6.img fs.img\nxv6.img: boot.S\n\t${SECTOR}\n\tdd if=/dev/zero of=$@ count=100 2>/dev/null\n\tdd if=boot.bin of=$@ conv=notrunc 2>/dev/null\nfs.img:\n\tdd if=/dev/zero of=$@ bs=1024 count=64 2>/dev/null\nqemu: fs.img xv6.img\n\t$(QEMU) -serial mon:stdio $(QEMUOPTS)\nqemu-nox: fs.img xv6.img\n\t$(QEMU) -nographic $(QEMUOPTS)\n`,
      'boot.S': sector(says('xv6')),
    },
    says: says('xv6'),
    boots: /disk: \['xv6.img', 'fs.img'\][\s\S]*cpu: 2/,
  },
  'a shell script alone': {
    files: {
      'run.sh': `#!/bin/sh\nset -e\n# Assemble.\nOUT=os.img\n${SECTOR.replace(' && ', '\n')}\ncat boot.bin > $OUT\nqemu-system-x86_64 \\\n  -drive format=raw,file=$OUT \\\n  -m 32 # small\n`,
      'boot.S': sector(says('script')),
    },
    says: says('script'),
    boots: /disk: 'os.img'[\s\S]*memory: '32M'/,
  },
  'a makefile and a script that boots': {
    files: {
      Makefile: 'all:\n\tcp boot.bin disk.bin\n',
      'run.sh':
        '#!/bin/bash\nmake\nARGS=(-m 64)\nARGS+=(-drive "format=raw,file=disk.bin")\nexec qemu-system-x86_64 "${ARGS[@]}" "$@"\n',
      'boot.bin': bootImage(65536),
    },
    says: 'Welcome',
    boots: /build: \['make'\][\s\S]*disk: 'disk.bin'/,
  },
  CMake: {
    files: {
      'CMakeLists.txt':
        'cmake_minimum_required(VERSION 3.16)\nproject(os NONE)\nset(KERNEL kernel.elf)\nadd_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/${KERNEL}\n  COMMAND as --32 ${CMAKE_SOURCE_DIR}/boot.S -o boot.o\n  COMMAND ld -m elf_i386 -Ttext=0x100000 -N -o ${KERNEL} boot.o\n  DEPENDS boot.S)\nadd_custom_target(kernel DEPENDS ${CMAKE_BINARY_DIR}/${KERNEL})\nfind_program(QEMU qemu-system-i386)\nadd_custom_target(run\n  COMMAND ${QEMU} -kernel ${CMAKE_BINARY_DIR}/${KERNEL} -serial stdio\n  DEPENDS kernel\n  USES_TERMINAL)\n',
      'boot.S': kernel(says('cmake')),
    },
    says: says('cmake'),
    boots: /\['cmake', '--build', 'build', '--target', 'kernel'\][\s\S]*image: 'build\/kernel.elf'/,
    needs: ['cmake'],
  },
  Meson: {
    files: {
      'meson.build':
        "project('os')\nas = find_program('as')\nld = find_program('ld')\nboot = custom_target('boot', input: 'boot.S', output: 'boot.o', command: [as, '--32', '@INPUT@', '-o', '@OUTPUT@'])\nkernel = custom_target('kernel', input: boot, output: 'kernel.elf', command: [ld, '-m', 'elf_i386', '-Ttext=0x100000', '-N', '-o', '@OUTPUT@', '@INPUT@'])\nqemu = find_program('qemu-system-i386', required: false)\nrun_target('run', command: ['qemu-system-i386', '-m', '32', '-kernel', kernel])\n",
      'boot.S': kernel(says('meson')),
    },
    says: says('meson'),
    boots: /\['meson', 'compile', '-C', 'build', 'kernel'\][\s\S]*image: 'build\/kernel.elf'/,
    needs: ['meson', 'ninja'],
  },
  'cargo with a runner': {
    files: {
      'Cargo.toml':
        '[package]\nname = "rusty"\nversion = "0.1.0"\nedition = "2021"\n\n[profile.dev]\npanic = "abort"\n',
      '.cargo/config.toml':
        '[build]\nrustflags = ["-C", "link-arg=-nostdlib", "-C", "link-arg=-static", "-C", "link-arg=-no-pie", "-C", "link-arg=-Wl,-Ttext=0x200000,-N,--build-id=none", "-C", "relocation-model=static"]\n\n[target.x86_64-unknown-linux-gnu]\nrunner = "qemu-system-x86_64 -m 64 -kernel"\n',
      'src/main.rs': `#![no_std]\n#![no_main]\nuse core::arch::global_asm;\nglobal_asm!(r#"\n.pushsection .note.Xen, "a", @note\n.align 4\n.long 4, 4, 18\n.asciz "Xen"\n.long start32\n.popsection\n.text\n.code32\n.globl _start\n_start:\nstart32:\n  mov $message, %esi\n  mov $0x3f8, %dx\n1: lodsb\n  test %al, %al\n  jz 2f\n  out %al, %dx\n  jmp 1b\n2: hlt\n  jmp 2b\nmessage: .asciz "${says('cargo')}\\n"\n.code64\n"#, options(att_syntax));\n#[panic_handler]\nfn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n`,
    },
    says: says('cargo'),
    boots: /build: \['cargo', 'build'\][\s\S]*image: 'target\/debug\/rusty'/,
    needs: ['cargo'],
  },
  'cargo with an xtask': {
    files: {
      'Cargo.toml': '[workspace]\nmembers = ["xtask"]\nresolver = "2"\n',
      '.cargo/config.toml': '[alias]\nxtask = "run --quiet --package xtask --"\n',
      'xtask/Cargo.toml': '[package]\nname = "xtask"\nversion = "0.1.0"\nedition = "2021"\n',
      'xtask/src/main.rs': `use std::process::Command;\n\nfn build() -> String {\n    let image = "os.img";\n    assert!(Command::new("as").args(["--32", "boot.S", "-o", "boot.o"]).status().unwrap().success());\n    assert!(Command::new("ld").args(["-m", "elf_i386", "-Ttext=0x7c00", "--oformat", "binary", "boot.o", "-o", image]).status().unwrap().success());\n    image.to_string()\n}\n\nfn main() {\n    match std::env::args().nth(1).as_deref() {\n        Some("build") => { build(); }\n        Some("run") => {\n            let image = build();\n            let drive = format!("format=raw,file={}", image);\n            Command::new("qemu-system-x86_64")\n                .arg("-drive")\n                .arg(format!("format=raw,file={image}"))\n                .args(&["-m", "64"])\n                .status()\n                .unwrap();\n        }\n        _ => panic!("build or run"),\n    }\n}\n`,
      'boot.S': sector(says('xtask')),
    },
    says: says('xtask'),
    boots: /\['cargo', 'xtask', 'build'\][\s\S]*disk: 'os.img'/,
    needs: ['cargo'],
  },
  'a Perl runner, as Pintos has one': {
    files: {
      Makefile: `all: os.dsk\nos.dsk: boot.S\n\t${SECTOR}\n\tcp boot.bin $@\n`,
      'utils/simulate': `#! /usr/bin/perl -w\nuse strict;\nour ($mem) = 4;\nmy ($disk) = "os.dsk";\n\nsub run_qemu {\n    my (@cmd) = ('qemu-system-i386');\n    push (@cmd, '-device', 'isa-debug-exit');\n    push (@cmd, '-drive', "file=$disk,format=raw,index=0,media=disk");\n    push (@cmd, '-m', $mem);\n    push (@cmd, '-net', 'none');\n    push (@cmd, '-nographic');\n    exec (@cmd);\n}\nrun_qemu ();\n`,
      'boot.S': sector(says('perl')),
    },
    says: says('perl'),
    boots: /disk: 'os.dsk'[\s\S]*debugExit: \{ port: 1281 \}/,
  },
  'a Python runner': {
    files: {
      Makefile: `os.img: boot.S\n\t${SECTOR}\n\tcp boot.bin $@\n`,
      'run.py': `#!/usr/bin/env python3\nimport subprocess\n\nIMAGE = "os.img"\ncmd = ["qemu-system-x86_64", "-m", "48"]\ncmd += ["-drive", f"file={IMAGE},format=raw"]\nsubprocess.run(cmd, check=True)\n`,
      'boot.S': sector(says('python')),
    },
    says: says('python'),
    boots: /disk: 'os.img'[\s\S]*memory: '48M'/,
  },
  just: {
    files: {
      justfile: `image := "os.img"\n\nbuild:\n    as --32 boot.S -o boot.o\n    ld -m elf_i386 -Ttext=0x7c00 --oformat binary boot.o -o {{image}}\n\nrun: build\n    qemu-system-i386 -drive format=raw,file={{image}}\n`,
      'boot.S': sector(says('just')),
    },
    says: says('just'),
    boots: /build: \['just', 'build'\][\s\S]*disk: 'os.img'/,
    needs: ['just'],
  },
  Limine: {
    files: {
      Makefile: `IMAGE := limine.iso\n.PHONY: all run\nall: $(IMAGE)\nkernel.elf: boot.S\n\tas --32 $< -o boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ boot.o\n$(IMAGE): kernel.elf\n\tmkdir -p iso_root/boot\n\tcp kernel.elf limine.conf iso_root/boot/\n\tcp /usr/share/limine/limine-bios.sys /usr/share/limine/limine-bios-cd.bin iso_root/boot/\n\txorriso -as mkisofs -b boot/limine-bios-cd.bin -no-emul-boot -boot-load-size 4 -boot-info-table iso_root -o $@\n\tlimine bios-install $@\nrun: $(IMAGE)\n\tqemu-system-x86_64 -M q35 -cdrom $(IMAGE) -boot d\n`,
      'limine.conf': 'timeout: 0\n/os\n  protocol: multiboot1\n  path: boot():/boot/kernel.elf\n',
      'boot.S': kernel(says('limine')),
    },
    says: says('limine'),
    boots: /tools: \['as', 'ld', 'limine', 'xorriso'\][\s\S]*iso: 'limine.iso'[\s\S]*type: 'q35'/,
    needs: ['limine', 'xorriso'],
  },
  'a UEFI application': {
    files: {
      Makefile: `OVMF ?= /usr/share/ovmf/OVMF.fd\nall: esp/EFI/BOOT/BOOTX64.EFI\nesp/EFI/BOOT/BOOTX64.EFI: app.S\n\tmkdir -p esp/EFI/BOOT\n\tas --64 $< -o app.o\n\tld -Ttext=0 --oformat binary app.o -o $@\nrun: all\n\tqemu-system-x86_64 -bios $(OVMF) -drive format=raw,file=fat:rw:esp -net none -m 256M\n`,
      'app.S': efi(says('uefi')),
    },
    says: says('uefi'),
    boots: /esp: 'esp'/,
  },
  'an exit device': {
    files: {
      Makefile: `kernel.elf: boot.S\n\tas --32 $< -o boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ boot.o\ntest: kernel.elf\n\tqemu-system-x86_64 -kernel kernel.elf -device isa-debug-exit,iobase=0x604,iosize=0x04 -display none; [ $$? -eq 33 ]\n`,
      'boot.S': kernel(says('exit'), { end: 'mov $0x604, %dx\n  xor %eax, %eax\n  out %eax, %dx' }),
    },
    says: says('exit'),
    boots: /image: 'kernel.elf'[\s\S]*debugExit: \{ port: 1540 \}/,
  },
  'port 0xe9': {
    files: {
      Makefile: `kernel.elf: boot.S\n\tas --32 $< -o boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ boot.o\nrun: kernel.elf\n\tqemu-system-x86_64 -kernel kernel.elf -debugcon stdio\n`,
      'boot.S': kernel(says('debugcon'), { ports: 'debugcon' }),
    },
    says: says('debugcon'),
    boots: /image: 'kernel.elf'/,
  },
  'bzImage with an initial RAM disk': {
    files: {
      Makefile: `bzImage: setup.S\n\tas --32 $< -o setup.o\n\tld -m elf_i386 -Ttext=0 --oformat binary setup.o -o $@\ninitrd.img:\n\techo content > $@\nrun: bzImage initrd.img\n\tqemu-system-x86_64 -kernel bzImage -initrd initrd.img -append "console=ttyS0 quiet" -nographic\n`,
      'setup.S': bzImage(says('bzImage')),
    },
    says: says('bzImage'),
    boots:
      /build: \['make', 'bzImage', 'initrd.img'\][\s\S]*boot: \{ initrd: 'initrd.img', append: 'console=ttyS0 quiet' \}/,
  },
  'recursive makefiles': {
    files: {
      Makefile:
        'SUBDIRS = kernel\nall:\n\t$(MAKE) -C kernel\nclean:\n\t$(MAKE) -C kernel clean\ninclude run.mk\n',
      'run.mk': 'run: all\n\tcd kernel && qemu-system-i386 -kernel kernel.elf\n',
      'kernel/Makefile': `kernel.elf: boot.S\n\tas --32 $< -o boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ boot.o\nclean:\n\trm -f *.o\n`,
      'kernel/boot.S': kernel(says('recursive')),
    },
    says: says('recursive'),
    boots: /build: \['make', 'all'\][\s\S]*image: 'kernel\/kernel.elf'/,
  },
  'no QEMU command': {
    files: {
      Makefile: `all: out/os.img\nout/os.img: boot.S\n\tmkdir -p out\n\t${SECTOR}\n\tcp boot.bin $@\n`,
      'boot.S': sector(says('nothing')),
    },
    says: says('nothing'),
    boots: /build: \['make'\][\s\S]*disk: 'out\/os.img'/,
  },
  'a build folder outside of the sources': {
    files: {
      Makefile: `O ?= out/debug\nKERNEL = $O/kernel.elf\nall: $(KERNEL)\n$O:\n\tmkdir -p $O\n$O/%.o: src/%.S | $O\n\tas --32 $< -o $@\n$(KERNEL): $O/boot.o\n\t${ELF}\nqemu: $(KERNEL)\n\tqemu-system-x86_64 -m 1G -kernel $(KERNEL)\n`,
      'src/boot.S': kernel(says('outside')),
    },
    says: says('outside'),
    boots: /image: 'out\/debug\/kernel.elf'[\s\S]*memory: '1G'/,
  },
  'a CI file that boots': {
    files: {
      Makefile: `os.img: boot.S\n\t${SECTOR}\n\tcp boot.bin $@\n`,
      '.github/workflows/ci.yml': `on: push\njobs:\n  boot:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n      - run: sudo apt-get install -y qemu-system-x86\n      - run: make\n      - run: |\n          timeout 30 qemu-system-i386 -display none \\\n            -drive format=raw,file=os.img -m 16\n`,
      'boot.S': sector(says('ci')),
    },
    says: says('ci'),
    boots: /disk: 'os.img'[\s\S]*memory: '16M'/,
  },
  'text functions of make, and stages that are joined': {
    files: {
      'config.mk':
        'NAME := src/hobby\nIMG := out/$(notdir $(NAME)).img\nSTAGES := $(addsuffix .bin,boot/boot stage/stage)\n',
      Makefile: `include config.mk\n.PHONY: all boot stage run run-debug\nQEMU = qemu-system-x86_64\nQEMUFLAGS = -m 48M -no-reboot\nQEMUFLAGS += -drive file=$(IMG),if=ide,format=raw\nifeq ($(HEADLESS),1)\nQEMUFLAGS += -display none\nendif\nall: $(IMG)\nboot stage:\n\t@$(MAKE) -C $@ --no-print-directory\n$(IMG): boot stage | out\n\tcat $(STAGES) > $@\n\ttruncate -s 1M $@\nout:\n\tmkdir -p out\nrun: all\n\t$(QEMU) $(QEMUFLAGS)\nrun-debug: all\n\t$(QEMU) $(QEMUFLAGS) -s -S -d int -D qemu.log &\n\tgdb -ex 'target remote :1234'\n`,
      'boot/Makefile': `boot.bin: boot.S\n\t${SECTOR}\n`,
      'boot/boot.S': sector(says('stages')),
      'stage/Makefile': 'stage.bin:\n\tprintf stage > $@\n',
    },
    says: says('stages'),
    boots: /build: \['make', 'out\/hobby.img'\][\s\S]*disk: 'out\/hobby.img'[\s\S]*memory: '48M'/,
  },
  'CMake with a module of its own': {
    files: {
      'CMakeLists.txt':
        'cmake_minimum_required(VERSION 3.16)\nproject(cosmos NONE)\nadd_custom_command(OUTPUT kernel.elf\n  COMMAND as --32 ${CMAKE_SOURCE_DIR}/boot.S -o boot.o\n  COMMAND ld -m elf_i386 -Ttext=0x100000 -N -o kernel.elf boot.o\n  DEPENDS boot.S)\nadd_custom_target(kernel ALL DEPENDS kernel.elf)\ninclude(cmake/emulator.cmake)\n',
      'cmake/emulator.cmake':
        'set(MEMORY 96M CACHE STRING "memory of the machine")\nset(OPTIONS -m ${MEMORY}\n  -no-reboot)\nlist(APPEND OPTIONS -serial stdio)\nadd_custom_target(qemu\n  COMMAND qemu-system-x86_64 -M q35 ${OPTIONS} -kernel ${CMAKE_BINARY_DIR}/kernel.elf\n  DEPENDS kernel\n  WORKING_DIRECTORY ${CMAKE_BINARY_DIR}\n  USES_TERMINAL)\n',
      'boot.S': kernel(says('module')),
    },
    says: says('module'),
    boots: /'--target', 'kernel'[\s\S]*image: 'build\/kernel.elf'[\s\S]*type: 'q35', memory: '96M'/,
    needs: ['cmake'],
  },
  'just, with arguments and variables of the environment': {
    files: {
      justfile: `out := "build"\nimage := out / "os.img"\nmemory := env_var_or_default("MEMORY", "80M")\n\ndefault: run\n\n# The image.\nbuild mode="debug":\n    mkdir -p {{out}}\n    nasm -v\n    as --32 boot.S -o {{out}}/boot.o\n    ld -m elf_i386 -Ttext=0x7c00 --oformat binary {{out}}/boot.o -o {{image}}\n\nrun *args: build\n    qemu-system-x86_64 -drive format=raw,file={{image}} -m {{memory}} {{args}}\n`,
      'boot.S': sector(says('arguments')),
    },
    says: says('arguments'),
    boots: /build: \['just', 'build'\], tools: \[[^\]]*'nasm'\], disk: 'build\/os.img'[\s\S]*memory: '80M'/,
    needs: ['just', 'nasm'],
  },
  'a script that is given the image': {
    files: {
      Makefile: `kernel.bin: boot.S\n\tas --32 $< -o boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ boot.o\nrun: kernel.bin\n\t./scripts/qemu.sh $<\ntest: kernel.bin\n\t./scripts/qemu.sh $< -display none -append test\n`,
      'scripts/qemu.sh': `#!/bin/sh\n# qemu.sh KERNEL [OPTIONS]\nkernel=$1\nshift\nqemu-system-i386 -kernel "$kernel" -m 40M -serial stdio -device isa-debug-exit,iobase=0xf4,iosize=4 "$@"\nstatus=$?\n[ $status -eq 33 ] && exit 0\nexit $status\n`,
      'boot.S': kernel(says('given'), { end: 'mov $0xf4, %dx\n  mov $16, %eax\n  out %eax, %dx' }),
    },
    says: says('given'),
    boots:
      /build: \['make', 'kernel.bin'\],[\s\S]*exitCodes: \{ 16: 'passed' \}[\s\S]*default: \{ type: 'pc', memory: '40M' \}/,
  },
  'a disk with properties that stay arguments': {
    files: {
      Makefile: `K=kernel\nQEMU = qemu-system-x86_64\nQEMUOPTS = -kernel $K/kernel -m 72M\nQEMUOPTS += -drive file=fs.img,if=none,format=raw,id=x0\nQEMUOPTS += -device virtio-blk-pci,drive=x0,disable-legacy=on\n$K/kernel: $K/boot.S\n\tas --32 $< -o $K/boot.o\n\tld -m elf_i386 -Ttext=0x100000 -N -o $@ $K/boot.o\nfs.img: README\n\tdd if=/dev/zero of=$@ bs=1024 count=64 2>/dev/null\nqemu: $K/kernel fs.img\n\t$(QEMU) $(QEMUOPTS)\nqemu-gdb: $K/kernel fs.img\n\t$(QEMU) $(QEMUOPTS) -S -gdb tcp::26000\n`,
      README: 'a file system\n',
      'kernel/boot.S': kernel(says('properties')),
    },
    says: says('properties'),
    boots: /build: \['make', 'kernel\/kernel', 'fs.img'\][\s\S]*'file=fs.img,if=none,format=raw,id=x0'/,
  },
  'firmware that the tree names and does not have': {
    files: {
      Makefile: `all: esp/EFI/BOOT/BOOTX64.EFI\nesp/EFI/BOOT/BOOTX64.EFI: app.S\n\tmkdir -p esp/EFI/BOOT\n\tas --64 $< -o app.o\n\tld -Ttext=0 --oformat binary app.o -o $@\nrun: all\n\tqemu-system-x86_64 -drive if=pflash,format=raw,unit=0,file=ovmf/OVMF_CODE.fd,readonly=on -drive if=pflash,format=raw,unit=1,file=ovmf/OVMF_VARS.fd -drive format=raw,file=fat:rw:esp -m 256M\n`,
      'app.S': efi(says('firmware')),
    },
    says: says('firmware'),
    boots: /esp: 'esp'/,
  },
}
