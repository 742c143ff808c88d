import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rootedHost } from '../../../test/support/rooted-host.ts'
import type { Step } from '../../steps/step.ts'
import { type BootLoader, findBootLoader } from './boot-loader.ts'
import { bootParameters } from './boot-parameters.ts'
import { bootSteps } from './boot-steps.ts'

let root = ''
let programs = ''
const path = process.env.PATH
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'loader-'))
  programs = mkdtempSync(join(tmpdir(), 'programs-'))
  process.env.PATH = programs
  put('/proc/cmdline', 'root=/dev/sda1 quiet\n')
  put('/proc/sys/kernel/osrelease', '6.1.0-1-amd64\n')
})
afterEach(() => {
  process.env.PATH = path
  for (const folder of [root, programs]) rmSync(folder, { recursive: true })
})

function put(name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, name)), { recursive: true })
  writeFileSync(join(root, name), content)
}

/** A program that is found; with a text, that text is what a host reads of it. */
function install(name: string, text = ''): void {
  writeFileSync(join(programs, name), '#!/bin/true\n')
  chmodSync(join(programs, name), 0o755)
  put(join(programs, name), text)
}

const efi = (name: string, text: string) =>
  put(
    `/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`,
    Buffer.concat([Buffer.from([6, 0, 0, 0]), Buffer.from(`${text}\0`, 'utf16le')]),
  )

const MENU = `set default="0"
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-x' {
	load_video
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	linux	/boot/vmlinuz-6.1.0-1-amd64 root=UUID=x ro  quiet
	initrd	/boot/initrd.img-6.1.0-1-amd64
}
submenu 'Advanced options' {
	menuentry 'Debian, with 6.1.0-1' {
		linux	/boot/vmlinuz-6.1.0-1-amd64 root=UUID=x ro single
	}
}
`
const ENTRY = `title Debian
version 6.1.0-1-amd64
sort-key debian
options root=UUID=x ro quiet
linux /m/6.1.0-1-amd64/linux
`
const WORDS = ['memmap=1G!4G']
const host = (answers: Readonly<Record<string, string>> = {}) => rootedHost(root, answers)
const steps = (loader: BootLoader) => bootSteps(loader, WORDS, host())
const paramsOf = (list: readonly Step[]) =>
  list.filter((s) => s.kind === 'boot-parameters').map((s) => bootParameters.schema.parse(s.params))[0]

async function loaderHere(answers?: Readonly<Record<string, string>>): Promise<BootLoader> {
  const found = await findBootLoader(host(answers))
  if ('code' in found) throw new Error(found.code)
  return found
}

describe('which boot loader', () => {
  test('GRUB, with a folder of settings only where its program knows of one', async () => {
    put('/boot/grub/grub.cfg', MENU)
    put('/etc/default/grub', 'GRUB_TIMEOUT=5')
    install('update-grub')
    install('grub-mkconfig', 'for x in /etc/default/grub.d/*.cfg')
    expect(await loaderHere()).toMatchObject({
      kind: 'grub-drop-in',
      folder: '/etc/default/grub.d',
      update: ['update-grub'],
    })
    install('grub-mkconfig', 'nothing of the kind')
    expect(await loaderHere()).toMatchObject({ kind: 'grub-file' })
  })
  test('Fedora’s entries, by grubby', async () => {
    put('/boot/loader/entries/m-6.1.conf', ENTRY)
    install('grubby')
    expect(await loaderHere()).toEqual({ kind: 'grubby', entries: '/boot/loader/entries' })
  })
  test('systemd-boot, with and without kernel-install; a counted entry', async () => {
    efi('LoaderInfo', 'systemd-boot 252')
    efi('LoaderEntrySelected', 'm-6.1.0-1-amd64.conf')
    put('/efi/loader/entries/m-6.1.0-1-amd64+3-0.conf', ENTRY)
    put('/boot/vmlinuz-6.1.0-1-amd64', 'kernel')
    expect(await loaderHere({ bootctl: '/efi\n' })).toMatchObject({ kind: 'systemd-boot' })
    install('kernel-install')
    expect(await loaderHere({ bootctl: '/efi\n' })).toMatchObject({
      kind: 'kernel-install',
      entry: '/efi/loader/entries/m-6.1.0-1-amd64+3-0.conf',
      image: '/boot/vmlinuz-6.1.0-1-amd64',
    })
  })
  test('one image with its command line in it, and none at all', async () => {
    expect(await findBootLoader(host())).toMatchObject({ code: 'PMEM_NO_BOOT_LOADER' })
    efi('LoaderEntrySelected', 'debian-6.1.efi')
    expect(await findBootLoader(host())).toMatchObject({ code: 'PMEM_UNIFIED_KERNEL' })
  })
})

