/** Looks at a command line before it is read: which options there are may depend on the project that it names. */

/** The last value given for an option by one of its names: `--machine big`, `--machine=big`, `-m big`, `-mbig`. */
export function peekValue(words: readonly string[], names: readonly string[]): string | undefined {
  const found = words.flatMap((word, index) => {
    if (names.includes(word)) return words[index + 1] ?? []
    const long = names.find((name) => name.startsWith('--') && word.startsWith(`${name}=`))
    if (long !== undefined) return word.slice(long.length + 1)
    const short = names.find(
      (name) => !name.startsWith('--') && word.startsWith(name) && !word.startsWith('--'),
    )
    return short === undefined ? [] : word.slice(short.length)
  })
  return found.at(-1)
}
