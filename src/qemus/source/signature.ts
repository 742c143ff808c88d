/** Checks that a file was signed by one of the keys with which QEMU's releases are signed. Source: gpgv(1), DETAILS of GnuPG. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { writeWhole } from '../../own-files.ts'
import { PACKAGE_FOLDER } from '../../package-folder.ts'
import { toolMissing } from '../run-tool.ts'

export const problems = defineDiagnostics({
  QEMU_SIGNATURE_WRONG: {
    title: 'A release of QEMU is not signed by a key of QEMU’s.',
    why: 'the file is damaged, or it does not come from QEMU; it was deleted',
    remedy: 'download it again; if that does not help, use --from apt-source',
  },
  QEMU_CHECKSUM_WRONG: {
    title: 'A file does not have the SHA-256 that --sha256 names.',
    why: 'the file is damaged, or another one was meant',
    remedy: 'compare the digest with the one that its publisher names',
  },
})

/** Public keys, and the fingerprints that bringup accepts of them. */
export interface ReleaseKeys {
  /** File with armoured public keys. */
  readonly file: string
  readonly fingerprints: readonly string[]
}

/**
 * Michael Roth, who signs QEMU's releases. Sources: www.qemu.org/download, debian/upstream/signing-key.asc of Debian's
 * source package of QEMU 10.0.13.
 */
export const RELEASE_KEYS: ReleaseKeys = {
  file: join(PACKAGE_FOLDER, 'src/qemus/source/release-key.asc'),
  fingerprints: ['CEACC9E15534EBABB82D3FA03353C9CEF108B584'],
}

export interface SignedFile {
  readonly file: string
  /** The detached signature. */
  readonly signature: string
  readonly keys: ReleaseKeys
  readonly signal: AbortSignal
}

/**
 * @returns the fingerprint of the key
 * @throws BringupError QEMU_SIGNATURE_WRONG, QEMU_TOOL_MISSING
 */
export async function checkSignature({ file, signature, keys, signal }: SignedFile): Promise<string> {
  const keyring = `${signature}.keyring`
  writeWhole(keyring, dearmoured(readFileSync(keys.file, 'utf8')))
  try {
    const args = ['--status-fd', '1', '--keyring', keyring, signature, file]
    const result = await execa('gpgv', args, {
      env: { LC_ALL: 'C' },
      reject: false,
      cancelSignal: signal,
      stdin: 'ignore',
    })
    signal.throwIfAborted()
    if (result.code === 'ENOENT') throw toolMissing('gpgv', 'gpgv checks the signatures of releases')
    const judged = judgeStatus(result.stdout, keys.fingerprints)
    if ('signer' in judged) return judged.signer
    const evidence = (result.stderr || result.message || '').split('\n').slice(-5)
    throw new BringupError([problems.QEMU_SIGNATURE_WRONG.at('', `${file}: ${judged.why}`, { evidence })])
  } finally {
    rmSync(keyring, { force: true })
  }
}

/**
 * Reads the status lines of gpgv. An expired key is no objection: it signed before, and its fingerprint is pinned here.
 * Pure.
 */
export function judgeStatus(
  status: string,
  fingerprints: readonly string[],
): { readonly signer: string } | { readonly why: string } {
  const lines = status
    .split('\n')
    .flatMap((line) =>
      /^\[GNUPG:\] (\w+)(?: (.*))?$/.exec(line)?.slice(1, 3) ? [line.slice(9).split(' ')] : [],
    )
  const has = (word: string) => lines.find(([first]) => first === word)
  if (has('BADSIG')) return { why: 'the signature is of another content' }
  if (has('REVKEYSIG')) return { why: 'the key was revoked' }
  const valid = has('VALIDSIG')
  if (valid === undefined) {
    const key = has('NO_PUBKEY')?.[1]
    return { why: key ? `signed by the unknown key ${key}` : 'a valid signature is missing' }
  }
  // The last field is the primary key, the first one that of the subkey that signed.
  const signer = valid.at(-1) ?? ''
  return fingerprints.includes(signer)
    ? { signer }
    : { why: `signed by ${signer}, which is not a key of QEMU` }
}

/** The bytes in an armoured file (RFC 9580, 6.2); gpgv reads keyrings in binary form only. Pure. */
export function dearmoured(text: string): Buffer {
  const blocks = text.matchAll(/^-----BEGIN PGP [^-]+-----\r?\n([\s\S]*?)^-----END PGP [^-]+-----/gm)
  const parts = [...blocks].map(([, body = '']) => {
    const lines = body.split(/\r?\n/)
    const isHeader = (line: string) => /^[\w-]+: /.test(line)
    return Buffer.from(lines.filter((l) => !isHeader(l) && !l.startsWith('=')).join(''), 'base64')
  })
  return Buffer.concat(parts)
}