describe('what is written', () => {
  test('GRUB: a drop-in, and the entry as it was beside the menu', async () => {
    put('/boot/grub/grub.cfg', MENU)
    const list = steps({
      kind: 'grub-drop-in',
      folder: '/etc/default/grub.d',
      menu: '/boot/grub/grub.cfg',
      update: ['update-grub'],
    })
    expect(list[0]?.params).toMatchObject({
      path: '/boot/grub/custom.cfg',
      content: expect.stringContaining(`menuentry 'Debian GNU/Linux (before bringup)' --class os {
	load_video
	if [ x$grub_platform = xxen ]; then insmod xzio; fi
	linux	/boot/vmlinuz-6.1.0-1-amd64 root=UUID=x ro  quiet
	initrd	/boot/initrd.img-6.1.0-1-amd64
}
`),
    })
    expect(paramsOf(list)?.settings?.content).toContain(
      `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT"' memmap=1G!4G'\n`,
    )
  })
  test('GRUB with one file: appended, once', () => {
    put('/boot/grub2/grub.cfg', MENU)
    put('/etc/default/grub', 'GRUB_TIMEOUT=5')
    const loader: BootLoader = {
      kind: 'grub-file',
      file: '/etc/default/grub',
      menu: '/boot/grub2/grub.cfg',
      update: ['u'],
    }
    const content = paramsOf(steps(loader))?.settings?.content ?? ''
    expect(content).toMatch(/^GRUB_TIMEOUT=5\n# Written by bringup/)
    put('/etc/default/grub', content)
    expect(paramsOf(steps(loader))?.settings?.content).toBe(content)
  })
  test('systemd-boot: options of the entry, and a copy that is sorted last', () => {
    put('/efi/loader/entries/a.conf', ENTRY)
    const list = steps({
      kind: 'systemd-boot',
      entries: '/efi/loader/entries',
      entry: '/efi/loader/entries/a.conf',
    })
    expect(list[0]?.params).toMatchObject({
      path: '/efi/loader/entries/0-before-bringup.conf',
      content: 'title Debian (before bringup)\noptions root=UUID=x ro quiet\nlinux /m/6.1.0-1-amd64/linux\n',
    })
    expect(paramsOf(list)?.settings?.content).toContain('options root=UUID=x ro quiet memmap=1G!4G\n')
  })
  test('kernel-install: the command line of kernels to come, made of the entry if it is missing', () => {
    put('/efi/loader/entries/a.conf', ENTRY)
    const loader: BootLoader = {
      kind: 'kernel-install',
      entries: '/efi/loader/entries',
      entry: '/efi/loader/entries/a.conf',
      image: '/i',
    }
    expect(paramsOf(steps(loader))).toMatchObject({
      settings: { path: '/etc/kernel/cmdline', content: 'root=UUID=x ro quiet memmap=1G!4G\n' },
      update: ['kernel-install', 'add', '6.1.0-1-amd64', '/i'],
    })
  })
})

describe('the step over its life', () => {
  const grub: BootLoader = {
    kind: 'grub-drop-in',
    folder: '/etc/default/grub.d',
    menu: '/boot/grub/grub.cfg',
    update: ['update-grub'],
  }
  const withWords = MENU.replace('ro  quiet', 'ro  quiet memmap=1G!4G')

  /** A step that was applied: what was before, and what there is now. */
  async function applied() {
    put('/etc/default/grub', 'GRUB_TIMEOUT=5')
    put('/boot/grub/grub.cfg', MENU)
    const params = paramsOf(steps(grub))
    if (!params?.settings) throw new Error('no settings')
    const finding = await bootParameters.check(params, host())
    if (finding.state !== 'change') throw new Error(finding.state)
    put(params.settings.path, params.settings.content)
    chmodSync(join(root, params.settings.path), 0o644)
    put('/boot/grub/grub.cfg', withWords)
    return { params, finding, before: JSON.parse(JSON.stringify(finding.before)) as typeof finding.before }
  }

  test('change, reboot, done', async () => {
    const { params, finding } = await applied()
    expect(finding.commands.at(-1)).toMatchObject({
      argv: ['update-grub'],
      asRoot: true,
      whenOrphaned: 'finish',
    })
    expect(await bootParameters.check(params, host())).toMatchObject({ state: 'reboot' })
    put('/proc/cmdline', 'quiet memmap=1G!4G')
    expect(await bootParameters.check(params, host())).toMatchObject({ state: 'done' })
  })
  test('undone byte for byte while the kernels are the same', async () => {
    const { params, before } = await applied()
    const undo = await bootParameters.undo(params, before, host())
    if (undo.state !== 'change') throw new Error(undo.state)
    expect(undo.commands[0]?.argv).toEqual(['rm', '/etc/default/grub.d/99-bringup-pmem.cfg'])
    expect(undo.commands.find((c) => c.stdin !== undefined)).toMatchObject({
      argv: ['dd', 'of=/boot/grub/grub.cfg.bringup', 'conv=fsync', 'status=none'],
      stdin: { base64: Buffer.from(MENU).toString('base64') },
    })
    rmSync(join(root, 'etc/default/grub.d'), { recursive: true })
    put('/boot/grub/grub.cfg', MENU)
    expect(await bootParameters.undo(params, before, host())).toMatchObject({ state: 'done' })
  })
  test('where a kernel has come since, its menu is made anew instead', async () => {
    const { params, before } = await applied()
    put('/boot/grub/grub.cfg', withWords.replaceAll('6.1.0-1', '6.1.0-2'))
    const undo = await bootParameters.undo(params, before, host())
    expect(undo).toMatchObject({ state: 'change' })
    expect(undo.state === 'change' && undo.commands.at(-1)?.argv).toEqual(['update-grub'])
  })
  test('settings that another program changed since are not removed', async () => {
    const { params, before } = await applied()
    put(params.settings?.path ?? '', 'mine')
    expect(await bootParameters.undo(params, before, host())).toMatchObject({
      state: 'blocked',
      diagnostics: [{ code: 'FILE_CHANGED_SINCE' }],
    })
  })
})
