/**
 * Keeps the English plain: words that readers stumbled over, each with the word to use instead. Looks at every text
 * that users and contributors read: messages, comments, docs.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from './processes.mjs'

/** Pattern, and what to write instead. */
export const WORDS = [
  [/\bmend(s|ed|ing)?\b/i, 'fix'],
  [/\b(leave|leaves|leaving|left) (`[^`]+`|\S+) away\b/i, 'omit'],
  // `nobody` is also the name of a user: quoted, after "user", "as" or three dots, before `=`.
  [
    /\b(?:[Ss]omebody|Nobody|(?<!(?:['`"-]|user |as |packager = |\.\.\.))nobody(?!['`"]| =)|[Ww]hoever|[Aa]nybody|[Nn]o one)\b/,
    'another process, the user, no process',
  ],
  [/\bwhosoever\b/i, 'any user'],
  [/(?<!there )\b(is|are) none\b/i, 'is missing, is not a …'],
  [/\bthere (is|are) none such\b/i, 'does not exist'],
  [/\bnot told\b/i, 'not reported'],
  [/\b(can|could)(not| not)? be had\b/i, 'is available, is unavailable'],
  [/\bto be had\b/i, 'available'],
  [/\bat the begin of\b/i, 'at the start of'],
  [/\bguess(es)? nothing\b/i, 'say what is read, and from where'],
  [/\bwithout a word\b/i, 'silently'],
  [/\bhas no word\b/i, 'does not say'],
  [/\bof its own accord\b/i, 'by itself'],
  [/\b(is|are|was|were) asked (of|for by)\b/i, 'say who reads what, and how'],
  [/\bwhat lies beneath\b/i, 'dependencies'],
  [/\bno such (thing|one)\b/i, 'name what does not exist'],
  [/\balready so\b/i, 'up to date'],
  [/\bwell-?nigh\b|\bwhence\b|\bthence\b|\bherein\b/i, 'plain words'],
  [/\btakes? leave\b/i, 'exits'],
  [/\bdo(es)? not meet\b/i, 'do not interfere'],
  [/\bgoes? along\b/i, 'comes with it'],
  [/\bcomes? to run\b/i, 'starts'],
  [/\bnot a few\b|\bere long\b/i, 'plain words'],
  [/\bhas its say\b|\bhas the say\b/i, 'decides'],
  [/\bminds? its own\b/i, 'plain words'],
  [/\blife begins\b/i, 'boots'],
  [/\bfor ever\b/i, 'forever'],
  [/\bforever(?=[a-z])/i, 'for every'],
  [/\bin vain\b/i, 'without success'],
  [/\b(is|are|was|were) thrown away\b/i, 'discarded'],
  [/\bleft away\b/i, 'omitted'],
  [/\bgoes on running\b/i, 'keeps running'],
  [/\b(it|that|this) is no multiple of\b|\bis no multiple of\b/i, 'is not a multiple of'],
  [/\bits own words\b/i, 'its output, its message'],
  [/\b(begin|begins|start|starts) anew\b/i, 'start again, create an empty …'],
  [/\bwhat lies\b/i, 'what is, the content'],
  [/\bbelieves? (a|the|its|them|it|no|QEMU)\b/i, 'use, rely on'],
  [/\bits kin\b/i, 'its derivatives'],
]

/** The list of words itself has to name them; an earlier version's output stays as it was. */
const ALLOWED = ['scripts/check-words.mjs', 'scripts/check-words.test.ts', 'docs/guide/sessions-before.md']

/** Findings in one text, as `line: word → instead`. */
export function findWords(text) {
  return text.split('\n').flatMap((line, index) =>
    WORDS.flatMap(([pattern, instead]) => {
      const found = pattern.exec(line)
      return found ? [{ line: index + 1, word: found[0], instead }] : []
    }),
  )
}

function filesToRead() {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  return listed
    .split('\0')
    .filter((path) => /\.(ts|mjs|js|c|h|S|md|json|sh)$|Makefile$/.test(path))
    .filter(
      (path) => !ALLOWED.includes(path) && !/^(package-lock\.json|test\/fixtures\/|docs\/api\/)/.test(path),
    )
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  let count = 0
  for (const path of filesToRead()) {
    for (const { line, word, instead } of findWords(readFileSync(join(ROOT, path), 'utf8'))) {
      count += 1
      console.error(`${path}:${line}: "${word}": write: ${instead}`)
    }
  }
  if (count > 0) console.error(`${count} ${count === 1 ? 'word' : 'words'} to replace`)
  process.exitCode = count === 0 ? 0 : 1
}
