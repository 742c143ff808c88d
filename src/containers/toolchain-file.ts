/** The Rust toolchain that a source tree asks for. Source: "The toolchain file" in the rustup book. */
export function parseToolchainFile(
  text: string,
): { channel: string; components: readonly string[]; targets: readonly string[] } | undefined {
  const list = (key: string) =>
    [
      ...(new RegExp(`^${key}\\s*=\\s*\\[([^\\]]*)\\]`, 'm').exec(text)?.[1] ?? '').matchAll(/"([^"]+)"/g),
    ].map((m) => m[1] ?? '')
  const channel = /^\s*([\w.-]+)\s*$/.exec(text)?.[1] ?? /^channel\s*=\s*"([^"]+)"/m.exec(text)?.[1]
  return channel === undefined
    ? undefined
    : { channel, components: list('components'), targets: list('targets') }
}
